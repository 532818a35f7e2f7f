"""One thread a destination: it alone waits for that destination, however slow it is."""

import threading
from collections import deque
from functools import partial

from screening.db.patience import written_with_patience
from screening.db.session import Database
from screening.domain.breaker import BreakerRules
from screening.errors import TransientError
from screening.logs import get_logger
from screening.report.breaker import record_failure, record_success
from screening.report.deliveries import ClaimedDelivery, claim_deliveries, record_attempt
from screening.report.destinations import Attempt, Destination, Ending
from screening.settings import Settings

JOIN_TIMEOUT_S = 35
log = get_logger()


class Courier:
    """Sends one destination what is due for it, each time it is woken."""

    def __init__(self, destination: Destination, database: Database, settings: Settings) -> None:
        self._destination = destination
        self._database = database
        self._settings = settings
        self._rules = BreakerRules(
            settings.breaker_failures, settings.retry_first_s, settings.breaker_longest_s
        )
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"courier-{destination.name}", daemon=True
        )
        self._thread.start()

    def wake(self) -> None:
        """Have what is due sent; returns at once."""
        self._woken.set()

    def close(self) -> None:
        """Finish the batch under way and stop."""
        self._stopped.set()
        self._woken.set()
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

        Raises DatabaseUnavailableError.
        """
        while not self._stopped.is_set():
            claimed = claim_deliveries(self._database, self._destination.name)
            if not claimed or not self._deliver(claimed):
                return

    def _deliver(self, claimed: list[ClaimedDelivery]) -> bool:
        """Send a batch; return whether the destination answered any of it for good."""
        unanswered = deque(claimed)
        answered_for_good, message = False, ""
        try:
            for attempt in self._destination.send([one.report for one in claimed]):
                self._record(unanswered.popleft(), attempt)
                answered_for_good = answered_for_good or attempt.ending is not Ending.RETRY
                message = attempt.message
        except TransientError:
            raise
        except Exception as error:
            log.exception("delivery_failed", destination=self._destination.name)
            message = f"an unexpected error ({type(error).__name__}); see the log of report"
            # the others come back when their lease ends, without the one that provoked it
            self._record(unanswered.popleft(), Attempt(Ending.RETRY, "", message))
        if answered_for_good:
            record_success(self._database, self._destination.name)
        else:
            record_failure(self._database, self._destination.name, message, self._rules)
        return answered_for_good

    def _record(self, one: ClaimedDelivery, attempt: Attempt) -> None:
        written_with_patience(
            partial(
                record_attempt,
                self._database,
                one,
                attempt,
                retry_first_s=self._settings.retry_first_s,
                retry_longest_s=self._settings.retry_longest_s,
            )
        )
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
