"""Tells whether a data set arrived whole and is put together as images are.

pydicom reads a file that was cut within Pixel Data without a word when it stops before the pixels,
and makes objects of every element: a file of nothing but empty elements, or one value of hundreds
of megabytes, would cost many times its size.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from screening.errors import ScreeningError, TruncatedDataSetError, UnreadableDataSetError
from screening.imaging.dicom.attributes import Attributes, passed_attributes, require_reasonable
from screening.imaging.dicom.data_set import opened_data_set, seek_data_set
from screening.imaging.dicom.element import HEAD_BYTES, Encoding, Heads
from screening.imaging.dicom.header import TAGS, ObjectHeader, header_of, read_header
from screening.imaging.quiet import quiet

TRAILING_ZEROS = 0x00000000
"""The tag that padding of zeros behind the data set looks like."""
PADDING = b"\0 \r\n"
"""What pads a file behind Pixel Data; fewer than 8 bytes begin no element."""
LONGEST_HEADER_VALUE_BYTES = 1 << 16
"""Of an attribute that `header` reads."""


@dataclass(frozen=True, slots=True)
class CompleteDataSet:
    """What was passed on the way to the end of a data set."""

    attributes: Attributes
    """Those of the header."""
    encoding: Encoding


def read_complete_header(path: Path) -> ObjectHeader:
    """Read the header of a file that holds a whole data set, in one pass over it.

    Raises what `check_complete` and `read_header` raise.
    """
    try:
        whole = check_complete(path)
    except TruncatedDataSetError:
        read_header(path)  # which tells what never was a data set from one that was cut
        raise
    with opened_data_set(path):
        return header_of(whole.attributes, whole.encoding)


def check_complete(path: Path) -> CompleteDataSet:
    """Refuse a file that ends before its data set does, or is no image's; pixels are skipped.

    Returns what it has passed.
    Raises TruncatedDataSetError where the declared length of an element, Pixel Data included,
    goes beyond the end of the file, or encapsulated Pixel Data has no sequence delimiter;
    UnreadableDataSetError where it is no DICOM, or has more than 50,000 elements, sequences nested
    deeper than 16, or more than 64 KiB in an attribute of the header; OSError where it cannot be
    opened. Source: PS3.5 section 7.1 and annex A.4.
    """
    with path.open("rb") as file, quiet():
        try:
            encoding = seek_data_set(file)
            return CompleteDataSet(_walk(file, encoding), encoding)
        except (ScreeningError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  whatever a hostile data set provokes
            raise UnreadableDataSetError(
                f"the data set cannot be parsed ({type(error).__name__}); send the original object"
            ) from None


def _walk(file: BinaryIO, encoding: Encoding) -> Attributes:
    """Go from element to element to the end of the file, or to the padding behind Pixel Data."""
    heads = Heads(file)
    passed = passed_attributes(heads, encoding, TAGS.__contains__, LONGEST_HEADER_VALUE_BYTES)
    if passed.pixel_data is None:
        return passed
    heads.pass_over(passed.pixel_data, encoding)
    while not _is_padding(file):
        element = heads.next(encoding)
        if element is None or element.tag == TRAILING_ZEROS:
            break
        if element.tag in TAGS:
            require_reasonable(element, LONGEST_HEADER_VALUE_BYTES)
        heads.pass_over(element, encoding)
    return passed


def _is_padding(file: BinaryIO) -> bool:
    """Tell whether fewer bytes than a head has are left, none of which begins one."""
    start = file.tell()
    rest = file.read(HEAD_BYTES)
    file.seek(start)
    return len(rest) < HEAD_BYTES and not rest.strip(PADDING)
