"""Reports to peers what we commit to: on the association of the request, else on a new one.

The rows are the schedule. One thread reports what is due for one peer, so that an unreachable peer
delays no other.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from screening.db.session import Database
from screening.dimse.acceptor import GuardedAssociation
from screening.dimse.event_reports import EventReport
from screening.domain.backoff import Retried
from screening.domain.commitment import (
    COMMITMENT_PUSH_MODEL,
    COMMITMENT_PUSH_MODEL_INSTANCE,
    REPORT_STATUSES_TO_RETRY,
    CommitmentAnswer,
    NotCommitted,
)
from screening.errors import TransientError
from screening.logs import get_logger
from screening.receive.commitment_scp.check import check_references
from screening.receive.commitment_scp.requests import (
    ClaimedRequest,
    claim_request,
    let_go,
    peers_due,
    record_not_reported,
    record_reported,
)
from screening.settings import Settings
from screening.spool.store import Spool
from screening.storage_scu.association import NotAssociatedError
from screening.storage_scu.commitment_messages import answer_information
from screening.storage_scu.commitment_scp import report_commitment
from screening.storage_scu.destination import DicomDestination, configured_peer
from screening.work.peer_threads import PeerThreads

PEERS_AT_ONCE = 4
JOIN_TIMEOUT_S = 10
log = get_logger()


class CommitmentReporter:
    """Decides about requests for commitment, and reports the results to the peers."""

    def __init__(self, settings: Settings, database: Database, spool: Spool) -> None:
        """Take the peers' addresses. Raises SettingsError where the files for TLS are not right."""
        self._settings = settings
        self._database = database
        self._spool = spool
        self._peers = {
            one.ae_title: configured_peer(
                one,
                name=one.ae_title,
                calling_ae_title=settings.ae_title,
                credentials=settings.tls_credentials,
            )
            for one in settings.commitment_peers
        }
        self._associations: WeakValueDictionary[int, GuardedAssociation] = WeakValueDictionary()
        self._unrecorded: dict[int, tuple[ClaimedRequest, CommitmentAnswer, int]] = {}
        self._threads = PeerThreads("commitment", at_once=PEERS_AT_ONCE)
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._stopped = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Report inside the block; what is not reported at its end stays due."""
        thread = threading.Thread(target=self._run, name="commitment-reporter", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            self._woken.set()
            thread.join(JOIN_TIMEOUT_S)
            self._threads.wait(JOIN_TIMEOUT_S)

    def expect(self, request_id: int, association: GuardedAssociation) -> None:
        """Report the result of this request on this association if it stays open."""
        with self._lock:
            self._associations[request_id] = association
        self._woken.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._threads.serve(self._peers_due(), self._tell, self._woken.set)
            self._woken.wait(self._settings.sweep_interval_s)
            self._woken.clear()

    def _peers_due(self) -> list[str]:
        try:
            return peers_due(self._database)
        except TransientError as error:
            log.warning("commitment_sweep_failed", reason=str(error))
            return []

    def _tell(self, title: str) -> bool:
        """Report to a peer; return whether to look again, for what came while it was busy."""
        told = False
        try:
            self._record_what_was_told(title)
            while not self._stopped.is_set():
                claimed = claim_request(self._database, title)
                if claimed is None:
                    break
                self._report(claimed)
                told = True
        except TransientError as error:
            log.warning("commitment_report_postponed", calling_ae_title=title, reason=str(error))
        except Exception:
            log.exception("commitment_report_failed", calling_ae_title=title)
        return told

    def _record_what_was_told(self, title: str) -> None:
        """Record reports that the database did not take, before anything is reported twice."""
        for claimed, answer, status in list(self._unrecorded.values()):
            if claimed.calling_ae_title == title:
                self._record(claimed, answer, status)

    def _report(self, claimed: ClaimedRequest) -> None:
        with self._lock:
            association = self._associations.pop(claimed.request_id, None)
        peer = self._peers.get(claimed.calling_ae_title)
        is_open = association is not None and association.is_established
        if not is_open and peer is None:
            self._not_reported(
                claimed,
                "its association has ended, and SCREENING_COMMITMENT_PEERS does not say where "
                f"{claimed.calling_ae_title} listens",
                unreachable=True,
            )
            return
        answer = self._judge(claimed)
        if association is not None and self._post(claimed, answer, association):
            return
        if peer is None:
            let_go(self._database, claimed)
        else:
            self._report_anew(claimed, answer, peer)

    def _judge(self, claimed: ClaimedRequest) -> CommitmentAnswer:
        references = claimed.requested.references
        if claimed.duplicate:
            why = dict.fromkeys(references, NotCommitted.DUPLICATE_TRANSACTION_UID)
            return CommitmentAnswer(claimed.requested.transaction_uid, (), why)
        checked = check_references(self._database, self._spool, references)
        return CommitmentAnswer(
            claimed.requested.transaction_uid,
            committed=tuple(one for one, reason in checked.items() if reason is None),
            failed={one: reason for one, reason in checked.items() if reason is not None},
        )

    def _post(
        self, claimed: ClaimedRequest, answer: CommitmentAnswer, association: GuardedAssociation
    ) -> bool:
        """Have the association's own thread send the report; return whether it is still open."""

        def ended(status: int | None) -> None:
            try:
                if status is None:
                    let_go(self._database, claimed)
                    self._woken.set()
                else:
                    self._record(claimed, answer, status)
            except TransientError as error:
                log.warning("commitment_not_recorded", reason=str(error))

        report = EventReport(
            COMMITMENT_PUSH_MODEL,
            COMMITMENT_PUSH_MODEL_INSTANCE,
            answer.event_type,
            answer_information(answer),
            ended,
        )
        return association.event_reports.post(report)

    def _report_anew(
        self, claimed: ClaimedRequest, answer: CommitmentAnswer, peer: DicomDestination
    ) -> None:
        try:
            status = report_commitment(peer, answer)
        except NotAssociatedError as error:
            self._not_reported(claimed, error.comment, unreachable=True)
            return
        if status is None:
            self._not_reported(claimed, "the peer did not answer the report", unreachable=True)
        else:
            self._record(claimed, answer, status)

    def _record(self, claimed: ClaimedRequest, answer: CommitmentAnswer, status: int) -> None:
        if status in REPORT_STATUSES_TO_RETRY:
            self._not_reported(claimed, f"the peer answered with 0x{status:04X}", unreachable=False)
            return
        self._unrecorded[claimed.request_id] = (claimed, answer, status)
        record_reported(self._database, claimed, answer, status)
        self._unrecorded.pop(claimed.request_id, None)
        log.info(
            "commitment_reported",
            calling_ae_title=claimed.calling_ae_title,
            transaction_uid=answer.transaction_uid,
            committed=len(answer.committed),
            failed=len(answer.failed),
            status=f"0x{status:04X}",
        )

    def _not_reported(self, claimed: ClaimedRequest, reason: str, *, unreachable: bool) -> None:
        log.warning(
            "commitment_not_reported",
            calling_ae_title=claimed.calling_ae_title,
            transaction_uid=claimed.requested.transaction_uid,
            reason=reason,
        )
        record_not_reported(
            self._database,
            claimed,
            reason,
            unreachable=unreachable,
            backoff=self._settings.backoff(Retried.COMMITMENT_REQUEST),
        )
