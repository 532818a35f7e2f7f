"""What the SCP answers, keeps and records for each kind of object (PS3.4 B.2.3)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
)
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Classification
from screening.imaging.quiet import quiet
from screening.spool.store import Spool, data_set_sha256
from screening.storage_scu.objects import EncodedObject, identify
from tests.objects.at_fault import AT_FAULT
from tests.peers.receiving import SUCCESS, Receiver, radiograph, running_receiver
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def receiver(tmp_path: Path, migrated_database: Database) -> Iterator[Receiver]:
    """Run an SCP that takes objects of up to 1 MiB."""
    with running_receiver(tmp_path, migrated_database, max_object_mib=1) as running:
        yield running


def classifications(receiver: Receiver) -> list[tuple[str, str | None]]:
    """Return state and reason of every classification."""
    with receiver.database.read() as session:
        rows = session.scalars(select(Classification).order_by(Classification.id))
        return [(row.state, row.reason) for row in rows]


def test_a_stored_object_is_a_durable_file_and_a_row(receiver: Receiver, tmp_path: Path) -> None:
    """Success means: the data set's bytes at their digest's path, a row, work for the worker."""
    sent = radiograph()
    assert receiver.send(sent)[0].status == SUCCESS
    [row], [kept] = receiver.instances(), receiver.kept()
    found = identify(sent)
    assert kept.read_bytes().endswith(sent[found.data_set_offset :])
    assert (row.sha256, kept) == (
        data_set_sha256(kept),
        Spool(receiver.settings.spool_dir).path_of(row.sha256),
    )
    assert (row.sop_instance_uid, row.study_instance_uid) == ("1.2.3.1.1.1", "1.2.3.1")
    assert (row.sop_class_uid, row.transfer_syntax_uid) == (
        str(ComputedRadiographyImageStorage),
        str(ExplicitVRLittleEndian),
    )
    assert (row.patient_id, row.patient_name) == ("PID-77", "Doe^Jane")
    assert (row.conflicting, row.calling_ae_title) == (False, "CR_ROOM_1")
    assert row.size_bytes == kept.stat().st_size
    assert classifications(receiver) == [("received", None)]
    assert receiver.incoming() == []
    assert tmp_path in kept.parents


def test_the_association_and_its_counts_are_recorded(receiver: Receiver) -> None:
    """Who sent, from where, how it ended, and how many objects were stored, repeated, refused."""
    one, other = radiograph(), radiograph(SOPInstanceUID="1.2.3.1.1.2")
    receiver.send(one, other, one, replace(identify(one), sop_instance_uid="1.2.9"))
    wait_until(lambda: receiver.associations()[0].closed_at is not None, "the close", 10)
    [association] = receiver.associations()
    assert (association.calling_ae_title, association.called_ae_title) == ("CR_ROOM_1", "SCREENING")
    assert (association.stored, association.repeated, association.refused) == (2, 1, 1)
    assert (association.outcome, association.peer_address) == ("released", "127.0.0.1")


def test_the_same_bytes_again_are_a_success_without_a_second_row(receiver: Receiver) -> None:
    """Senders repeat; one row and one file stay, and the repetition is in the audit trail."""
    for _ in range(2):
        assert [answer.status for answer in receiver.send(radiograph())] == [SUCCESS]
    assert (len(receiver.instances()), len(receiver.kept())) == (1, 1)
    assert classifications(receiver) == [("received", None)]
    assert [event.kind for event in receiver.events()] == ["instance_received", "instance_repeated"]


def test_the_same_uid_with_other_bytes_is_kept_apart(receiver: Receiver) -> None:
    """The first object stays as it was; the second is kept, recorded, and waits to be compared."""
    answers = receiver.send(radiograph(grey=1), radiograph(grey=2), radiograph(grey=2))
    assert [answer.status for answer in answers] == [SUCCESS] * 3
    assert [row.conflicting for row in receiver.instances()] == [False, True]
    assert len(receiver.kept()) == 2
    assert classifications(receiver) == [
        ("received", None),
        ("received", None),
    ]
    assert [event.kind for event in receiver.events()] == [
        "instance_received",
        "instance_conflicted",
        "instance_repeated",
    ]


@pytest.mark.parametrize(("make", "status", "comment"), AT_FAULT)
def test_an_object_at_fault_is_refused_and_leaves_nothing(
    receiver: Receiver, make: Callable[[], EncodedObject], status: int, comment: str
) -> None:
    """The status says why; no row, no file; the refusal is recorded and the association lives."""
    refused, next_one = receiver.send(make(), radiograph(SOPInstanceUID="1.2.3.1.1.9"))
    assert (refused.status, refused.error_comment) == (status, comment)
    assert next_one.status == SUCCESS
    assert [row.sop_instance_uid for row in receiver.instances()] == ["1.2.3.1.1.9"]
    assert len(receiver.kept()) == 1
    assert receiver.incoming() == []
    refusal = receiver.events()[0]
    assert (refusal.kind, refusal.detail["status"]) == ("instance_refused", f"0x{status:04X}")
    assert "Doe" not in str(refusal.detail)


def test_an_object_of_the_largest_size_is_taken(receiver: Receiver) -> None:
    """The limit refuses what is beyond it, not what is near it."""
    assert receiver.send(radiograph(side=1000))[0].status == SUCCESS


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")  # what is sent is illegal
@pytest.mark.parametrize("uid", ["../../../../etc/passwd", "/screening-escaped.dcm"])
def test_a_uid_never_becomes_a_path(receiver: Receiver, tmp_path: Path, uid: str) -> None:
    """Whatever a UID says, files lie at their digests and nowhere else."""
    legal = "2.25.".ljust(len(uid), "1")
    hostile = radiograph(SOPInstanceUID=legal).replace(legal.encode(), uid.encode())
    receiver.send(hostile)
    assert [row.sop_instance_uid for row in receiver.instances()] == [uid]
    assert [path.name for path in receiver.kept()] == [f"{receiver.instances()[0].sha256}.dcm"]
    assert {path.name for path in tmp_path.iterdir()} <= {
        *("spool", "broker", "screening.db", "screening.db-shm", "screening.db-wal")
    }
    assert not Path("/screening-escaped.dcm").exists()


def test_two_studies_alike_in_64_characters_are_never_one(receiver: Receiver) -> None:
    """Both are refused; of neither there is a row, nor an event under the first 64 characters."""
    start = "1.2.3." + "4" * 58
    with quiet():
        studies = [radiograph(StudyInstanceUID=start + digit) for digit in "56"]
    assert [answer.status for answer in receiver.send(*studies)] == [0xA900] * 2
    assert receiver.instances() == []
    assert {event.study_instance_uid for event in receiver.events()} == {None}
