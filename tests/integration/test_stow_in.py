"""Images by STOW-RS: what is answered, kept and recorded (PS3.18 10.5), as for C-STORE."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from screening.db.session import Database
from screening.imaging.quiet import quiet
from screening.receive.stow_rs import connections, transaction
from screening.storage_scu.objects import identify
from tests.objects.at_fault import AT_FAULT
from tests.peers.receiving import SUCCESS, radiograph, running_receiver
from tests.sites.site import wait_until
from tests.sites.stow_service import (
    BOUNDARY,
    RELATED,
    StowReceiver,
    answer_of,
    as_file,
    head_of,
    multipart,
    running_stow_receiver,
)

pytestmark = pytest.mark.integration
ONE, OTHER, STUDY = "1.2.3.1.1.1", "1.2.3.1.1.2", "1.2.3.1"

UNREADABLE, CUT_SHORT, TOO_LARGE, OTHER_STUDY = 0xC000, 0xC001, 0xC002, 0xA901
NO_SUCH_CLASS, NO_SUCH_SYNTAX, MISSING = 0x0122, 0xC122, 0xA900


@pytest.fixture
def stow(tmp_path: Path, migrated_database: Database) -> Iterator[StowReceiver]:
    """Run a service that takes objects of up to 1 MiB."""
    with running_stow_receiver(tmp_path, migrated_database, max_object_mib=1) as running:
        yield running


def uids(stow: StowReceiver) -> list[str]:
    """Return the SOP Instance UIDs of the rows."""
    return [row.sop_instance_uid for row in stow.instances()]


def test_stored_means_durable_files_and_rows(stow: StowReceiver) -> None:
    """200 lists each object; each is at its digest, with a row, an association, and work to do."""
    sent = [radiograph(), radiograph(SOPInstanceUID=OTHER)]
    answer = stow.store(*sent)
    assert (answer.status, answer.stored, answer.failed, answer.others) == (
        200,
        [ONE, OTHER],
        [],
        [],
    )
    assert answer.headers["content-type"] == "application/dicom+json"
    assert sorted(uids(stow)) == [ONE, OTHER]
    for row, whole in zip(
        sorted(stow.instances(), key=lambda r: r.sop_instance_uid), sent, strict=True
    ):
        kept = stow.settings.spool_dir / "objects" / row.sha256[:2] / f"{row.sha256}.dcm"
        assert kept.read_bytes().endswith(whole[identify(whole).data_set_offset :])
        assert (row.calling_ae_title, row.conflicting) == ("STOW-RS", False)
    assert stow.incoming() == []
    wait_until(lambda: stow.associations()[0].closed_at is not None, "the end", 10)
    [association] = stow.associations()
    assert (association.called_ae_title, association.outcome) == ("STOW-RS", "released")
    assert (association.stored, association.repeated, association.refused) == (2, 0, 0)
    with stow.database.read() as session:
        states = session.scalars(text("SELECT state FROM classifications")).all()
    assert states == ["received"] * 2


def test_both_ways_give_the_same_verdicts(stow: StowReceiver, tmp_path: Path) -> None:
    """Every fault has its C-STORE status as Failure Reason; what is right beside them is stored.

    An object that came by C-STORE is repeated by STOW-RS, other bytes of its UID conflict.
    """
    with quiet():
        faults = [as_file(make()) for make, _, _ in AT_FAULT]
        answer = stow.store(*faults, radiograph())
    assert answer.status == 202
    assert [reason for _, reason in answer.failed] == [status for _, status, _ in AT_FAULT]
    assert (answer.stored, uids(stow), len(stow.kept())) == ([ONE], [ONE], 1)
    assert stow.incoming() == []
    refused = [event for event in stow.events() if event.kind == "instance_refused"]
    assert len(refused) == len(AT_FAULT)
    assert "Doe" not in str([event.detail for event in refused])
    with running_receiver(tmp_path, stow.database) as receiver:
        assert [one.status for one in receiver.send(radiograph(), radiograph(grey=2))] == [
            SUCCESS
        ] * 2
    assert stow.store(radiograph(grey=2), radiograph(grey=3)).status == 200
    assert sorted(event.kind for event in stow.events()[-2:]) == [
        "instance_conflicted",
        "instance_repeated",
    ]
    assert [row.conflicting for row in stow.instances()] == [False, True, True]


def test_an_object_of_another_study_fails_alone(stow: StowReceiver) -> None:
    """The path names the study: 0xA901 for the one of another, the others are stored."""
    other = radiograph(StudyInstanceUID="1.2.9", SOPInstanceUID=OTHER)
    answer = stow.store(other, radiograph(), study=STUDY)
    assert (answer.status, answer.stored, answer.failed) == (202, [ONE], [(OTHER, OTHER_STUDY)])
    assert stow.store(other, study=STUDY).status == 409
    assert stow.store(other, study="no%20uid").status == 400
    assert uids(stow) == [ONE]


def test_what_associations_negotiate_is_refused_by_its_part(stow: StowReceiver) -> None:
    """SOP class, transfer syntax, a part that is no DICOM file, a File Meta without UIDs."""
    report = radiograph(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33")
    nameless = as_file(identify(radiograph())).replace(ONE.encode(), b"\0" * len(ONE), 1)
    answer = stow.store(report, b"<html>", nameless, b"")
    assert answer.status == 409
    assert answer.failed == [(ONE, NO_SUCH_CLASS)]
    assert answer.others == [UNREADABLE, MISSING, UNREADABLE]
    unknown = radiograph().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0", 1)
    assert stow.store(unknown).failed == [(ONE, NO_SUCH_SYNTAX)]
    mixed = multipart([radiograph()], media_type="text/plain")
    assert stow.post(mixed).others == [UNREADABLE]
    assert uids(stow) == []


def test_one_object_without_parts_is_taken(stow: StowReceiver) -> None:
    """Content-Type application/dicom: what curl sends with --data-binary."""
    answer = stow.post(radiograph(), content_type="application/dicom")
    assert (answer.status, answer.stored) == (200, [ONE])


@pytest.mark.parametrize(
    ("content_type", "body", "status", "stored"),
    [
        (RELATED, multipart([radiograph(), radiograph(SOPInstanceUID=OTHER)])[:-9], 202, [ONE]),
        (RELATED, multipart([radiograph()])[:-3000], 400, []),
        (RELATED, b"", 400, []),
        (RELATED, f"--{BOUNDARY}--".encode(), 400, []),
        (RELATED, b"what is this", 400, []),
        (RELATED.replace(BOUNDARY, "another"), multipart([radiograph()]), 400, []),
        (RELATED.partition(" boundary")[0], multipart([radiograph()]), 400, []),
        (RELATED.replace(BOUNDARY, "b" * 300), multipart([radiograph()]), 400, []),
        (RELATED.replace("/dicom", "/dicom+json"), multipart([radiograph()]), 415, []),
        ("multipart/form-data; boundary=b", multipart([radiograph()]), 415, []),
        ("", multipart([radiograph()]), 415, []),
    ],
)
def test_a_payload_that_is_none_is_said_so_and_what_was_whole_is_kept(
    stow: StowReceiver, content_type: str, body: bytes, status: int, stored: list[str]
) -> None:
    """A missing end, a wrong boundary, another media type: the service goes on."""
    answer = stow.post(body, content_type=content_type)
    assert (answer.status, uids(stow)) == (status, stored)
    if stored:
        assert answer.stored == stored
    assert stow.incoming() == []
    assert stow.store(radiograph(SOPInstanceUID=OTHER)).status == 200


def test_a_part_that_never_ends_is_ended(stow: StowReceiver) -> None:
    """Twice the largest object, and no more: what was whole before is listed as stored."""
    endless = radiograph(SOPInstanceUID=OTHER) + bytes(4 << 20)
    answer = stow.store(radiograph(), endless)
    assert (answer.status, answer.stored, answer.failed) == (202, [ONE], [(OTHER, TOO_LARGE)])
    assert answer.headers["connection"] == "close"
    assert stow.store(endless).status == 413
    assert stow.incoming() == []


def test_slow_senders_and_idle_connections_are_ended(
    stow: StowReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that stalls is told so; a connection that asks nothing is cut."""
    monkeypatch.setattr(transaction, "PIECE_TIMEOUT_S", 0.3)
    monkeypatch.setattr(connections, "IDLE_S", 0.3)
    monkeypatch.setattr(connections, "LOOK_S", 0.1)
    body = multipart([radiograph(), radiograph(SOPInstanceUID=OTHER)])
    with stow.connect() as connection, stow.connect() as idle:
        connection.sendall(head_of(len(body)) + body[:-2000])
        answer = answer_of(connection)
        assert answer.startswith(b"HTTP/1.1 202 ")
        assert b"connection: close" in answer.lower()
        assert answer_of(idle) == b""
    assert uids(stow) == [ONE]
    assert stow.incoming() == []


