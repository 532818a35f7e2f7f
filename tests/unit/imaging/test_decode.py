"""Limits that hold before a decoder allocates anything."""

from pathlib import Path

import numpy as np
import pytest
from openjpeg.utils import encode_array
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

from screening.errors import UndecodablePixelsError
from screening.imaging.codestream import frame_size
from screening.imaging.decode import decode
from screening.imaging.transfer_syntaxes import GOLDEN_FOLDER
from tests.unit.imaging.conftest import radiograph


def test_a_codestream_larger_than_the_header_says(tmp_path: Path) -> None:
    """A frame of another size than Rows and Columns is refused before it is decoded."""
    made = radiograph(np.zeros((64, 64), np.uint8))
    frame = encode_array(np.zeros((512, 512), np.uint8), photometric_interpretation=2)
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = JPEG2000Lossless
    made.save_as(tmp_path / "bomb.dcm", enforce_file_format=True)
    with pytest.raises(UndecodablePixelsError, match="512 x 512"):
        decode(tmp_path / "bomb.dcm")


@pytest.mark.parametrize("uid", [JPEGBaseline8Bit, JPEG2000Lossless, "1.2.840.10008.1.2.4.80"])
def test_frame_sizes(uid: str) -> None:
    """JPEG, JPEG-LS and JPEG 2000 frames tell their size."""
    content = (GOLDEN_FOLDER / f"{uid}.dcm").read_bytes()
    start = max(content.find(b"\xff\xd8\xff"), content.find(b"\xff\x4f\xff\x51"))
    size = frame_size(content[start:])
    assert size is not None
    assert (size.rows, size.columns, size.components) == (64, 64, 1)


@pytest.mark.parametrize(
    "frame", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0", b"\xff\x4f\xff\x51", b"RLE"]
)
def test_no_size(frame: bytes) -> None:
    """Frames that are cut or of another kind tell none."""
    assert frame_size(frame) is None


def test_only_the_first_frame_is_decoded() -> None:
    """Of several frames the first is returned."""
    frames = np.stack([np.full((64, 64), value, np.uint8) for value in (7, 9)])
    made = radiograph(frames[0], NumberOfFrames=2, PixelData=frames.tobytes())
    assert decode(made).array.tolist() == frames[0].tolist()
