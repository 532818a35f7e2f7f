"""One radiograph in every transfer syntax that an archive sends, compressed without loss."""

import subprocess
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import pydicom
from openjpeg.utils import encode_array
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from tests.benchmarks.parts.objects import computed_radiograph
from tests.benchmarks.run import program

Encoder = Callable[[Path, Path], None]
"""From an uncompressed file to a compressed one."""


def write_encoded(folder: Path, rows: int, columns: int) -> dict[str, Path]:
    """Write one radiograph in every transfer syntax of ENCODERS; return the files by its name.

    Raises ServerAbsentError where DCMTK, which encodes JPEG Lossless, is not installed.
    """
    plain = folder / "plain.dcm"
    plain.write_bytes(computed_radiograph(rows, columns))
    files = {"Explicit VR Little Endian": plain}
    for name, encode in ENCODERS.items():
        files[name] = folder / f"{name}.dcm"
        encode(plain, files[name])
    return files


def _with_pydicom(transfer_syntax_uid: str) -> Encoder:
    def encode(plain: Path, encoded: Path) -> None:
        data_set = pydicom.dcmread(plain)
        data_set.compress(transfer_syntax_uid, generate_instance_uid=False)
        data_set.save_as(encoded)

    return encode


def _jpeg_2000(plain: Path, encoded: Path) -> None:
    data_set = pydicom.dcmread(BytesIO(plain.read_bytes()))
    frame = encode_array(
        data_set.pixel_array, bits_stored=data_set.BitsStored, photometric_interpretation=2
    )
    data_set.PixelData = encapsulate([frame])
    data_set["PixelData"].VR = "OB"
    data_set["PixelData"].is_undefined_length = True
    data_set.file_meta.TransferSyntaxUID = JPEG2000Lossless
    data_set.save_as(encoded)


def _jpeg_lossless(plain: Path, encoded: Path) -> None:
    command = [program("dcmcjpeg", "dcmtk"), "+e1", "+un", str(plain), str(encoded)]
    subprocess.run(command, check=True, capture_output=True)


ENCODERS: Mapping[str, Encoder] = {
    "RLE Lossless": _with_pydicom(RLELossless),
    "JPEG Lossless": _jpeg_lossless,
    "JPEG-LS Lossless": _with_pydicom(JPEGLSLossless),
    "JPEG 2000 Lossless": _jpeg_2000,
}
