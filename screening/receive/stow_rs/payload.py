"""A request's payload, cut into its parts as it arrives; none is held in memory.

Sources: DICOM PS3.18 sections 8.6.1 and 8.7.3; RFC 2046 section 5.1, RFC 2387.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

APPLICATION_DICOM = "application/dicom"
MULTIPART_RELATED = "multipart/related"
MOST_PARTS = 10_000
"""In one request: each has its line in the answer."""
logging.getLogger("python_multipart").setLevel(logging.ERROR)  # a line for whatever strangers send


class PayloadError(Exception):
    """The payload cannot be cut into parts; `status` is the HTTP status, the text says why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Part(Protocol):
    """Takes what one part holds."""

    def write(self, data: memoryview) -> None:
        """Take some more of it."""

    def end(self) -> None:
        """Know that it is whole."""


OpenPart = Callable[[str], Part]
"""Begins a part, given its media type; "" where it names none."""


class Payload(Protocol):
    """Takes a payload in pieces of any size."""

    def write(self, data: bytes) -> None:
        """Take the next piece. Raises PayloadError."""

    def finish(self) -> None:
        """Know that nothing comes any more. Raises PayloadError where the end is missing."""


def payload_of(content_type: str, open_part: OpenPart) -> Payload:
    """Return what takes a payload with this Content-Type.

    Raises PayloadError where it is none that objects are sent in.
    """
    media_type, parameters = parse_options_header(content_type)
    found = media_type.decode("latin-1").lower()
    if found == APPLICATION_DICOM:
        return _SinglePart(open_part)
    of_parts = parameters.get(b"type", APPLICATION_DICOM.encode()).decode("latin-1").lower()
    if found != MULTIPART_RELATED or of_parts != APPLICATION_DICOM:
        raise PayloadError(
            415,
            f'expected {MULTIPART_RELATED}; type="{APPLICATION_DICOM}", or {APPLICATION_DICOM}, '
            "found another Content-Type; send whole DICOM files",
        )
    boundary = parameters.get(b"boundary", b"")
    if not boundary:
        raise PayloadError(400, "expected a boundary in the Content-Type, found none")
    try:
        return _Parts(boundary, open_part)
    except FormParserError:
        raise PayloadError(400, "expected a boundary of at most 70 characters") from None


class _SinglePart:
    """A payload that is one object."""

    def __init__(self, open_part: OpenPart) -> None:
        self._part = open_part(APPLICATION_DICOM)

    def write(self, data: bytes) -> None:
        """Hand it on."""
        self._part.write(memoryview(data))

    def finish(self) -> None:
        """Know that it is whole: HTTP says where it ends."""
        self._part.end()


class _Parts:
    """A multipart payload, cut by python-multipart."""

    def __init__(self, boundary: bytes, open_part: OpenPart) -> None:
        self._open_part = open_part
        self._part: Part | None = None
        self._header = (bytearray(), bytearray())
        self._media_type = ""
        self._parts = 0
        self._is_whole = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_begin": self._begin_header,
                "on_header_field": lambda *piece: self._add(0, *piece),
                "on_header_value": lambda *piece: self._add(1, *piece),
                "on_header_end": self._end_header,
                "on_headers_finished": self._open,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._whole,
            },
        )

    def write(self, data: bytes) -> None:
        """Cut the next piece."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise PayloadError(
                400,
                "expected parts between delimiters of the boundary in the Content-Type "
                "(RFC 2046 5.1), found something else",
            ) from None

    def finish(self) -> None:
        """Require the closing delimiter."""
        if not self._is_whole:
            raise PayloadError(
                400,
                "expected the closing delimiter of the boundary in the Content-Type, found the "
                "payload to end before; send what is not listed as stored again",
            )

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise PayloadError(413, f"expected at most {MOST_PARTS} parts; send them in several")
        self._media_type = ""

    def _begin_header(self) -> None:
        self._header = (bytearray(), bytearray())

    def _add(self, place: int, data: bytes, start: int, end: int) -> None:
        self._header[place].extend(data[start:end])

    def _end_header(self) -> None:
        name, value = self._header
        if name.lower() == b"content-type":
            self._media_type = parse_options_header(bytes(value))[0].decode("latin-1").lower()

    def _open(self) -> None:
        self._part = self._open_part(self._media_type)

    def _data(self, data: bytes, start: int, end: int) -> None:
        assert self._part is not None  # noqa: S101  data follow headers
        self._part.write(memoryview(data)[start:end])

    def _end(self) -> None:
        if self._part is not None:
            self._part.end()
        self._part = None

    def _whole(self) -> None:
        self._is_whole = True
