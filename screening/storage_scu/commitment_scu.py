"""Storage Commitment as SCU: sends the request, and reads the reports. Source: PS3.4 annex J."""

import threading
from collections.abc import Callable

from pynetdicom import evt
from pynetdicom.events import Event
from pynetdicom.pdu import P_DATA_TF

from screening.domain.commitment import (
    COMMITMENT_PUSH_MODEL,
    COMMITMENT_PUSH_MODEL_INSTANCE,
    REQUEST_STORAGE_COMMITMENT,
    CommitmentAnswer,
    CommitmentRequested,
)
from screening.errors import UnreadableDataSetError
from screening.storage_scu.association import opened
from screening.storage_scu.commitment_messages import (
    CONTEXTS,
    read_answer,
    request_information,
    status_of_response,
)
from screening.storage_scu.destination import DicomDestination

SUCCESS = 0x0000
INVALID_ARGUMENT_VALUE = 0x0115
TakeAnswer = Callable[[CommitmentAnswer], int]
"""Records an answer; returns the status of the N-EVENT-REPORT response."""


def request_commitment(
    destination: DicomDestination,
    request: CommitmentRequested,
    take_answer: TakeAnswer,
    *,
    linger_s: float,
) -> int | None:
    """Request commitment from a destination; return its status, None where it gave none.

    An N-EVENT-REPORT on this association, within `linger_s` after the status, goes to
    `take_answer`, in another thread; one on a new association goes to our SCP.
    Raises NotAssociatedError.
    """
    recorded, answered = threading.Event(), threading.Event()

    def reported(event: Event) -> tuple[int, None]:
        status = status_of_report(event, take_answer)
        recorded.set()
        return status, None

    def sent(event: Event) -> None:
        if recorded.is_set() and isinstance(event.pdu, P_DATA_TF):
            answered.set()  # only now: after a release the response would not go out any more

    handlers = [(evt.EVT_N_EVENT_REPORT, reported), (evt.EVT_PDU_SENT, sent)]
    with opened(destination, CONTEXTS, handlers=handlers) as association:
        status = status_of_response(
            association.send_n_action,
            request_information(request),
            REQUEST_STORAGE_COMMITMENT,
            COMMITMENT_PUSH_MODEL,
            COMMITMENT_PUSH_MODEL_INSTANCE,
        )
        if status == SUCCESS and association.is_established:
            answered.wait(linger_s)
        return status


def status_of_report(event: Event, take_answer: TakeAnswer) -> int:
    """Read an N-EVENT-REPORT, have it recorded, and return the status it is answered with."""
    try:
        answer = read_answer(event.event_information)
    except UnreadableDataSetError:
        return INVALID_ARGUMENT_VALUE
    except Exception:  # noqa: BLE001  pynetdicom decodes when asked, and raises anything
        return INVALID_ARGUMENT_VALUE
    return take_answer(answer)