def test_a_sender_that_goes_away_in_mid_object_leaves_nothing_of_it(stow: StowReceiver) -> None:
    """What was whole is kept, and the row of the request says how it ended."""
    body = multipart([radiograph(), radiograph(SOPInstanceUID=OTHER, side=600)])
    with stow.connect() as connection:
        connection.sendall(head_of(len(body)) + body[:-2000])
        wait_until(lambda: uids(stow) == [ONE], "the first object", 10)
        assert len(stow.incoming()) == 1
    wait_until(lambda: any(one.closed_at for one in stow.associations()), "the end", 10)
    assert [one.outcome for one in stow.associations()] == ["connection_lost"]
    assert uids(stow) == [ONE]
    assert stow.incoming() == []


def test_too_many_requests_and_connections_are_told_to_come_again(
    tmp_path: Path, migrated_database: Database
) -> None:
    """503 with Retry-After, and the place is free again after that."""
    with running_stow_receiver(tmp_path, migrated_database, stow_max_requests=1) as stow:
        body = multipart([radiograph()])
        with stow.connect() as busy:
            busy.sendall(head_of(len(body)) + body[:200])
            wait_until(lambda: stow.store(radiograph()).status == 503, "no place", 10)
            refused = stow.store(radiograph())
            assert (refused.status, refused.headers["retry-after"]) == (503, "5")
            with ExitStack() as stack:
                many = [stack.enter_context(stow.connect()) for _ in range(4)]
                assert answer_of(many[-1]).startswith(b"HTTP/1.1 503 ")
            busy.sendall(body[200:])
            assert busy.recv(100).startswith(b"HTTP/1.1 200 ")
        wait_until(lambda: stow.store(radiograph()).status == 200, "a place", 10)


def test_without_space_or_database_nothing_is_taken_until_it_is_back(
    tmp_path: Path, migrated_database: Database
) -> None:
    """503 with Retry-After; the object is safe at the sender, and is taken when it comes again."""
    with running_stow_receiver(tmp_path, migrated_database, min_free_mib=1 << 40) as stow:
        answer = stow.store(radiograph())
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    with running_stow_receiver(tmp_path, migrated_database) as stow:
        with migrated_database.write() as session:
            session.execute(text("ALTER TABLE associations RENAME TO gone"))
        answer = stow.store(radiograph())
        assert (answer.status, answer.failed) == (503, [(ONE, 0xA700)])
        assert answer.headers["retry-after"] == "5"
        with migrated_database.write() as session:
            session.execute(text("ALTER TABLE gone RENAME TO associations"))
        assert stow.store(radiograph()).status == 200
        assert len(stow.kept()) == 1
