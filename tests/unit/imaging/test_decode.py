"""Limits that hold before a decoder allocates anything."""

import struct
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from openjpeg.utils import encode_array
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from screening.errors import UndecodablePixelsError
from screening.imaging.pixels.codestream import read_codestream
from screening.imaging.pixels.decode import decode
from screening.imaging.pixels.transfer_syntaxes import GOLDEN_FOLDER
from tests.peers.hostile_peer import peak_mib
from tests.unit.imaging.conftest import radiograph

ROOT = Path(__file__).parents[3]


def compressed(frame: bytes, uid: str = JPEG2000Lossless) -> Dataset:
    """Return a data set of 64 x 64 pixels, it says, with this compressed frame."""
    made = radiograph(np.zeros((64, 64), np.uint8))
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = uid
    return made


def jpeg_2000(side: int = 64, components: int = 1) -> bytes:
    """Return a codestream of zeros that claims to have so many components."""
    frame = encode_array(np.zeros((side, side), np.uint8), photometric_interpretation=2)
    end = 4 + int.from_bytes(frame[4:6])
    size = frame[6:40] + components.to_bytes(2) + frame[42:45] * components
    return frame[:4] + (len(size) + 2).to_bytes(2) + size + frame[end:]


def jp2(codestream: bytes, *, before: bytes = b"") -> bytes:
    """Return a JP2 file: signature, any box, codestream."""
    signature = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
    return signature + before + (len(codestream) + 8).to_bytes(4) + b"jp2c" + codestream


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (jpeg_2000(512), "512 x 512 x 1"),
        (jpeg_2000(64, components=16384), "64 x 64 x 16384"),
        (jp2(jpeg_2000(512), before=b"\x00\x00\x00\x40free" + jpeg_2000()[:56]), "512 x 512 x 1"),
        (b"no codestream", "none"),
    ],
)
def test_a_frame_that_is_not_what_the_header_says(tmp_path: Path, frame: bytes, found: str) -> None:
    """Refused before a decoder allocates by it, or ends the process over its components."""
    compressed(frame).save_as(tmp_path / "bomb.dcm", enforce_file_format=True)
    with pytest.raises(UndecodablePixelsError, match=f"64 x 64 x 1 .* found {found}"):
        decode(tmp_path / "bomb.dcm")


def test_a_jp2_file_in_a_frame_is_decoded() -> None:
    """Some devices send it; its codestream is the one that counts."""
    whole = BytesIO()
    Image.fromarray(np.full((64, 64), 7, np.uint8)).save(whole, "JPEG2000")
    assert decode(compressed(whole.getvalue())).array.tolist() == [[7] * 64] * 64


def test_pixels_wider_than_16_bits_are_refused() -> None:
    """They would cost 8 bytes a pixel; no radiograph has them."""
    made = radiograph(np.zeros((64, 64), np.uint64), BitsStored=12)
    with pytest.raises(UndecodablePixelsError, match="found 12 and 64"):
        decode(made)


def test_run_lengths_beyond_the_frame_expand_to_nothing() -> None:
    """Two bytes say 128: as many as the frame has are written."""
    segment = b"\x81\x00" * 1_000_000
    frame = struct.pack("<16L", 1, 64, *[0] * 14) + segment
    before = peak_mib()
    decode(compressed(frame, RLELossless))
    assert peak_mib() - before < 60


def test_a_run_beyond_the_second_byte_plane_is_an_undecodable_picture() -> None:
    """The RLE decoder panics there, with what is no Exception: it would end the worker."""
    made = compressed(struct.pack("<16L", 2, 64, 66, *[0] * 13) + b"\xf1\x00\xee\x07", RLELossless)
    made.Rows = made.Columns = 4
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    with pytest.raises(UndecodablePixelsError, match="PanicException"):
        decode(made)


def test_a_picture_of_the_largest_size_costs_what_its_pixels_cost(tmp_path: Path) -> None:
    """200 bytes of JPEG 2000 are 25 million pixels: at most 8 bytes each, rendering included."""
    frame = encode_array(np.zeros((5000, 5000), np.uint8), photometric_interpretation=2)
    code = (
        "import sys; from pathlib import Path\n"
        "from screening.imaging.rendering.render import render\n"
        "from tests.peers.hostile_peer import peak_mib\n"
        "before = peak_mib(); render(Path(sys.argv[1])); print(peak_mib() - before)"
    )
    assert len(frame) < 1000
    made = compressed(frame)
    made.Rows = made.Columns = 5000
    made.save_as(tmp_path / "bomb.dcm", enforce_file_format=True)
    command = [sys.executable, "-c", code, tmp_path / "bomb.dcm"]
    cost = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert float(cost) < 8 * 25


@pytest.mark.parametrize("uid", [JPEGBaseline8Bit, JPEG2000Lossless, "1.2.840.10008.1.2.4.80"])
def test_frame_sizes(uid: str) -> None:
    """JPEG, JPEG-LS and JPEG 2000 frames tell their size and precision."""
    content = (GOLDEN_FOLDER / f"{uid}.dcm").read_bytes()
    start = max(content.find(b"\xff\xd8\xff"), content.find(b"\xff\x4f\xff\x51"))
    found = read_codestream(content[start:])
    assert found is not None
    assert str(found.size) == "64 x 64 x 1"
    assert found.precision == (8 if uid == JPEGBaseline8Bit else 12)


@pytest.mark.parametrize(
    "frame", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0", b"\xff\x4f\xff\x51", b"RLE"]
)
def test_no_size(frame: bytes) -> None:
    """Frames that are cut or of another kind tell none."""
    assert read_codestream(frame) is None


def test_only_the_first_frame_is_decoded() -> None:
    """Of several frames the first is returned."""
    frames = np.stack([np.full((64, 64), value, np.uint8) for value in (7, 9)])
    made = radiograph(frames[0], NumberOfFrames=2, PixelData=frames.tobytes())
    assert decode(made).array.tolist() == frames[0].tolist()
