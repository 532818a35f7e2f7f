"""One thread for each destination: no other waits for it, however slow it is."""

import threading
from collections import deque
from dataclasses import dataclass, field
from functools import partial

from screening.db.patience import PATIENCE_S, written_with_patience
from screening.db.session import Database
from screening.delivery.destination import Destination
from screening.delivery.kind import Attempt, Ending
from screening.domain.backoff import Retried
from screening.domain.breaker import BreakerRules
from screening.errors import TransientError
from screening.logs import get_logger
from screening.report.breaker import record_failure, record_success
from screening.report.deliveries import ClaimedDelivery, claim_deliveries, record_attempt
from screening.settings import Settings

JOIN_TIMEOUT_S = 35
FOR_GOOD = frozenset({Ending.DELIVERED, Ending.REFUSED})
"""Endings after which a report is not sent again: the destination works."""
log = get_logger()


class Courier:
    """Sends one destination what is due for it, each time it is woken."""

    def __init__(
        self,
        destination: Destination,
        database: Database,
        settings: Settings,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`patience_s`: how long an attempt is to be recorded before others have their turn."""
        self._destination = destination
        self._database = database
        self._settings = settings
        self._rules = BreakerRules(settings.breaker_failures, settings.backoff(Retried.PROBE))
        self._patience_s = patience_s
        self._unrecorded: tuple[ClaimedDelivery, Attempt] | None = None
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"courier-{destination.name}", daemon=True
        )
        self._thread.start()

    def wake(self) -> None:
        """Have what is due sent; returns at once."""
        self._woken.set()

    @property
    def is_running(self) -> bool:
        """Whether it may still send something."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Have it stop after the batch under way; returns at once."""
        self._stopped.set()
        self._woken.set()

    def close(self) -> None:
        """Stop, and wait until it has."""
        self.stop()
        self._thread.join(JOIN_TIMEOUT_S)

    def _run(self) -> None:
        while True:
            self._woken.wait()
            self._woken.clear()
            if self._stopped.is_set():
                return
            try:
                self.deliver_all_due()
            except TransientError as error:
                log.warning(
                    "delivery_postponed", destination=self._destination.name, reason=str(error)
                )
            except Exception:
                log.exception("delivery_failed", destination=self._destination.name)

    def deliver_all_due(self) -> None:
        """Send what is due until nothing is, or the destination answers nothing for good.

        An attempt that the database did not take is recorded first: as long as it takes none,
        nothing is sent, or a database that takes claims alone would have it sent for ever.
        Raises DatabaseUnavailableError.
        """
        if self._unrecorded is not None:
            self._record(*self._unrecorded, patience_s=0)
        while not self._stopped.is_set():
            claimed = claim_deliveries(self._database, self._destination.name)
            if not claimed or not self._deliver(claimed):
                return

    def _deliver(self, claimed: list[ClaimedDelivery]) -> bool:
        """Send a batch; return whether to go on with the next: it answered something for good."""
        batch = _Batch(deque(claimed))
        try:
            self._send(batch)
        except TransientError:
            raise
        except Exception as error:
            log.exception("delivery_failed", destination=self._destination.name)
            message = f"an unexpected error ({type(error).__name__}); see the log of report"
            if batch.unanswered:
                # the others come back when their lease ends, without the one that provoked it
                self._record_next(batch, Attempt(Ending.RETRY, "", message))
        if batch.endings & FOR_GOOD and not batch.paused:
            record_success(self._database, self._destination.name)
            return True
        record_failure(
            self._database,
            self._destination.name,
            batch.message,
            self._rules,
            at_once=batch.paused,
        )
        return False

    def _send(self, batch: "_Batch") -> None:
        """Send a batch; where an answer pauses the destination, it is that of all that follow."""
        for attempt in self._destination.send([one.report for one in batch.unanswered]):
            self._record_next(batch, attempt)
            if batch.paused:
                while batch.unanswered:
                    self._record_next(batch, attempt)
                return

    def _record_next(self, batch: "_Batch", attempt: Attempt) -> None:
        self._record(batch.unanswered.popleft(), attempt, self._patience_s)
        batch.endings.add(attempt.ending)
        batch.message = attempt.message

    def _record(self, one: ClaimedDelivery, attempt: Attempt, patience_s: float) -> None:
        write = partial(
            record_attempt,
            self._database,
            one,
            attempt,
            self._settings.backoff(Retried.DELIVERY),
        )
        self._unrecorded = None
        try:
            written_with_patience(write, patience_s=patience_s)
        except TransientError:
            self._unrecorded = (one, attempt)
            raise
        told = {
            "destination": self._destination.name,
            "report_sop_instance_uid": one.report.sop_instance_uid,
            "ending": attempt.ending.value,
            "status": attempt.status,
        }
        if attempt.ending is Ending.DELIVERED:
            log.info("delivery_attempted", **told)
        else:
            log.warning("delivery_attempted", **told, reason=attempt.message)


@dataclass(slots=True)
class _Batch:
    """Reports that are being sent."""

    unanswered: deque[ClaimedDelivery]
    endings: set[Ending] = field(default_factory=set)
    """Of those that were answered."""
    message: str = ""
    """What was said last."""

    @property
    def paused(self) -> bool:
        """Whether the destination would answer every report alike."""
        return Ending.PAUSED in self.endings
