"""What cannot be misunderstood is rendered as its true twin, and the render path says so."""

import struct
import subprocess
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from screening.errors import UndecodablePixelsError
from screening.imaging.quiet import quiet
from screening.imaging.rendering.render import render
from screening.imaging.rendering.render_path import VoiStep
from screening.imaging.tolerance import Tolerance
from tests.services.programs import program
from tests.unit.imaging.misdescribed import LUT_CASES, WINDOW, Misdescribed, made, picture
from tests.unit.imaging.misdescribed_values import VALUE_CASES

CASES = LUT_CASES | VALUE_CASES
NAMES = tuple(CASES)
ROOT = Path(__file__).parents[3]


def write(data_set: Dataset, path: Path, uid: str = ExplicitVRLittleEndian) -> Path:
    """Write an object in a transfer syntax, what pydicom takes for no DS as one all the same."""
    data_set.file_meta.TransferSyntaxUID = uid
    with quiet():
        data_set.save_as(path, enforce_file_format=True, overwrite=True)
    content = path.read_bytes()
    for tag in (0x00281050, 0x00281051, 0x00281052, 0x00281053):
        head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
        content = content.replace(head + b"LO", head + b"DS")
    path.write_bytes(content)
    return path


def as_true(case: Misdescribed, folder: Path) -> np.ndarray:
    """Assert that both pictures are one, and return the wrong one's."""
    wrong = render(write(case.wrong, folder / "wrong.dcm"))
    true = render(write(case.true, folder / "true.dcm"))
    assert true.path.voi is wrong.path.voi
    assert np.abs(wrong.pixels.astype(int) - true.pixels.astype(int)).max() <= 1
    assert len(np.unique(true.pixels)) > 100
    assert set(case.noted) <= set(wrong.path.tolerated)
    return wrong.pixels


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_picture_of_its_true_twin(name: str, tmp_path: Path) -> None:
    """Within 1 grey level; what was not believed is in the render path, and nothing else is."""
    case = CASES[name]
    as_true(case, tmp_path)
    tolerated = render(tmp_path / "wrong.dcm").path.tolerated
    assert bool(tolerated) == bool(case.noted), tolerated


@pytest.mark.integration
@pytest.mark.parametrize("name", NAMES)
def test_dcmtk_renders_the_true_twin_the_same(name: str, tmp_path: Path) -> None:
    """DCMTK's dcm2pnm is given the true object, we the wrong one: within 1 grey level.

    Without a window DCMTK stretches the extremes and we percentiles: those are left out.
    """
    case = CASES[name]
    ours = render(write(case.wrong, tmp_path / "wrong.dcm"))
    if ours.path.voi is VoiStep.PERCENTILE:
        return
    source, target = write(case.true, tmp_path / "true.dcm"), tmp_path / "true.pgm"
    choice = "+Wl" if ours.path.voi is VoiStep.LUT else "+Wi"
    command = [program("dcm2pnm"), choice, "1", "+op", source, target]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    expected = np.asarray(Image.open(target), dtype=int)
    assert np.abs(ours.pixels.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    "name", ["12 bits in 16", "packed in OW", "signed pixels, first as US", "count one too many"]
)
@pytest.mark.parametrize("uid", [ExplicitVRBigEndian, ImplicitVRLittleEndian])
def test_in_other_transfer_syntaxes(name: str, uid: str, tmp_path: Path) -> None:
    """Big endian words, packed ones too (the first entry is the low byte), and implicit VRs."""
    case = CASES[name]
    expected = render(write(case.true, tmp_path / "true.dcm")).pixels
    wrong = case.wrong
    if uid == ExplicitVRBigEndian:
        wrong = _swapped(wrong)
    rendered = render(write(wrong, tmp_path / "wrong.dcm", uid)).pixels
    assert np.abs(rendered.astype(int) - expected).max() <= 1


def _swapped(data_set: Dataset) -> Dataset:
    """Return an object whose words, which pydicom writes as they are, are big endian."""
    swapped = deepcopy(data_set)
    swapped.PixelData = np.frombuffer(swapped.PixelData, "<u2").byteswap().tobytes()
    for item in swapped.get("VOILUTSequence", []):
        item["LUTData"].value = np.frombuffer(item.LUTData, "<u2").byteswap().tobytes()
    return swapped


def test_bits_below_and_above_the_values_that_nothing_explains(tmp_path: Path) -> None:
    """Noise in all 16 bits, said to be 12 up to bit 15: no way to read it is better."""
    noise = np.random.default_rng(1).integers(0, 1 << 16, (96, 80)).astype(np.uint16)
    path = write(made(noise, 12, HighBit=15, **WINDOW), tmp_path / "noise.dcm")
    with pytest.raises(UndecodablePixelsError, match="High Bit 15, found bits below and above"):
        render(path)


def test_monochrome1_is_inverted_whatever_the_shape_says(tmp_path: Path) -> None:
    """IDENTITY contradicts MONOCHROME1; the stored values' own meaning counts, noted."""
    inverse, identity, none = (
        render(
            write(
                made(picture(12), 12, PhotometricInterpretation="MONOCHROME1", **WINDOW, **shape),
                tmp_path / "mono1.dcm",
            )
        )
        for shape in (
            {"PresentationLUTShape": "INVERSE"},
            {"PresentationLUTShape": "IDENTITY"},
            {},
        )
    )
    assert np.array_equal(identity.pixels, none.pixels)
    assert np.array_equal(inverse.pixels, none.pixels)
    assert [len(one.path.tolerated) for one in (inverse, identity, none)] == [0, 1, 0]


def test_the_conformance_statement_names_every_tolerance() -> None:
    """Its table has a row for each word that a render path may hold, and no other word."""
    text = (ROOT / "docs" / "conformance.md").read_text()
    section = text.split("## 8. What is tolerated")[1].split("\n## ")[0]
    rows = [row.split("|")[-2].strip() for row in section.splitlines() if row.startswith("| ")]
    words = {word.strip("` ") for row in rows for word in row.split(",") if "`" in word}
    assert words == {str(tolerance) for tolerance in Tolerance}
