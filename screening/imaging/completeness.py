"""Tells whether a data set arrived whole and is put together as images are.

pydicom reads a file that was cut within Pixel Data without a word when it stops before the pixels,
and makes objects of every element: a file of nothing but empty elements, or one value of hundreds
of megabytes, would cost many times its size.
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
from screening.imaging.header import TAGS
from screening.imaging.quiet import quiet

TRAILING_ZEROS = 0x00000000
"""The tag that padding of zeros behind the data set looks like."""
MOST_ELEMENTS = 50_000
"""Elements, items and fragments together; radiographs have hundreds."""
DEEPEST_NESTING = 16
"""Sequences within sequences of undefined length; radiographs have up to four."""
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
            _Walk(file, os.fstat(file.fileno()).st_size).over_data_set(encoding)
        except ScreeningError:
            raise
        except Exception as error:  # noqa: BLE001  whatever a hostile data set provokes
            raise UnreadableDataSetError(
                f"the data set cannot be parsed ({type(error).__name__}); send the original object"
            ) from None


class _Walk:
    """One way through a file, from head to head."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._size_bytes = size_bytes
        self._heads = 0

    def over_data_set(self, encoding: Encoding, *, end: int | None = None, depth: int = 0) -> None:
        """Go from element to element up to the tag `end`, or to the end of the file."""
        after_pixel_data = False
        while (element := self._head(encoding)) is not None:
            if element.tag == end or (after_pixel_data and element.tag == TRAILING_ZEROS):
                return
            if element.length == UNDEFINED_LENGTH:
                self._over_items(_encoding_within(element, encoding), depth + 1)
            else:
                _require_reasonable(element)
                self._skip(element)
            after_pixel_data |= element.tag in PIXEL_DATA_TAGS
        if end is not None:
            raise _truncated("it ends within an item")

    def _over_items(self, encoding: Encoding, depth: int) -> None:
        """Go behind a sequence or encapsulated Pixel Data. Source: PS3.5 sections 7.5 and A.4."""
        if depth > DEEPEST_NESTING:
            raise _unreasonable(f"sequences nested up to {DEEPEST_NESTING} deep", "deeper ones")
        while (item := self._head(encoding)) is not None:
            if item.tag == SEQUENCE_DELIMITER:
                return
            if item.tag != ITEM:
                raise _truncated("something else than an item stands where an item belongs")
            if item.length == UNDEFINED_LENGTH:
                self.over_data_set(encoding, end=ITEM_DELIMITER, depth=depth)
            else:
                self._skip(item)
        raise _truncated("the delimiter of a sequence or of Pixel Data is missing")

    def _head(self, encoding: Encoding) -> ElementStart | None:
        self._heads += 1
        if self._heads > MOST_ELEMENTS:
            raise _unreasonable(f"up to {MOST_ELEMENTS} elements, items and fragments", "more")
        return element_start(self._file, encoding)

    def _skip(self, element: ElementStart) -> None:
        missing = element.value_offset + element.length - self._size_bytes
        if missing > 0:
            raise _truncated(f"{missing} bytes are missing")
        self._file.seek(element.value_offset + element.length)


def _encoding_within(element: ElementStart, encoding: Encoding) -> Encoding:
    """Return how the items are encoded: those of VR UN implicitly. Source: PS3.5 6.2.2 note 2."""
    return replace(encoding, is_implicit_vr=True) if element.vr == "UN" else encoding


def _require_reasonable(element: ElementStart) -> None:
    if element.tag in TAGS and element.length > LONGEST_HEADER_VALUE_BYTES:
        raise _unreasonable(
            f"at most {LONGEST_HEADER_VALUE_BYTES} bytes in element 0x{element.tag:08X}",
            f"{element.length}",
        )


def _truncated(found: str) -> TruncatedDataSetError:
    return TruncatedDataSetError(f"expected a whole data set, but {found}; send the object again")


def _unreasonable(expected: str, found: str) -> UnreadableDataSetError:
    return UnreadableDataSetError(f"expected {expected}, found {found}; this is no radiograph")
