"""The Secondary Capture of heat-maps: what it shows, says and refers to."""

from dataclasses import replace
from io import BytesIO

import pydicom
import pytest

from screening.delivery.rendering import RENDERINGS
from screening.errors import ReportNotPossibleError
from tests.reports.heat_maps import content_with_heat_maps
from tests.reports.samples import content, header

RENDER = RENDERINGS.named("heat_map").render


def test_it_shows_the_radiograph_once_for_each_network() -> None:
    """Coloured where the map is hot, grey elsewhere, with words below."""
    made = pydicom.dcmread(BytesIO(RENDER(header(), content_with_heat_maps()).encoded))
    pixels = made.pixel_array
    assert pixels.shape[1:] == (480, 3)
    assert pixels.shape[0] > 301
    for left in (0, 240):
        red, green, blue = pixels[85, left + 70].astype(int)
        assert red > 150 < green
        assert blue < 120
        assert pixels[20, left + 20].tolist() == [100, 100, 100]
        assert pixels[220, left + 170].tolist() == [100, 100, 100]
    assert pixels[302:].max() > 200


def test_it_says_what_it_is_of_and_for_what() -> None:
    """Its source, a series of its own, research use; the same bytes each time."""
    document = RENDER(header(), content_with_heat_maps(trained=False))
    made = pydicom.dcmread(BytesIO(document.encoded))
    [source] = made.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == header().SOPInstanceUID
    assert made.StudyInstanceUID == header().StudyInstanceUID
    assert made.SeriesInstanceUID != header().SeriesInstanceUID
    assert made.SeriesDescription == "Heat-maps, UNTRAINED, research use"
    assert made.ImageComments.startswith("RESEARCH USE ONLY, not diagnostic.")
    assert "coronet: covid19" in made.ImageComments
    assert "Selvaraju" in made.DerivationDescription
    assert RENDER(header(), content_with_heat_maps(trained=False)) == document


def test_without_heat_maps_there_is_none() -> None:
    """Neither without a picture's parts, nor where no network knows the class."""
    with pytest.raises(ReportNotPossibleError, match="expected heat-maps"):
        RENDER(header(), content())
    whole = content_with_heat_maps()
    assert whole.heat_maps is not None
    with pytest.raises(ReportNotPossibleError, match="a heat-map of each network"):
        RENDER(header(), replace(whole, heat_maps=replace(whole.heat_maps, maps=())))
