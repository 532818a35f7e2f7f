"""One thread a destination that is to confirm its reports: it asks, and waits for nobody else.

A destination that does not answer a Storage Commitment in time is looked at by C-FIND before it is
asked again: in several archives the answer gets lost between two associations.
"""

import threading
import time
from collections.abc import Iterable
from datetime import timedelta

from screening.db.commitment_scu_answers import BY_QUERY, record_answer, record_found
from screening.db.session import Database
from screening.delivery.destination import Destination
from screening.delivery_kinds.c_store import CStoreSender
from screening.domain.backoff import Retried
from screening.domain.commitment import CommitmentAnswer, CommitmentRequested
from screening.errors import TransientError
from screening.logs import get_logger
from screening.report.commitment_scu.transactions import (
    AskedReport,
    ClaimedTransaction,
    add_commitments,
    claim_commitments,
    postpone,
)
from screening.settings import Settings
from screening.storage_scu.association import NotAssociatedError
from screening.storage_scu.commitment_scu import SUCCESS, request_commitment
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.query import have_instances
from screening.work.queues import QUERY_LEASE_S

LINGER_S = 5.0
"""How long the association stays open for an answer on it."""
OVERLAP_S = 600
"""Deliveries this old are looked at again: their transactions were under way."""
JOIN_TIMEOUT_S = 35
UNKNOWN_TRANSACTION = 0x0115
log = get_logger()


def commitment_couriers(
    destinations: Iterable[Destination], database: Database, settings: Settings
) -> list["CommitmentCourier"]:
    """Start a courier for each Storage SCP that is set to be asked."""
    senders = [one.sender for one in destinations]
    return [
        CommitmentCourier(one.peer, one.commitment, database, settings)
        for one in senders
        if isinstance(one, CStoreSender) and one.commitment != "none"
    ]


class CommitmentCourier:
    """Asks one destination whether it keeps what was delivered to it, at each sweep interval."""

    def __init__(
        self, peer: DicomDestination, how: str, database: Database, settings: Settings
    ) -> None:
        """`how`: "storage-commitment" or "query"."""
        self._peer = peer
        self._how = how
        self._database = database
        self._settings = settings
        self._looked_at_s: float | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"commitment-{peer.name}", daemon=True
        )
        self._thread.start()

    @property
    def name(self) -> str:
        """The destination's name."""
        return self._peer.name

    @property
    def is_running(self) -> bool:
        """Whether it may still ask something."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Have it stop after the request under way; returns at once."""
        self._stopped.set()

    def close(self) -> None:
        """Stop, and wait until it has."""
        self.stop()
        self._thread.join(JOIN_TIMEOUT_S)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._ask_all_due()
            except TransientError as error:
                log.warning("commitment_postponed", destination=self._peer.name, reason=str(error))
            except Exception:
                log.exception("commitment_failed", destination=self._peer.name)
            self._stopped.wait(self._settings.sweep_interval_s)

    def _ask_all_due(self) -> None:
        self._look_for_deliveries()
        while not self._stopped.is_set():
            by_query = self._how == BY_QUERY
            request = claim_commitments(
                self._database,
                self._peer.name,
                how=self._how,
                answer_within_s=QUERY_LEASE_S if by_query else self._settings.commitment_timeout_s,
            )
            if request is None:
                return
            if by_query:
                self._query(request, request.reports)
            else:
                self._ask(request)

    def _look_for_deliveries(self) -> None:
        now_s = time.monotonic()
        within = None
        if self._looked_at_s is not None:
            within = timedelta(seconds=now_s - self._looked_at_s + OVERLAP_S)
        add_commitments(self._database, self._peer.name, within=within)
        self._looked_at_s = now_s

    def _ask(self, request: ClaimedTransaction) -> None:
        """Look by C-FIND for what is overdue, then ask for the rest."""
        overdue = [report for report in request.reports if report.overdue]
        there = self._found_there(request, overdue) if overdue else set()
        left = [one for one in request.reports if one.commitment_id not in there]
        if not left:
            return
        wanted = CommitmentRequested(
            request.transaction_uid, tuple(report.reference for report in left)
        )
        try:
            status = request_commitment(self._peer, wanted, self._take_answer, linger_s=LINGER_S)
        except NotAssociatedError as error:
            self._postpone(request, left, f"{error.comment} (or set commitment = query)")
            return
        log.info(
            "commitment_asked",
            destination=self._peer.name,
            transaction_uid=request.transaction_uid,
            reports=len(left),
            status=None if status is None else f"0x{status:04X}",
        )
        if status != SUCCESS:
            self._postpone(request, left, _no_success(status))

    def _take_answer(self, answer: CommitmentAnswer) -> int:
        try:
            known = record_answer(self._database, answer)
        except TransientError:
            return 0x0213
        tell = log.warning if answer.failed else log.info
        tell(
            "commitment_answered",
            destination=self._peer.name,
            transaction_uid=answer.transaction_uid,
            committed=len(answer.committed),
            failed=len(answer.failed),
        )
        return SUCCESS if known else UNKNOWN_TRANSACTION

    def _found_there(self, request: ClaimedTransaction, overdue: list[AskedReport]) -> set[int]:
        """Settle what a query finds; what it does not find is asked about once more."""
        try:
            answers = list(have_instances(self._peer, [one.key for one in overdue]))
        except NotAssociatedError:
            return set()
        there = {
            one.commitment_id for one, found in zip(overdue, answers, strict=True) if found is True
        }
        record_found(self._database, request.transaction_uid, ((one, True) for one in there))
        return there

    def _query(self, request: ClaimedTransaction, reports: Iterable[AskedReport]) -> None:
        left = list(reports)
        try:
            answers = list(have_instances(self._peer, [one.key for one in left]))
        except NotAssociatedError as error:
            self._postpone(request, left, error.comment)
            return
        said = list(zip(left, answers, strict=True))
        patience = timedelta(seconds=self._settings.commitment_timeout_s)
        settled = [
            (one, found)
            for one, found in said
            if found or (found is False and one.delivered_at + patience <= request.asked_at)
        ]
        record_found(
            self._database,
            request.transaction_uid,
            [(one.commitment_id, bool(found)) for one, found in settled],
        )
        log.info(
            "commitment_queried",
            destination=self._peer.name,
            found=sum(answer is True for answer in answers),
            missing=sum(answer is False for answer in answers),
        )
        if later := [one for one, found in said if (one, found) not in settled]:
            self._postpone(request, later, "the destination does not list the report yet")

    def _postpone(
        self, request: ClaimedTransaction, reports: Iterable[AskedReport], message: str
    ) -> None:
        log.warning("commitment_postponed", destination=self._peer.name, reason=message)
        postpone(
            self._database,
            request,
            [report.commitment_id for report in reports],
            message,
            self._settings.backoff(Retried.COMMITMENT),
        )


def _no_success(status: int | None) -> str:
    if status is None:
        return "the destination did not answer the request for commitment; try again"
    return f"the destination answered the request for commitment with 0x{status:04X}"
