"""Statuses, and the status of a store for each error, by C-STORE and by STOW-RS alike.

A status in the 0xA7xx range tells the sender to try again later; the others do not. STOW-RS gives
them as Failure Reason. Source: PS3.4 B.2.3, PS3.7 C, PS3.18 I.2.2.
"""

from collections.abc import Mapping

from sqlalchemy.exc import SQLAlchemyError

from screening.dimse.messages import Refusal
from screening.errors import (
    DatabaseUnavailableError,
    IllegalIdentifierError,
    MissingIdentifierError,
    ObjectTooLargeError,
    OutOfSpaceError,
    RejectedInstanceError,
    SOPClassMismatchError,
    SOPClassNotReceivedError,
    StudyMismatchError,
    TransferSyntaxError,
    TransientError,
    TruncatedDataSetError,
    UnreadableDataSetError,
    UnstorableValueError,
)

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
NO_SUCH_INSTANCE = 0x0112
INVALID_ARGUMENT_VALUE = 0x0115
NO_SUCH_EVENT_TYPE = 0x0113
NO_SUCH_SOP_CLASS = 0x0118
SOP_CLASS_NOT_SUPPORTED = 0x0122
NO_SUCH_ACTION = 0x0123
UNRECOGNIZED_OPERATION = 0x0211
MISTYPED_ARGUMENT = 0x0212
RESOURCE_LIMITATION = 0x0213
DATA_SET_DOES_NOT_MATCH = 0xA900
CUT_SHORT = 0xC001


STATUS_OF_ERROR: Mapping[type[Exception], Refusal] = {
    OutOfSpaceError: Refusal(0xA700, "no space in the spool, send again later"),
    DatabaseUnavailableError: Refusal(0xA700, "database unavailable, send again later"),
    SQLAlchemyError: Refusal(0xA700, "the row was not recorded, send again later"),
    TransientError: Refusal(0xA700, "out of resources, send again later"),
    MemoryError: Refusal(0xA700, "out of memory, send again later"),
    OSError: Refusal(0xA700, "the spool cannot be used, send again later"),
    SOPClassMismatchError: Refusal(0xA900, "SOP class or instance differs from the request"),
    MissingIdentifierError: Refusal(0xA900, "SOP class, instance or study UID is missing"),
    IllegalIdentifierError: Refusal(
        0xA900, "a UID or a patient value is too long, or a UID is none"
    ),
    StudyMismatchError: Refusal(0xA901, "the study is another than the request names"),
    SOPClassNotReceivedError: Refusal(
        SOP_CLASS_NOT_SUPPORTED, "objects of this SOP class are not received here"
    ),
    TransferSyntaxError: Refusal(0xC122, "objects in this transfer syntax are not received here"),
    TruncatedDataSetError: Refusal(0xC001, "the data set is cut short"),
    ObjectTooLargeError: Refusal(0xC002, "the object is larger than this site accepts"),
    UnstorableValueError: Refusal(0xC000, "a value of the data set cannot be stored"),
    UnreadableDataSetError: Refusal(0xC000, "the data set cannot be read"),
    RejectedInstanceError: Refusal(0xC000, "the data set cannot be used"),
}
UNEXPECTED = Refusal(PROCESSING_FAILURE, "unexpected error, see the log of the receiver")


def refusal_of(error: Exception) -> Refusal:
    """Return the refusal of the error's nearest class in the table."""
    for klass in type(error).__mro__:
        if klass in STATUS_OF_ERROR:
            return STATUS_OF_ERROR[klass]
    return UNEXPECTED
