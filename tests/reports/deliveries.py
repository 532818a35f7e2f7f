"""Delivery rows, destinations with short timeouts, and couriers that serve them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import select, update

from screening.db.session import Database
from screening.db.tables.breakers import Breaker
from screening.db.tables.instances import Delivery
from screening.delivery.destination import Destination
from screening.delivery.kind import Ending, Sender
from screening.delivery_kinds import c_store, folder
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import SOP_CLASSES, Profile
from screening.report.courier import Courier
from screening.settings import load_settings
from screening.storage_scu.destination import DicomDestination, Timeouts
from screening.storage_scu.objects import identify
from tests.reports.samples import content, header
from tests.rows.stored import NOON, add_bundle, add_instance, add_report, add_score

SHORT = Timeouts(connection_s=5, acse_s=5, dimse_s=2, network_s=3)


def make_reports(count: int) -> list[bytes]:
    """Return different reports, whole Part 10 files; the same ones each time."""
    return [_report(number) for number in range(count)]


@cache
def _report(number: int) -> bytes:
    source = header()
    source.SOPInstanceUID = f"1.2.3.1.1.{number}"
    return build_report(source, content(), Profile.COMPREHENSIVE).encoded


def add_deliveries(database: Database, *, count: int = 1, **states: str) -> None:
    """Add reports, each with one delivery for each destination=state."""
    with database.write() as session:
        bundle = add_bundle(session)
        for number, encoded in enumerate(make_reports(count)):
            image = add_instance(session, f"1.2.{number}")
            scored = add_score(session, image, bundle, priority="LOW", covid19=0.1)
            report, _ = add_report(session, scored, content=encoded, **states)
            report.sop_instance_uid = identify(encoded).sop_instance_uid


def delivery(database: Database, destination: str = "pacs") -> Delivery:
    """Return the first delivery to a destination."""
    with database.read() as session:
        query = select(Delivery).where(Delivery.destination == destination).order_by(Delivery.id)
        return session.scalars(query).first() or Delivery()


def let_time_pass(database: Database) -> None:
    """Bring every row to where its wait and its lease are over."""
    with database.write() as session:
        session.execute(update(Delivery).values(not_before=NOON, lease_expires_at=NOON))
        waiting = update(Breaker).where(Breaker.probe_at.is_not(None))
        session.execute(waiting.values(probe_at=NOON))


def peer(name: str, port: int) -> Destination:
    """Return a DICOM destination on this machine with short timeouts."""
    address = DicomDestination(name, "127.0.0.1", port, "PACS", "SCREENING", SHORT)
    sender = c_store.CStoreSender(address, SOP_CLASSES[Profile.COMPREHENSIVE])
    return Destination(name, Profile.COMPREHENSIVE, sender, c_store.OUTCOMES)


def files(path: Path, name: str = "folder") -> Destination:
    """Return a destination of files in a folder."""
    return Destination(name, Profile.COMPREHENSIVE, folder.FolderSender(path), folder.OUTCOMES)


def made_up(sender: Sender, name: str = "pacs") -> Destination:
    """Return a destination whose sender's outcomes are the endings themselves."""
    return Destination(name, Profile.COMPREHENSIVE, sender, {one: one for one in Ending})


@contextmanager
def couriers(
    database: Database,
    folder: Path,
    *destinations: Destination,
    wake: bool = True,
    **settings: float,
) -> Iterator[list[Courier]]:
    """Run a courier for each destination, woken once or not; waits of 100 s that grow to 300 s."""
    waits = {"retry_first_s": 100, "retry_longest_s": 300, **settings}
    running = [
        Courier(destination, database, load_settings(data_dir=folder, **waits))
        for destination in destinations
    ]
    try:
        for courier in running if wake else ():
            courier.wake()
        yield running
    finally:
        for courier in running:
            courier.close()


def send_what_is_due(
    database: Database, folder: Path, destination: Destination, **settings: float
) -> None:
    """Send what is due now, as a courier does when it is woken once, and return."""
    with couriers(database, folder, destination, wake=False, **settings) as [courier]:
        courier.deliver_all_due()


def undelivered(database: Database, destination: str) -> list[int]:
    """Return the ids of what a destination has not been delivered."""
    with database.read() as session:
        waiting = select(Delivery.id).where(
            Delivery.destination == destination, Delivery.state != "delivered"
        )
        return list(session.scalars(waiting))
