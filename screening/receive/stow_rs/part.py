"""One object on its way in: its File Meta Information is read, its data set goes into the spool.

What is kept is what C-STORE would keep: our own File Meta Information before the data set as sent.
Source: PS3.10 section 7.1, PS3.18 section 10.5.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from io import BytesIO

from screening.domain.instance import fault_of_uid
from screening.domain.shown_values import shown_uid
from screening.errors import (
    IllegalIdentifierError,
    MissingIdentifierError,
    RejectedInstanceError,
    ScreeningError,
    SOPClassNotReceivedError,
    TransferSyntaxError,
    UnreadableDataSetError,
)
from screening.imaging.dicom.data_set import FileMeta, read_file_meta
from screening.receive.objects.incoming import IncomingFile
from screening.receive.objects.intake import Request
from screening.receive.stow_rs.payload import APPLICATION_DICOM

PREFIX_ENDS_BYTES = 132
LARGEST_META_BYTES = 1 << 16
"""Preamble, prefix and File Meta Information; as much is held in memory of a part."""


@dataclass(frozen=True, slots=True)
class Received:
    """Which objects a service receives, and for which study."""

    sop_classes: Collection[str]
    transfer_syntaxes: Collection[str]
    study_instance_uid: str
    """Of the request's path; "": any."""


class IncomingPart:
    """A part while it arrives; a failure is kept, and the rest of the part dropped."""

    def __init__(
        self,
        media_type: str,
        received: Received,
        open_file: Callable[[Request, str], IncomingFile],
        ended: Callable[["IncomingPart"], None],
    ) -> None:
        self.request = Request("", "", received.study_instance_uid)
        """As far as the File Meta Information names it."""
        self.failure: ScreeningError | None = None
        self.file: IncomingFile | None = None
        self._received = received
        self._open_file = open_file
        self._ended = ended
        self._head = bytearray()
        if media_type not in {"", APPLICATION_DICOM}:
            self.failure = UnreadableDataSetError(
                f"expected a part of type {APPLICATION_DICOM}, found another; send DICOM files"
            )

    def write(self, data: memoryview) -> None:
        """Append to the object.

        Raises ObjectTooLargeError where it does not end, as `IncomingFile.write` does.
        """
        if self.file is not None:
            self.file.write(data)
        elif self.failure is None:
            self._head += data
            if len(self._head) >= LARGEST_META_BYTES:
                self._open()

    def end(self) -> None:
        """Close the file: the object is whole."""
        if self.file is None and self.failure is None:
            self._open()
        if self.file is not None:
            self.file.close()
        self._ended(self)

    def fail(self, failure: ScreeningError) -> None:
        """Have it refused, since it will not be whole."""
        self.failure = self.failure or failure
        self.discard()

    def discard(self) -> None:
        """Remove its file."""
        if self.file is not None:
            self.file.discard()

    def _open(self) -> None:
        """Go on with what follows the File Meta Information, in a file of the spool."""
        try:
            meta, data_set = _split(self._head)
            self.request = Request(
                _legal(meta.sop_class_uid),
                _legal(meta.sop_instance_uid),
                self._received.study_instance_uid,
            )
            _require_received(meta, self._received)
        except RejectedInstanceError as error:
            self.failure = error
        else:
            self.file = self._open_file(self.request, meta.transfer_syntax_uid)
            self.file.write(data_set)
        self._head.clear()


def _split(head: bytearray) -> tuple[FileMeta, bytes]:
    file = BytesIO(head)
    file.seek(PREFIX_ENDS_BYTES)
    if head[PREFIX_ENDS_BYTES - 4 : PREFIX_ENDS_BYTES] != b"DICM":
        raise UnreadableDataSetError(
            "expected a DICOM Part 10 file (a preamble of 128 bytes and 'DICM'), found something "
            "else; send the original object"
        )
    meta = read_file_meta(file)
    return meta, file.read()


def _legal(uid: str) -> str:
    return "" if fault_of_uid(uid) else uid


def _require_received(meta: FileMeta, received: Received) -> None:
    for keyword, uid in (
        ("MediaStorageSOPClassUID", meta.sop_class_uid),
        ("MediaStorageSOPInstanceUID", meta.sop_instance_uid),
        ("TransferSyntaxUID", meta.transfer_syntax_uid),
    ):
        if not uid:
            raise MissingIdentifierError(
                f"expected {keyword} in the File Meta Information, found none; "
                "correct the object at its source"
            )
        if fault := fault_of_uid(uid):
            raise IllegalIdentifierError(
                f"expected {keyword} to be a UID, found {fault}; correct the object at its source"
            )
    if meta.sop_class_uid not in received.sop_classes:
        raise SOPClassNotReceivedError(
            f"expected a SOP class that is received here, found {shown_uid(meta.sop_class_uid)}; "
            "SCREENING_EXTRA_SOP_CLASSES adds one"
        )
    if meta.transfer_syntax_uid not in received.transfer_syntaxes:
        raise TransferSyntaxError(
            "expected a transfer syntax that decodes here, found "
            f"{shown_uid(meta.transfer_syntax_uid)}; convert the object"
        )
