"""Compressed frames, and objects that hold them."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
from openjpeg.utils import encode_array
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from screening.imaging.dicom.element import ITEM, SEQUENCE_DELIMITER, UNDEFINED_LENGTH
from tests.unit.imaging.encoded import bytes_of, element, implicit, write
from tests.unit.imaging.misdescribed import WINDOW, made, picture

PIXEL_DATA = 0x7FE00010
DELIMITER = implicit(SEQUENCE_DELIMITER, b"")


def jpeg_2000(pixels: np.ndarray, bits: int) -> bytes:
    """Return a lossless JPEG 2000 frame of so many bits."""
    return bytes(encode_array(pixels, bits_stored=bits, photometric_interpretation=2))


def compressed(pixels: np.ndarray, bits: int, uid: str) -> bytes:
    """Return a frame as pydicom's encoders make it."""
    source = made(pixels, bits)
    if pixels.dtype.itemsize == 1:
        source.BitsAllocated = 8
    source.compress(uid, generate_instance_uid=False)
    return next(generate_frames(source.PixelData, number_of_frames=1))


def jpeg(pixels: np.ndarray) -> bytes:
    """Return a JPEG Baseline frame."""
    whole = BytesIO()
    Image.fromarray(pixels).save(whole, "JPEG", quality=95)
    return whole.getvalue()


def encapsulated(
    path: Path, uid: str, items: list[bytes], *, delimiter: bytes = DELIMITER, **attributes: object
) -> Path:
    """Write an object of 12 bits, or of others, with these items in its Pixel Data."""
    data_set: Dataset = made(picture(12), 12, **{**WINDOW, **attributes})
    data_set.file_meta.TransferSyntaxUID = uid
    del data_set.PixelData
    head = element(PIXEL_DATA, "OB", b"", length=UNDEFINED_LENGTH)
    return write(path, bytes_of(data_set) + head + b"".join(items) + delimiter, uid)


def item(content: bytes) -> bytes:
    """Return an item of even length."""
    return implicit(ITEM, content + b"\0" * (len(content) % 2))


def table(*offsets: int) -> bytes:
    """Return a Basic Offset Table."""
    return item(struct.pack(f"<{len(offsets)}L", *offsets))
