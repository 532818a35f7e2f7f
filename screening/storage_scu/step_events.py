"""Reports events of Unified Procedure Steps on an association that we open as SCP.

Source: PS3.4 CC.2.4 and CC.3.1.2.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from screening.domain.procedure_step import UPS_EVENT, UPS_PUSH
from screening.storage_scu.association import Context, opened
from screening.storage_scu.commitment_messages import status_of_response
from screening.storage_scu.destination import DicomDestination

CONTEXTS = tuple(
    Context(UPS_EVENT, str(syntax)) for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
)
Report = Callable[[str, int, Dataset], int | None]
"""Reports an event of a step, given its SOP Instance UID, the Event Type ID and Event Information;
returns the status of the answer, None where there was none."""


@contextmanager
def reporting_to(peer: DicomDestination) -> Iterator[Report]:
    """Open an association on which events are reported. Raises NotAssociatedError."""
    with opened(peer, CONTEXTS, as_scp=[UPS_EVENT]) as association:
        send = partial(association.send_n_event_report, meta_uid=UPS_EVENT)

        def report(uid: str, event_type: int, information: Dataset) -> int | None:
            return status_of_response(send, information, event_type, UPS_PUSH, uid)

        yield report
