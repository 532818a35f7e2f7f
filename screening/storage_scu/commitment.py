"""Storage Commitment over associations that we ask for, in both roles. Source: PS3.4 annex J."""

import threading
from collections.abc import Callable
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
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
from screening.storage_scu.association import Context, opened
from screening.storage_scu.commitment_messages import (
    answer_information,
    read_answer,
    request_information,
)
from screening.storage_scu.destination import DicomDestination

SUCCESS = 0x0000
INVALID_ARGUMENT_VALUE = 0x0115
CONTEXTS = tuple(
    Context(COMMITMENT_PUSH_MODEL, str(syntax))
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
)
TakeAnswer = Callable[[CommitmentAnswer], int]
"""Records an answer; returns the status of the N-EVENT-REPORT response."""


def request_commitment(
    destination: DicomDestination,
    request: CommitmentRequested,
    take_answer: TakeAnswer,
    *,
    linger_s: float,
) -> int | None:
    """Ask a destination to commit itself; return its status, None where it gave none.

    An answer that comes on this association, within `linger_s` after the status, goes to
    `take_answer`, in another thread; one that comes on a new association is the SCP's.
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
        response, _ = _sent(
            association.send_n_action,
            request_information(request),
            REQUEST_STORAGE_COMMITMENT,
            COMMITMENT_PUSH_MODEL,
            COMMITMENT_PUSH_MODEL_INSTANCE,
        )
        status: int | None = response.get("Status")
        if status == SUCCESS and association.is_established:
            answered.wait(linger_s)
        return status


def report_commitment(peer: DicomDestination, answer: CommitmentAnswer) -> int | None:
    """Tell a peer on a new association what we commit ourselves to; return its status.

    We ask for the association and are SCP in it, so that role is proposed (PS3.7 D.3.3.4). A peer
    that accepts the context and says nothing of roles is told all the same, as modalities do so.
    None: it gave no answer. Raises NotAssociatedError.
    """
    with opened(peer, CONTEXTS, as_scp=[COMMITMENT_PUSH_MODEL]) as association:
        response, _ = _sent(
            association.send_n_event_report,
            answer_information(answer),
            answer.event_type,
            COMMITMENT_PUSH_MODEL,
            COMMITMENT_PUSH_MODEL_INSTANCE,
        )
        status: int | None = response.get("Status")
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


def _sent(send: Any, *arguments: object) -> tuple[Dataset, Dataset | None]:
    """Send; an association that ended meanwhile is one without an answer."""
    try:
        response, reply = send(*arguments)
    except RuntimeError:
        return Dataset(), None
    return response, reply
