"""Destinations are asked whether they keep our reports, in each way they may answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from screening.db.commitment_tables import Commitment
from screening.db.session import Database
from screening.db.tables import Delivery
from screening.report.codes import Profile
from screening.report.commitment_courier import commitment_couriers
from screening.report.courier import Courier
from screening.report.destinations import configured_destinations
from screening.report.document import build_report
from screening.settings import Settings
from tests.commitment_peers import DESTINATION, Archive, Manner, running_archive
from tests.receiving import running_receiver
from tests.report_samples import content, header
from tests.servers import free_port
from tests.site import wait_until
from tests.stored_rows import add_bundle, add_instance, add_report, add_score

pytestmark = pytest.mark.integration

REPORT = build_report(header(), content(), Profile.COMPREHENSIVE)
QUICK: dict[str, Any] = {
    "sweep_interval_s": 0.2,
    "retry_first_s": 0.2,
    "retry_longest_s": 0.5,
    "reports_folder": False,
}


def add_due_report(database: Database) -> None:
    """Add a report that waits for the destination."""
    with database.write() as session:
        bundle = add_bundle(session)
        scored = add_score(
            session, add_instance(session, "1.2.3.1"), bundle, priority="LOW", covid19=0.1
        )
        report, _ = add_report(session, scored, content=REPORT.encoded, pacs="pending")
        report.sop_instance_uid = REPORT.sop_instance_uid
        report.sop_class_uid = REPORT.sop_class_uid
        report.series_instance_uid = REPORT.series_instance_uid


@contextmanager
def site(
    folder: Path, database: Database, archive: Archive, commitment: str, **more: Any
) -> Iterator[Settings]:
    """Run our SCP, the couriers of one destination, and the destination."""
    with running_archive(archive):
        destination = {
            "name": "pacs", "host": "127.0.0.1", "port": archive.port,
            "ae_title": DESTINATION, "commitment": commitment,
        }  # fmt: skip
        settings = {**QUICK, "destinations": [destination], **more}
        with running_receiver(folder, database, **settings) as receiver:
            archive.scp_port = receiver.peer.port
            add_due_report(database)
            with couriers(receiver.settings, database):
                yield receiver.settings


@contextmanager
def couriers(settings: Settings, database: Database) -> Iterator[None]:
    """Run what the report station runs for its destinations, woken all the time."""
    destinations = configured_destinations(settings)
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
        commitment = session.scalars(select(Commitment)).one_or_none()
        return delivery.state, commitment.state if commitment else None


def message(database: Database) -> str:
    """Return what was last said of the commitment."""
    with database.read() as session:
        return session.scalars(select(Commitment.last_message)).first() or ""


def wait_for(database: Database, *expected: str) -> None:
    """Wait until delivery and commitment are in these states."""
    wait_until(lambda: states(database) == expected, f"{expected}, {states(database)}", 60)


@pytest.mark.parametrize("manner", [Manner.SAME_ASSOCIATION, Manner.NEW_ASSOCIATION])
def test_a_destination_that_keeps_a_report_says_so(
    tmp_path: Path, migrated_database: Database, manner: Manner
) -> None:
    """Its answer is taken on our association by the courier, on its own by our SCP."""
    archive = Archive(manner)
    with site(tmp_path, migrated_database, archive, "storage-commitment"):
        wait_for(migrated_database, "delivered", "committed")
        wait_until(lambda: archive.report_statuses == [0x0000], "the answer's status", 20)
    [asked] = archive.asked
    [item] = asked.ReferencedSOPSequence
    assert item.ReferencedSOPInstanceUID == REPORT.sop_instance_uid
    assert item.ReferencedSOPClassUID == REPORT.sop_class_uid


def test_a_destination_that_lost_a_report_gets_it_again(
    tmp_path: Path, migrated_database: Database
) -> None:
    """It had answered the first C-STORE with Success, and says that it has no such instance."""
    archive = Archive(Manner.SAME_ASSOCIATION, loses=1)
    with site(tmp_path, migrated_database, archive, "storage-commitment") as settings:
        wait_for(migrated_database, "pending", "due")
        with couriers(settings, migrated_database):
            wait_for(migrated_database, "delivered", "committed")
    assert (archive.stored, len(archive.asked)) == (2, 2)


def test_a_destination_that_refuses_to_be_asked_is_asked_again(
    tmp_path: Path, migrated_database: Database
) -> None:
    """The report stays delivered; when the destination has mended, it confirms."""
    archive = Archive(Manner.REFUSAL)
    with site(tmp_path, migrated_database, archive, "storage-commitment"):
        wait_until(lambda: "0x0110" in message(migrated_database), "the refusal", 60)
        assert states(migrated_database)[0] == "delivered"
        archive.manner = Manner.NEW_ASSOCIATION
        wait_for(migrated_database, "delivered", "committed")


def test_a_silent_destination_is_looked_at_by_query(
    tmp_path: Path, migrated_database: Database
) -> None:
    """Its answer is overdue; what its C-FIND lists is confirmed."""
    archive = Archive(Manner.SILENCE)
    timeout = {"commitment_timeout_s": 6.0}
    with site(tmp_path, migrated_database, archive, "storage-commitment", **timeout):
        wait_for(migrated_database, "delivered", "committed")
    assert message(migrated_database) == "by query"
    assert archive.asked


def test_a_silent_destination_that_lists_nothing_is_asked_anew(
    tmp_path: Path, migrated_database: Database
) -> None:
    """Under a new Transaction UID, until it answers; silence never confirms anything."""
    archive = Archive(Manner.SILENCE, lists=False)
    timeout = {"commitment_timeout_s": 6.0}
    with site(tmp_path, migrated_database, archive, "storage-commitment", **timeout):
        wait_until(lambda: len(archive.asked) > 1, "the second request", 60)
        assert states(migrated_database) == ("delivered", "asked")
    assert len({asked.TransactionUID for asked in archive.asked}) == len(archive.asked)


def test_a_destination_without_commitment_is_asked_by_query(
    tmp_path: Path, migrated_database: Database
) -> None:
    """Study Root C-FIND at IMAGE level."""
    archive = Archive()
    with site(tmp_path, migrated_database, archive, "query"):
        wait_for(migrated_database, "delivered", "committed")
    assert archive.asked == []


def test_a_report_that_a_query_does_not_list_is_sent_again_after_a_while(
    tmp_path: Path, migrated_database: Database
) -> None:
    """Archives list late, so it is not sent again before the time they have is over."""
    archive = Archive(loses=1)
    patient = {"commitment_timeout_s": 3.0}
    with site(tmp_path, migrated_database, archive, "query", **patient) as settings:
        wait_until(lambda: "not list" in message(migrated_database), "the first look", 60)
        assert states(migrated_database)[0] == "delivered"
        wait_for(migrated_database, "pending", "due")
        with couriers(settings, migrated_database):
            wait_for(migrated_database, "delivered", "committed")


def test_a_destination_that_does_not_offer_commitment_is_named(
    tmp_path: Path, migrated_database: Database
) -> None:
    """The message says what to set; the report stays delivered and is not confirmed."""
    destination = {
        "name": "pacs", "host": "127.0.0.1", "port": free_port(),
        "ae_title": DESTINATION, "commitment": "storage-commitment",
    }  # fmt: skip
    with running_receiver(
        tmp_path, migrated_database, **{**QUICK, "destinations": [destination]}
    ) as receiver:
        add_due_report(migrated_database)
        with migrated_database.write() as session:
            session.scalars(select(Delivery)).one().state = "delivered"
        with couriers(receiver.settings, migrated_database):
            wait_until(lambda: "commitment = query" in message(migrated_database), "it", 60)
    assert states(migrated_database) == ("delivered", "due")
