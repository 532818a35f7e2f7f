"""Messages after their command set was checked: passed on, served, refused or ignored."""

from collections.abc import Mapping
from dataclasses import dataclass

from screening.dimse.data_set_files import DataSetFile
from screening.transport.command_elements import (
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    ERROR_COMMENT,
    MESSAGE_ID_RESPONDED_TO,
    NO_DATA_SET,
    RESPONSE,
    STATUS,
    encoded_elements,
    even,
    number,
)

SUCCESS = 0x0000
MAX_COMMENT_CHARACTERS = 64
"""Of an Error Comment (VR LO)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A failure status and the Error Comment (0000,0902) that goes with it."""

    status: int
    comment: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a response needs of its request; a UID that is not valid is ""."""

    command_field: int
    message_id: int = 0
    sop_class_uid: str = ""
    sop_instance_uid: str = ""

    def success(self) -> bytes:
        """Return the command set of the response with Success. Source: PS3.7 9.3, 10.3."""
        return self._response({STATUS: number(SUCCESS)})

    def failure(self, refusal: Refusal) -> bytes:
        """Return the command set of the response with a failure status. Source: PS3.7 9.3, 10.3."""
        comment = even(refusal.comment[:MAX_COMMENT_CHARACTERS], " ")
        return self._response({STATUS: number(refusal.status), ERROR_COMMENT: comment})

    def _response(self, outcome: Mapping[int, bytes]) -> bytes:
        elements = {
            COMMAND_FIELD: number(self.command_field | RESPONSE),
            MESSAGE_ID_RESPONDED_TO: number(self.message_id),
            COMMAND_DATA_SET_TYPE: number(NO_DATA_SET),
            **outcome,
        }
        if self.sop_class_uid:
            elements[AFFECTED_SOP_CLASS_UID] = even(self.sop_class_uid, "\0")
        if self.sop_instance_uid:
            elements[AFFECTED_SOP_INSTANCE_UID] = even(self.sop_instance_uid, "\0")
        return encoded_elements(elements)


@dataclass(frozen=True, slots=True)
class PlainMessage:
    """A message that pynetdicom understands, and whether a data set follows its command set."""

    command_set: bytes
    has_data_set: bool
    request: Request | None = None
    """None where it is a response."""
    mended: str = ""
    """What was corrected; "" where nothing was."""


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A request that is answered with a failure; its data set, if one follows, is dropped."""

    request: Request
    refusal: Refusal
    has_data_set: bool = False


@dataclass(frozen=True, slots=True)
class ReceivedObject:
    """A C-STORE request whose data set has come to its end."""

    request: Request
    file: DataSetFile | None
    """What it was written to; None where it came without one."""


@dataclass(frozen=True, slots=True)
class IgnoredMessage:
    """A message without a response: a C-CANCEL that cancels nothing, a response to no request."""

    has_data_set: bool
