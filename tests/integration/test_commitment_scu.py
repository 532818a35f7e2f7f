"""Destinations are asked whether they keep our reports, in each way they may answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Delivery
from screening.settings import Settings
from tests.peers.commitment import DESTINATION, Archive, Manner, running_archive
from tests.peers.receiving import running_receiver
from tests.reports.one_report import (
    QUICK,
    REPORT,
    add_due_report,
    couriers,
    message,
    states,
    wait_for,
)
from tests.services.servers import free_port
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration


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


def test_its_answer_is_acknowledged_before_the_association_ends(
    tmp_path: Path, migrated_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the response takes after the answer is recorded: no response is no receipt."""
    send_msg = DIMSEServiceProvider.send_msg

    def slow(self: DIMSEServiceProvider, primitive: Any, context_id: int) -> None:
        if isinstance(primitive, N_EVENT_REPORT) and primitive.MessageIDBeingRespondedTo:
            time.sleep(1)
        send_msg(self, primitive, context_id)

    monkeypatch.setattr(DIMSEServiceProvider, "send_msg", slow)
    archive = Archive(Manner.SAME_ASSOCIATION)
    with site(tmp_path, migrated_database, archive, "storage-commitment"):
        wait_for(migrated_database, "delivered", "committed")
        wait_until(lambda: archive.report_statuses == [0x0000], "the answer's status", 20)


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
