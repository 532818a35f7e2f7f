"""Two objects, one picture: told by the stored pixels, whatever the transfer syntax."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from screening.imaging.same_picture import PictureComparison, compare_pictures
from tests.peers.receiving import radiograph
from tests.rows.resending import compressed, encoded, with_losses

SIDE = 64


def twelve_bits(*, frames: int = 1, **attributes: Any) -> bytes:
    """Return an object of 12 stored bits in 16, as radiographs are."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    picture = ((rows * 61 + columns * 3) % 4096).astype("<u2")
    return radiograph(
        side=SIDE,
        **{
            "BitsAllocated": 16,
            "BitsStored": 12,
            "HighBit": 11,
            "PixelData": picture.tobytes() * frames,
            **({"NumberOfFrames": frames} if frames > 1 else {}),
            **attributes,
        },
    )


def compared(folder: Path, one: bytes, other: bytes) -> PictureComparison:
    """Return what comes of comparing two files."""
    paths = (folder / "one.dcm", folder / "other.dcm")
    for path, content in zip(paths, (one, other), strict=True):
        path.write_bytes(content)
    return compare_pictures(*paths)


@pytest.mark.parametrize("uid", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_lossless_transfer_syntaxes_agree(tmp_path: Path, uid: str) -> None:
    """Of twelve bits in sixteen, both ways."""
    one, other = twelve_bits(), compressed(twelve_bits(), uid)
    assert compared(tmp_path, one, other) == PictureComparison(same=True)
    assert compared(tmp_path, other, one) == PictureComparison(same=True)


def test_one_pixel_is_another_picture(tmp_path: Path) -> None:
    """However small the difference, also where it vanishes in the rendered 8 bits."""
    changed = dcmread(BytesIO(twelve_bits()))
    pixels = bytearray(changed.PixelData)
    pixels[2 * 2000] ^= 1
    changed.PixelData = bytes(pixels)
    found = compared(tmp_path, twelve_bits(), encoded(changed))
    assert found == PictureComparison(same=False, found="other pixels")


def test_losses_are_named(tmp_path: Path) -> None:
    """An operator reads why a PACS's lossy copy counts as a conflict; its own copy does not."""
    lossy = with_losses(twelve_bits())
    assert "compressed with losses" in compared(tmp_path, twelve_bits(), lossy).found
    again = dcmread(BytesIO(lossy))
    again.PatientID = "PID-78"
    assert compared(tmp_path, lossy, encoded(again)).same


@pytest.mark.parametrize(
    ("attributes", "same"),
    [
        ({"WindowCenter": "100", "WindowWidth": "50"}, False),
        ({"PresentationLUTShape": "INVERSE"}, False),
        ({"PatientID": "PID-78"}, True),
        ({"BitsStored": 11, "HighBit": 10}, False),
    ],
    ids=["window", "shape", "patient", "bits"],
)
def test_what_renders_otherwise_is_another_picture(
    tmp_path: Path, attributes: dict[str, Any], *, same: bool
) -> None:
    """The result is copied, so what would be scored must be the same."""
    assert compared(tmp_path, twelve_bits(), twelve_bits(**attributes)).same is same


def test_of_several_frames_the_encoded_ones_are_compared(tmp_path: Path) -> None:
    """The first frame alone would not tell that another one differs."""
    one = twelve_bits(frames=2)
    corrected = twelve_bits(frames=2, PatientID="PID-78")
    other = dcmread(BytesIO(one))
    other.PixelData = other.PixelData[:-2] + b"\x01\x00"
    assert compared(tmp_path, one, corrected).same
    assert not compared(tmp_path, one, encoded(other)).same


def test_bits_beyond_the_stored_ones_are_no_pixels(tmp_path: Path) -> None:
    """An overlay there is lost in most transfer syntaxes, and no part of the picture."""
    with_overlay = dcmread(BytesIO(twelve_bits()))
    values = np.frombuffer(with_overlay.PixelData, "<u2") | 0x4000
    with_overlay.PixelData = values.tobytes()
    assert compared(tmp_path, twelve_bits(), encoded(with_overlay)).same
