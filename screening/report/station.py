"""Station 3: the report worker. It makes due reports and wakes a courier for each destination.

It also finishes what a change of the active bundle left: results that are to stand again.
"""

from zoneinfo import ZoneInfo

from screening.db.session import Database
from screening.db.what_stands import anything_passed_over, settle_passed_over
from screening.queue.app import make_celery_app
from screening.queue.names import Queue
from screening.queue.worker import Station
from screening.report import deliveries, outbox
from screening.report.commitment_courier import commitment_couriers
from screening.report.courier import Courier
from screening.report.destinations import configured_destinations
from screening.settings import Settings
from screening.spool.store import Spool


class ReportStation:
    """Makes and delivers until nothing is due."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._spool = Spool(settings.spool_dir)
        self._zone = ZoneInfo(settings.time_zone) if settings.time_zone else None
        self._destinations = configured_destinations(settings)
        self._couriers = [
            Courier(destination, database, settings) for destination in self._destinations
        ]
        self._commitment_couriers = commitment_couriers(self._destinations, database, settings)
        self._station = Station(
            app=make_celery_app(settings),
            queue=Queue.REPORT,
            work=self.work,
            due=self._anything_due,
            sweep_interval_s=settings.sweep_interval_s,
        )

    def run(self) -> None:
        """Work until the process is told to stop; deliveries under way are finished."""
        try:
            self._station.run(pool="solo", concurrency=1, name="report")
        finally:
            for courier in self._couriers:
                courier.close()
            for asking in self._commitment_couriers:
                asking.close()

    def work(self) -> None:
        """Make every due report and wake the couriers; never waits for a destination."""
        profiles = {destination.name: destination.profile for destination in self._destinations}
        more = True
        while more:
            more = bool(outbox.make_due_reports(self._database, self._spool, profiles, self._zone))
            more = bool(settle_passed_over(self._database)) or more
            for courier in self._couriers:
                courier.wake()

    def _anything_due(self) -> bool:
        names = [destination.name for destination in self._destinations]
        return (
            anything_passed_over(self._database)
            or outbox.anything_due(self._database)
            or deliveries.anything_due(self._database, names)
        )
