"""A real Storage SCP that keeps note of what reports arrive, of which image, in which bytes."""

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.presentation import AllStoragePresentationContexts

from tests.services.servers import free_port

AE_TITLE = "DESTINATION"
SUCCESS = 0x0000


@dataclass(frozen=True, slots=True)
class Arrival:
    """One report that was received and stored."""

    image_uid: str
    report_uid: str
    sha256: str


class RecordingDestination:
    """What has arrived, in order; an action may be asked for in the middle of an answer."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.arrivals: list[Arrival] = []
        self._action: Callable[[], None] | None = None
        self._acted = threading.Event()
        self._lock = threading.Lock()

    def setting(self) -> dict[str, object]:
        """Return the site's setting that names it."""
        return {"name": "pacs", "host": "127.0.0.1", "port": self.port, "ae_title": AE_TITLE}

    def between_arrival_and_answer(self, action: Callable[[], None]) -> threading.Event:
        """Do something once when the next report is stored but not answered yet.

        Returns the event that is set afterwards.
        """
        with self._lock:
            self._acted = threading.Event()
            self._action = action
            return self._acted

    def store(self, event: Event) -> int:
        """Take note of a report."""
        report: Dataset = event.dataset
        [study] = report.CurrentRequestedProcedureEvidenceSequence
        [image] = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
        arrival = Arrival(
            str(image.ReferencedSOPInstanceUID),
            str(report.SOPInstanceUID),
            hashlib.sha256(event.request.DataSet.getvalue()).hexdigest(),
        )
        with self._lock:
            self.arrivals.append(arrival)
            action, self._action = self._action, None
        if action is not None:
            action()
            self._acted.set()
        return SUCCESS


@contextlib.contextmanager
def recording_destination() -> Iterator[RecordingDestination]:
    """Run a Storage SCP on a free port."""
    destination = RecordingDestination(free_port())
    entity = AE(AE_TITLE)
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(
        ("127.0.0.1", destination.port),
        block=False,
        evt_handlers=[(evt.EVT_C_STORE, destination.store)],
    )
    try:
        yield destination
    finally:
        server.shutdown()
