"""Tells whether a data set arrived whole.

pydicom reads a file that was cut within Pixel Data without a word when it stops before the pixels.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from screening.errors import ScreeningError, TruncatedDataSetError, UnreadableDataSetError
from screening.imaging.data_set import (
    ITEM,
    ITEM_DELIMITER,
    PIXEL_DATA_TAGS,
    SEQUENCE_DELIMITER,
    UNDEFINED_LENGTH,
    ElementStart,
    Encoding,
    element_start,
    seek_data_set,
)
from screening.imaging.quiet import quiet

TRAILING_ZEROS = 0x00000000
"""The tag that padding of zeros behind the data set looks like."""


def check_complete(path: Path) -> None:
    """Refuse a file that ends before its data set does; pixels are skipped, not read.

    Raises TruncatedDataSetError where the declared length of an element, Pixel Data included,
    goes beyond the end of the file, or encapsulated Pixel Data has no sequence delimiter;
    UnreadableDataSetError where it is no DICOM; OSError where it cannot be opened.
    Source: PS3.5 section 7.1 and annex A.4.
    """
    with path.open("rb") as file, quiet():
        try:
            _walk(file, seek_data_set(file), os.fstat(file.fileno()).st_size, end=None)
        except ScreeningError:
            raise
        except Exception as error:  # noqa: BLE001  whatever a hostile data set provokes
            raise UnreadableDataSetError(
                f"the data set cannot be parsed ({type(error).__name__}); send the original object"
            ) from None


def _truncated(found: str) -> TruncatedDataSetError:
    return TruncatedDataSetError(f"expected a whole data set, but {found}; send the object again")


def _walk(file: BinaryIO, encoding: Encoding, size: int, *, end: int | None) -> None:
    """Go from element to element up to the tag `end`, or to the end of the file."""
    after_pixel_data = False
    while (element := element_start(file, encoding)) is not None:
        if element.tag == end or (after_pixel_data and element.tag == TRAILING_ZEROS):
            return
        if element.length == UNDEFINED_LENGTH:
            _walk_items(file, _encoding_within(element, encoding), size)
        else:
            _skip(file, element, size)
        after_pixel_data |= element.tag in PIXEL_DATA_TAGS
    if end is not None:
        raise _truncated("it ends within an item")


def _encoding_within(element: ElementStart, encoding: Encoding) -> Encoding:
    """Return how the items are encoded: those of VR UN implicitly. Source: PS3.5 6.2.2 note 2."""
    return replace(encoding, is_implicit_vr=True) if element.vr == "UN" else encoding


def _walk_items(file: BinaryIO, encoding: Encoding, size: int) -> None:
    """Go behind a sequence or encapsulated Pixel Data. Source: PS3.5 sections 7.5 and A.4."""
    while (item := element_start(file, encoding)) is not None:
        if item.tag == SEQUENCE_DELIMITER:
            return
        if item.tag != ITEM:
            raise _truncated("something else than an item stands where an item belongs")
        if item.length == UNDEFINED_LENGTH:
            _walk(file, encoding, size, end=ITEM_DELIMITER)
        else:
            _skip(file, item, size)
    raise _truncated("the delimiter of a sequence or of Pixel Data is missing")


def _skip(file: BinaryIO, element: ElementStart, size: int) -> None:
    missing = element.value_offset + element.length - size
    if missing > 0:
        raise _truncated(f"{missing} bytes are missing")
    file.seek(element.value_offset + element.length)
