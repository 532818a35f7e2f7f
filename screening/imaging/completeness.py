"""Tells whether a data set arrived whole and is put together as images are.

pydicom reads a file that was cut within Pixel Data without a word when it stops before the pixels,
and makes objects of every element: a file of nothing but empty elements, or one value of hundreds
of megabytes, would cost many times its size.
"""

from pathlib import Path
from typing import BinaryIO

from screening.errors import ScreeningError, UnreadableDataSetError
from screening.imaging.data_set import PIXEL_DATA_TAGS, seek_data_set
from screening.imaging.element import (
    HEAD_BYTES,
    UNDEFINED_LENGTH,
    ElementStart,
    Encoding,
    Heads,
    unreasonable,
)
from screening.imaging.header import TAGS
from screening.imaging.quiet import quiet

TRAILING_ZEROS = 0x00000000
"""The tag that padding of zeros behind the data set looks like."""
PADDING = b"\0 \r\n"
"""What pads a file behind Pixel Data; fewer than 8 bytes begin no element."""
LONGEST_HEADER_VALUE_BYTES = 1 << 16
"""Of an attribute that `header` reads."""


def check_complete(path: Path) -> None:
    """Refuse a file that ends before its data set does, or is no image's; pixels are skipped.

    Raises TruncatedDataSetError where the declared length of an element, Pixel Data included,
    goes beyond the end of the file, or encapsulated Pixel Data has no sequence delimiter;
    UnreadableDataSetError where it is no DICOM, or has more than 50,000 elements, sequences nested
    deeper than 16, or more than 64 KiB in an attribute of the header; OSError where it cannot be
    opened. Source: PS3.5 section 7.1 and annex A.4.
    """
    with path.open("rb") as file, quiet():
        try:
            encoding = seek_data_set(file)
            _walk(file, encoding)
        except ScreeningError:
            raise
        except Exception as error:  # noqa: BLE001  whatever a hostile data set provokes
            raise UnreadableDataSetError(
                f"the data set cannot be parsed ({type(error).__name__}); send the original object"
            ) from None


def _walk(file: BinaryIO, encoding: Encoding) -> None:
    """Go from element to element to the end of the file, or to the padding behind Pixel Data."""
    heads = Heads(file)
    after_pixel_data = False
    while not (after_pixel_data and _is_padding(file)):
        element = heads.next(encoding)
        if element is None or (after_pixel_data and element.tag == TRAILING_ZEROS):
            return
        if element.length != UNDEFINED_LENGTH:
            _require_reasonable(element)
        heads.pass_over(element, encoding)
        after_pixel_data |= element.tag in PIXEL_DATA_TAGS


def _is_padding(file: BinaryIO) -> bool:
    """Tell whether fewer bytes than a head has are left, none of which begins one."""
    start = file.tell()
    rest = file.read(HEAD_BYTES)
    file.seek(start)
    return len(rest) < HEAD_BYTES and not rest.strip(PADDING)


def _require_reasonable(element: ElementStart) -> None:
    if element.tag in TAGS and element.length > LONGEST_HEADER_VALUE_BYTES:
        raise unreasonable(
            f"at most {LONGEST_HEADER_VALUE_BYTES} bytes in element 0x{element.tag:08X}",
            f"{element.length}",
        )
