"""One thread a destination: it alone waits for that destination, however slow it is."""

import threading
from functools import partial

from screening.db.patience import written_with_patience
from screening.db.session import Database
from screening.errors import TransientError
from screening.logs import get_logger
from screening.report.deliveries import ClaimedDelivery, claim_deliveries, record_attempt
from screening.report.destinations import Destination, Ending
from screening.settings import Settings

JOIN_TIMEOUT_S = 35
log = get_logger()


class Courier:
    """Sends one destination what is due for it, each time it is woken."""

    def __init__(self, destination: Destination, database: Database, settings: Settings) -> None:
        self._destination = destination
        self._database = database
        self._settings = settings
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
                self._deliver_all_due()
            except TransientError as error:
                log.warning(
                    "delivery_postponed", destination=self._destination.name, reason=str(error)
                )
            except Exception:
                log.exception("delivery_failed", destination=self._destination.name)

    def _deliver_all_due(self) -> None:
        while not self._stopped.is_set():
            claimed = claim_deliveries(self._database, self._destination.name)
            if not claimed or not self._deliver(claimed):
                return

    def _deliver(self, claimed: list[ClaimedDelivery]) -> bool:
        """Send a batch; return whether the destination took part in it at all."""
        took_part = False
        attempts = self._destination.send([one.report for one in claimed])
        for one, attempt in zip(claimed, attempts, strict=True):
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
            took_part = took_part or attempt.ending is not Ending.RETRY
            log.info(
                "delivery_attempted",
                destination=self._destination.name,
                report_sop_instance_uid=one.report.sop_instance_uid,
                ending=attempt.ending.value,
                status=attempt.status,
            )
        return took_part
