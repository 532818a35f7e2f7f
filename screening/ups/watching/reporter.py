"""Tells AEs what happens to the steps that they watch, each in its order.

The rows are the schedule. One thread tells one AE, so that one that is gone delays no other.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from screening.db.session import Database
from screening.domain.backoff import Backoff, Retried
from screening.domain.commitment import REPORT_STATUSES_TO_RETRY
from screening.errors import TransientError
from screening.logs import get_logger
from screening.settings import Settings
from screening.storage_scu.association import NotAssociatedError
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.step_events import Report, reporting_to
from screening.ups.watching.reports import (
    ClaimedReport,
    claim_report,
    record_not_reported,
    record_reported,
    titles_due,
)
from screening.ups.watching.watch import StepWatcher
from screening.work.peer_threads import PeerThreads

LOOK_EVERY_S = 0.5
AES_AT_ONCE = 4
JOIN_TIMEOUT_S = 10
log = get_logger()


class StepReporter:
    """Reports events from one database."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        watcher: StepWatcher,
        peers: Mapping[str, DicomDestination],
    ) -> None:
        """peers: where AEs listen, by title."""
        self._backoff: Backoff = settings.backoff(Retried.STEP_REPORT)
        self._database = database
        self._watcher = watcher
        self._peers = peers
        self._threads = PeerThreads("ups", at_once=AES_AT_ONCE)
        self._stopped = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Report inside the block; what is not reported at its end stays due."""
        thread = threading.Thread(target=self._run, name="ups-reporter", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join(JOIN_TIMEOUT_S)
            self._threads.wait(JOIN_TIMEOUT_S)

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_S):
            try:
                self._watcher.look()
                due = titles_due(self._database)
            except TransientError as error:
                log.warning("ups_events_not_read", reason=str(error))
                continue
            except Exception:
                log.exception("ups_events_not_read")
                continue
            self._threads.serve(due, self._tell)

    def _tell(self, title: str) -> None:
        try:
            claimed = claim_report(self._database, title)
            if claimed is not None:
                self._tell_all(claimed)
        except TransientError as error:
            log.warning("ups_report_postponed", receiving_ae_title=title, reason=str(error))
        except Exception:
            log.exception("ups_report_failed", receiving_ae_title=title)

    def _tell_all(self, claimed: ClaimedReport) -> None:
        """Send a claimed report, and those that are due behind it, over one association."""
        title = claimed.receiving_ae_title
        peer = self._peers.get(title)
        if peer is None:
            self._not_reported(claimed, f"SCREENING_UPS_PEERS does not say where {title} listens")
            return
        try:
            with reporting_to(peer) as report:
                following: ClaimedReport | None = claimed
                while following is not None and self._send(report, following):
                    stops = self._stopped.is_set()
                    following = None if stops else claim_report(self._database, title)
        except NotAssociatedError as error:
            self._not_reported(claimed, error.comment)

    def _send(self, report: Report, claimed: ClaimedReport) -> bool:
        """Send one report; return whether the next one may follow."""
        status = report(claimed.sop_instance_uid, claimed.event_type, claimed.information)
        if status is None:
            self._not_reported(claimed, "the AE did not answer the report")
        elif status in REPORT_STATUSES_TO_RETRY:
            self._not_reported(claimed, f"the AE answered with 0x{status:04X}")
        else:
            record_reported(self._database, claimed, status)
            return True
        return False

    def _not_reported(self, claimed: ClaimedReport, reason: str) -> None:
        log.warning(
            "ups_event_not_reported",
            receiving_ae_title=claimed.receiving_ae_title,
            sop_instance_uid=claimed.sop_instance_uid,
            reason=reason,
        )
        record_not_reported(self._database, claimed, reason, self._backoff)
