"""One report on its way to the destination `pacs`, and what the report station runs for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.commitment_scu import ReportCommitment
from screening.db.tables.instances import Delivery
from screening.delivery.destination import connected
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from screening.report.commitment_scu.courier import commitment_couriers
from screening.report.courier import Courier
from screening.settings import Settings
from tests.reports.samples import content, header
from tests.rows.stored import add_bundle, add_instance, add_report, add_score
from tests.sites.site import wait_until

REPORT = build_report(header(), content(), Profile.COMPREHENSIVE)
QUICK: dict[str, Any] = {
    "sweep_interval_s": 0.2,
    "retry_first_s": 0.2,
    "retry_longest_s": 0.5,
    "reports_folder": False,
}


def add_due_report(database: Database, *, state: str = "pending") -> None:
    """Add a report with a delivery to the destination `pacs`, due unless `state` says else."""
    with database.write() as session:
        bundle = add_bundle(session)
        scored = add_score(
            session, add_instance(session, "1.2.3.1"), bundle, priority="LOW", covid19=0.1
        )
        report, _ = add_report(session, scored, content=REPORT.encoded, pacs=state)
        report.sop_instance_uid = REPORT.sop_instance_uid
        report.sop_class_uid = REPORT.sop_class_uid
        report.series_instance_uid = REPORT.series_instance_uid


@contextmanager
def couriers(settings: Settings, database: Database) -> Iterator[None]:
    """Run what the report station runs for its destinations, woken all the time."""
    destinations = connected(settings.all_destinations, settings.site)
    sending = [Courier(one, database, settings) for one in destinations]
    asking = commitment_couriers(destinations, database, settings)
    try:
        for courier in sending:
            courier.wake()
        yield
    finally:
        for courier in sending:
            courier.close()
        for one in asking:
            one.close()


def states(database: Database) -> tuple[str, str | None]:
    """Return the state of the delivery and of its commitment, None where it was never due."""
    with database.read() as session:
        delivery = session.scalars(select(Delivery)).one()
        commitment = session.scalars(select(ReportCommitment)).one_or_none()
        return delivery.state, commitment.state if commitment else None


def message(database: Database) -> str:
    """Return what was last said of the commitment."""
    with database.read() as session:
        return session.scalars(select(ReportCommitment.last_message)).first() or ""


def wait_for(database: Database, *expected: str) -> None:
    """Wait until delivery and commitment are in these states."""
    wait_until(lambda: states(database) == expected, f"{expected}, {states(database)}", 60)
