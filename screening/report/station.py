"""Station 3: the report worker. It makes due reports and wakes a courier for each destination.

It also finishes what a change of the active bundle left: results that are to stand again.
"""

from zoneinfo import ZoneInfo

from screening.db.session import Database
from screening.db.standing_results import anything_passed_over, settle_passed_over
from screening.doorbell.app import make_celery_app
from screening.doorbell.names import Queue
from screening.doorbell.worker import Station
from screening.errors import SettingsError
from screening.followed_settings import FollowedSettings
from screening.logs import get_logger
from screening.report import deliveries, outbox
from screening.report.couriers import Couriers
from screening.report.heat_map_reports import Pictures, any_pictures_due, make_due_pictures
from screening.settings import Settings
from screening.spool.store import Spool

log = get_logger()


class ReportStation:
    """Makes and delivers until nothing is due; follows the destinations of the settings file."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._spool = Spool(settings.spool_dir)
        self._zone = ZoneInfo(settings.time_zone) if settings.time_zone else None
        self._settings = FollowedSettings(settings)
        self._couriers = Couriers(settings, database)
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
            self._station.run(name="report")
        finally:
            self._couriers.close()

    def work(self) -> None:
        """Make every due report and wake the couriers; never waits for a destination."""
        more = True
        while more:
            profiles, routing = self._couriers.wanted
            made = outbox.make_due_reports(
                self._database, self._spool, profiles, self._zone, routing
            )
            more = bool(made)
            pictures = Pictures(self._database, self._spool, profiles, routing, self._zone)
            more = bool(make_due_pictures(pictures)) or more
            more = bool(settle_passed_over(self._database)) or more
            self._couriers.wake()

    def _anything_due(self) -> bool:
        """Look at the settings file again, then for work, at each sweep."""
        self._follow_settings()
        names = self._couriers.profiles
        return (
            anything_passed_over(self._database)
            or outbox.anything_due(self._database)
            or any_pictures_due(self._database)
            or deliveries.anything_due(self._database, names)
        )

    def _follow_settings(self) -> None:
        if not self._settings.look_again():
            return
        try:
            self._couriers.follow(self._settings.settings)
        except SettingsError as error:
            log.warning("settings_not_taken", reason=str(error))
