"""Two whole installations to pull plugs of: on PostgreSQL and Redis, and on nothing."""

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import ColumnElement, func, select

from screening.db.session import Database
from screening.db.tables.instances import Classification, Delivery, Instance, Report
from screening.domain.lifecycle import ClassificationState, DeliveryState
from screening.errors import TransientError
from screening.spool.store import Spool
from screening.storage_scu.destination import DicomDestination, Timeouts
from screening.storage_scu.verification import answers_echo
from screening.whole_files import write_whole
from tests.faults.destination import RecordingDestination, recording_destination
from tests.faults.images import Kind, Objects
from tests.faults.small_disk import DiskNotAllowedError, SmallDisk, small_disk
from tests.faults.station_clock import sitecustomize
from tests.faults.stations import KeptStations, kept_stations
from tests.services.servers import PrivateServer, postgresql_server, redis_server
from tests.sites.site import Site, running_site, wait_until

STATIONS = ("receive", "classify", "report")
FINAL = (
    ClassificationState.CLASSIFIED,
    ClassificationState.NOT_APPLICABLE,
    ClassificationState.FAILED,
)
HASTE = {
    "SCREENING_LEASE_S": "5",
    "SCREENING_SWEEP_INTERVAL_S": "3",
    "SCREENING_RETRY_FIRST_S": "0.5",
    "SCREENING_RETRY_LONGEST_S": "5",
}
"""For the short form; the full one has the defaults of the product. Twelve sweeps are longer than
Celery waits before it connects to a broker again: a worker that hears no more then ends itself."""


class Where(StrEnum):
    """The two ways to install."""

    SERVERS = "PostgreSQL, Redis"
    EMBEDDED = "SQLite, embedded"


@dataclass(frozen=True, slots=True)
class Installation:
    """What a fault may get its hands on; None where this installation has none.

    disk: the reason in words where nothing can be mounted.
    """

    where: Where
    site: Site
    database: Database
    stations: KeptStations
    destination: RecordingDestination
    disk: SmallDisk | str
    postgresql: PrivateServer | None
    redis: PrivateServer | None

    @property
    def scp(self) -> DicomDestination:
        """The SCP as senders see it."""
        timeouts = Timeouts(connection_s=3, acse_s=5, dimse_s=30, network_s=30)
        port = int(self.site.variables["SCREENING_SCP_PORT"])
        return DicomDestination("scp", "127.0.0.1", port, "SCREENING", "SENDER", timeouts)

    @property
    def spool(self) -> Spool:
        """The spool."""
        return Spool(self.site.settings.spool_dir)

    def wait_for_scp(self) -> None:
        """Wait until the SCP answers C-ECHO."""
        wait_until(lambda: answers_echo(self.scp, timeout_s=2), "the SCP to answer C-ECHO")

    def set_clocks(self, offset_s: float) -> None:
        """Set the clocks of all stations off by so much."""
        path = self.site.folder / "clocks" / "offset_s"
        write_whole(path, str(offset_s).encode(), durable=False)

    def claimed(self, objects: Objects) -> int:
        """Count the images that a worker has under lease."""
        return self._count(objects, Classification.state == ClassificationState.CLAIMED)

    def tried_again(self, objects: Objects) -> int:
        """Count the images that took more than one attempt."""
        return self._count(objects, Classification.attempts > 1)

    def ended(self, objects: Objects) -> int:
        """Count the images that are classified, not applicable or failed."""
        return self._count(objects, Classification.state.in_(FINAL))

    def settled(self, objects: Objects) -> int:
        """Count the images that nothing is to be done for any more; 0 while nobody can tell."""
        try:
            if objects.kind is Kind.TOO_SMALL:
                return self.ended(objects)
            return self._delivered(objects)
        except TransientError:
            return 0

    def _count(self, objects: Objects, which: ColumnElement[bool]) -> int:
        rows = select(func.count()).select_from(Classification).join(Instance)
        rows = rows.where(Instance.study_instance_uid == objects.study_instance_uid, which)
        with self.database.read() as session:
            return session.execute(rows).scalar_one()

    def _delivered(self, objects: Objects) -> int:
        rows = select(func.count()).select_from(Delivery).join(Report).join(Classification)
        rows = rows.join(Instance).where(
            Instance.study_instance_uid == objects.study_instance_uid,
            Delivery.state == DeliveryState.DELIVERED,
        )
        with self.database.read() as session:
            return session.execute(rows).scalar_one()


@contextlib.contextmanager
def installation(
    where: Where, folder: Path, *, bundle_dir: Path, in_haste: bool, knows_thin: bool = False
) -> Iterator[Installation]:
    """Run one installation below a folder, ready to work.

    in_haste: with leases and sweeps of a few seconds instead of the defaults, and with stations
    that are forked, which know the thin networks. knows_thin: the others know them, too.
    Raises ServerAbsentError where it needs a server that is not installed.
    """
    with contextlib.ExitStack() as stack:
        on_servers = where is Where.SERVERS
        postgresql = stack.enter_context(postgresql_server()) if on_servers else None
        redis = stack.enter_context(redis_server()) if on_servers else None
        destination = stack.enter_context(recording_destination())
        disk = _disk_or_reason(stack, small_disk(folder / "data" / "spool"))
        variables = HASTE if in_haste else {}
        if postgresql and redis:
            variables = {
                **variables,
                "SCREENING_DATABASE_URL": postgresql.url,
                "SCREENING_BROKER_URL": redis.url,
            }
        site = stack.enter_context(
            running_site(
                folder,
                bundle_dir=bundle_dir,
                SCREENING_MIN_FREE_MIB="0",
                SCREENING_REPORTS_FOLDER="false",
                SCREENING_DESTINATIONS=json.dumps([destination.setting()]),
                **_own_clock(folder),
                **({sitecustomize.THIN_VARIABLE: "yes"} if knows_thin else {}),
                **variables,
            )
        )
        site.forks_stations = in_haste
        site.run("bundles", "activate", "untrained", "--yes")
        stations = stack.enter_context(kept_stations(site, *STATIONS))
        database = stack.enter_context(contextlib.closing(site.database))
        made = Installation(where, site, database, stations, destination, disk, postgresql, redis)
        made.wait_for_scp()
        for name in ("classify", "report"):
            stations.wait_until_ready(name)
        yield made


def _disk_or_reason(
    stack: contextlib.ExitStack, disk: AbstractContextManager[SmallDisk]
) -> SmallDisk | str:
    try:
        return stack.enter_context(disk)
    except DiskNotAllowedError as reason:
        return str(reason)


def _own_clock(folder: Path) -> dict[str, str]:
    clocks = folder / "clocks"
    clocks.mkdir(exist_ok=True)
    (clocks / "offset_s").write_text("0", encoding="ascii")
    own = Path(sitecustomize.__file__).parent
    path = [str(own), str(own.parents[2]), os.environ.get("PYTHONPATH", "")]
    return {
        sitecustomize.FOLDER_VARIABLE: str(clocks),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
    }
