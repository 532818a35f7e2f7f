"""The couriers of a site: one for each destination, and one more where it is to confirm reports.

They follow the settings: a destination that is added, changed or removed has its couriers started
or stopped, and those of the others go on.
"""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from screening.db.session import Database
from screening.delivery.destination import connected
from screening.delivery.entry import DestinationSettings
from screening.delivery.routing import Routing
from screening.logs import get_logger
from screening.report.commitment_scu.courier import CommitmentCourier, commitment_couriers
from screening.report.courier import Courier
from screening.settings import Settings

log = get_logger()


@dataclass(frozen=True, slots=True)
class _Served:
    """One destination and who serves it."""

    chosen: DestinationSettings
    """As the settings have it."""
    courier: Courier
    commitment_courier: CommitmentCourier | None

    @property
    def couriers(self) -> list[Courier | CommitmentCourier]:
        """Both, or the one."""
        if self.commitment_courier is None:
            return [self.courier]
        return [self.courier, self.commitment_courier]


class Couriers:
    """Serves the destinations that the settings name."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Start them. Raises SettingsError where one wants TLS and its files are not right."""
        self._database = database
        self._served: Mapping[str, _Served] = {}
        self._routing = settings.routing
        self._leaving: list[Courier | CommitmentCourier] = []
        self._closed = False
        self._lock = threading.Lock()
        self.follow(settings)

    @property
    def profiles(self) -> dict[str, str]:
        """The rendering that each destination takes, by its name."""
        return {name: one.chosen.profile for name, one in self._served.items()}

    @property
    def wanted(self) -> tuple[dict[str, str], Routing]:
        """The rendering that each destination takes, and which result goes to which of them."""
        with self._lock:
            return self.profiles, self._routing

    def follow(self, settings: Settings) -> None:
        """Serve what the settings name now; a courier that is stopped finishes its batch.

        Raises SettingsError where a destination wants TLS and its files are not right; then
        nothing has changed.
        """
        chosen = {one.name: one for one in settings.all_destinations}
        destinations = connected(chosen.values(), settings.site)
        with self._lock:
            if self._closed:
                return
            before = self._served
            kept = {name for name, one in before.items() if chosen.get(name) == one.chosen}
            starting = [one for one in destinations if one.name not in kept]
            gone = before.keys() - kept
            self._leave(gone)
            confirming = {
                one.name: one for one in commitment_couriers(starting, self._database, settings)
            }
            served = {name: before[name] for name in kept}
            for one in starting:
                courier = Courier(one, self._database, settings)
                served[one.name] = _Served(chosen[one.name], courier, confirming.get(one.name))
            has_other_routes = self._routing != settings.routing
            self._served, self._routing = served, settings.routing
        started = {one.name for one in starting}
        log.info(
            "destinations_changed",
            added=sorted(started - gone),
            changed=sorted(started & gone),
            removed=sorted(gone - started),
        )
        if has_other_routes:
            log.info("routes_changed", routes=[route.name for route in settings.routes])

    def wake(self) -> None:
        """Have what is due sent; returns at once."""
        for one in self._served.values():
            one.courier.wake()

    def close(self) -> None:
        """Finish what is under way and stop."""
        with self._lock:
            self._closed = True
            self._leave(set(self._served))
        for courier in self._leaving:
            courier.close()

    def _leave(self, names: Collection[str]) -> None:
        self._leaving = [one for one in self._leaving if one.is_running]
        for name in names:
            for courier in self._served[name].couriers:
                courier.stop()
                self._leaving.append(courier)
