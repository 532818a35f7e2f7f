"""Pictures for the page: what a reader sees is what `render` makes, and windows go beyond it."""

import gzip
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from screening.errors import UndecodablePixelsError
from screening.imaging.rendering.preview import preview_jpeg, window_values
from screening.imaging.rendering.render import render
from tests.unit.imaging.misdescribed import made


def written(path: Path, pixels: NDArray[np.uint16], **attributes: Any) -> Path:
    """Write a 12-bit image."""
    data_set = made(pixels, 12, **attributes)
    data_set.save_as(path, enforce_file_format=True, little_endian=True, implicit_vr=False)
    return path


def slope(rows: int, columns: int) -> NDArray[np.uint16]:
    """Return all 12-bit values from left to right."""
    return np.tile(np.linspace(0, 4095, columns).astype(np.uint16), (rows, 1))


def read_values(path: Path) -> tuple[dict[str, int], NDArray[np.uint16]]:
    """Return what `window_values` says and its values, (rows, columns)."""
    line, _, values = gzip.decompress(window_values(path)).partition(b"\n")
    said = json.loads(line)
    return said, np.frombuffer(values, "<u2").reshape(said["rows"], said["columns"])


def test_a_preview_is_what_is_rendered_and_fits_a_screen(tmp_path: Path) -> None:
    """At most 1,024 pixels, of the same shape, within a JPEG's loss of the rendered image."""
    path = written(tmp_path / "one.dcm", slope(600, 2048), WindowCenter=2048, WindowWidth=4096)
    with Image.open(BytesIO(preview_jpeg(path))) as preview:
        assert preview.size == (1024, 300)
        shown = np.asarray(preview, dtype=float)
    expected = render(path).pixels[::2, ::2].astype(float)
    assert np.abs(shown - expected).max() < 8


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_the_first_window_gives_the_rendered_image(tmp_path: Path, photometric: str) -> None:
    """Values between `low` and `high` are the rendered grey, also where low values are bright."""
    path = written(
        tmp_path / "one.dcm",
        slope(4, 1000),
        PhotometricInterpretation=photometric,
        WindowCenter=1500,
        WindowWidth=1000,
    )
    said, values = read_values(path)
    grey = (values.astype(float) - said["low"]) / (said["high"] - said["low"])
    difference = np.abs(np.clip(grey, 0, 1) * 255 - render(path).pixels)
    assert difference.max() < 4
    assert len(np.unique(values)) > 900  # what the window shows as black and white is still apart


def test_values_are_reduced_and_padding_is_black(tmp_path: Path) -> None:
    """At most 2,048 pixels; padding takes no part in the range."""
    pixels = slope(8, 3000) // 2 + 1000
    pixels[:, :300] = 4095
    path = written(tmp_path / "one.dcm", pixels, PixelPaddingValue=4095)
    said, values = read_values(path)
    assert (said["rows"], said["columns"]) == (5, 2048)
    assert not values[:, :200].any()
    assert values.max() == 65535


def test_uniform_colour_and_pixelless_images_end_in_an_answer(tmp_path: Path) -> None:
    """One grey level gives a window of the whole range, colour its luma, no pixels an error."""
    uniform = written(tmp_path / "one.dcm", np.full((4, 4), 7, np.uint16))
    assert read_values(uniform)[0] == {"rows": 4, "columns": 4, "low": 0, "high": 65535}
    all_padding = written(tmp_path / "two.dcm", np.full((4, 4), 7, np.uint16), PixelPaddingValue=7)
    assert not read_values(all_padding)[1].any()
    colour = written(
        tmp_path / "three.dcm",
        np.full((4, 6), 0xFFFF, np.uint16),
        Columns=4,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
    )
    assert read_values(colour)[1].min() == 65535
    empty = written(tmp_path / "four.dcm", np.zeros((4, 4), np.uint16), PixelData=b"")
    for make in (preview_jpeg, window_values):
        with pytest.raises(UndecodablePixelsError):
            make(empty)
