"""Ways in which a destination may behave, for tests to choose from."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Conduct(StrEnum):
    """What it does with an association or an object, beside answering a status."""

    SOUND = "sound"

    CLOSES_CONNECTIONS = "closes connections"
    SAYS_NOTHING = "says nothing to an association request"
    REJECTS_FOR_GOOD = "rejects: calling AE title not recognised"
    REJECTS_FOR_NOW = "rejects: temporary congestion"
    ABORTS_REQUESTS = "aborts association requests"
    GARBAGE_FOR_ASSOCIATION = "garbage for an association request"
    HALF_AN_ACCEPTANCE = "half an A-ASSOCIATE-AC, then nothing"
    ENDLESS_ACCEPTANCE = "announces an A-ASSOCIATE-AC of 4 GiB"
    ACCEPTS_NOTHING = "accepts no presentation context"

    NEVER_ANSWERS = "takes the object and never answers"
    ABORTS_STORE = "aborts instead of an answer"
    CLOSES_UNREAD = "closes when the object begins to come"
    CLOSES_UNANSWERED = "takes the object and closes"
    CLOSES_IN_MID_PDU = "half an answer, then closes"
    STALLS_IN_MID_PDU = "half an answer, then nothing"
    ENDLESS_PDU = "announces an answer of 4 GiB"
    GARBAGE = "garbage for an answer"
    GARBAGE_COMMAND = "a P-DATA whose command set is garbage"
    UNKNOWN_CONTEXT = "an answer in a presentation context that was never negotiated"
    OTHER_MESSAGE = "an answer to another message"
    NO_STATUS = "an answer without a status"
    ANSWERS_TWICE = "Success, and Success once more"


@dataclass(frozen=True, slots=True)
class Status:
    """It answers an object with a C-STORE status, 0x0000 to 0xFFFF."""

    status: int
    error_comment: str = ""


Behaviour = Conduct | Status
ByObject = Callable[[str], Behaviour]
"""The behaviour towards one SOP Instance UID."""
