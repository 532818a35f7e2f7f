"""The trace tells what happened to a study, an instance or a report, in order."""

import json
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from screening.db.session import Database
from screening.db.tables.instances import Association, Instance
from screening.domain.event_words import event_text
from screening.ops.trace import trace
from tests.rows.stored import (
    NOON,
    PATIENT_NAME,
    add_bundle,
    add_classification,
    add_event,
    add_instance,
    add_report,
    add_score,
)

STUDY = "1.2.3"
SECOND = timedelta(seconds=1)


def _add_story(session: Session) -> tuple[Instance, str]:
    """One image that was received, claimed, scored, reported and sent; events are half there."""
    session.add(
        Association(
            id="a-1",
            calling_ae_title="CR_ROOM_1",
            called_ae_title="SCREENING",
            peer_address="10.0.0.7",
            opened_at=NOON - SECOND,
            closed_at=NOON + 2 * SECOND,
            outcome="released",
            stored=1,
        )
    )
    session.flush()
    instance = add_instance(session, STUDY, association_id="a-1")
    add_event(
        session, instance, "instance_received", at=NOON, calling_ae_title="CR_ROOM_1",
        association_id="a-1", size_bytes=4_000_000, sha256=instance.sha256,
    )  # fmt: skip
    add_event(
        session, instance, "classification_claimed", at=NOON + 3 * SECOND, attempt=1, worker="w"
    )
    result = add_score(session, instance, add_bundle(session), priority="STAT", covid19=0.9)
    report, _ = add_report(session, result, pacs="delivered", folder="pending")
    return instance, report.sop_instance_uid


def test_events_and_rows_make_one_story_in_order(migrated_database: Database) -> None:
    """What an event tells is told once; what only a row knows is added at its time."""
    with migrated_database.write() as session:
        _add_story(session)
    lines = trace(migrated_database, STUDY)
    assert [line.kind for line in lines] == [
        "association_accepted",
        "instance_received",
        "association_closed",
        "classification_claimed",
        "instance_classified",
        "report_made",
        "delivery_waiting",
        "delivery_delivered",
    ]
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert "CR_ROOM_1" in lines[0].text
    assert "1 stored" in lines[2].text
    assert "priority STAT" in lines[4].text


def test_instance_and_report_uids_find_the_same_story(migrated_database: Database) -> None:
    """A UID from the PACS leads back, whether it is the image's or the report's."""
    with migrated_database.write() as session:
        instance, report_uid = _add_story(session)
        instance_uid = instance.sop_instance_uid
    assert trace(migrated_database, instance_uid) == trace(migrated_database, STUDY)
    assert trace(migrated_database, report_uid) == trace(migrated_database, STUDY)


def test_waiting_work_is_told(migrated_database: Database) -> None:
    """A row that nobody has touched yet shows as waiting."""
    with migrated_database.write() as session:
        add_classification(session, add_instance(session, STUDY), lane="backfill")
    assert "lane backfill" in trace(migrated_database, STUDY)[-1].text


def test_a_refused_object_is_traced_by_its_uid(migrated_database: Database) -> None:
    """An object that left only an event is found."""
    with migrated_database.write() as session:
        stranger = Instance(study_instance_uid=None, sop_instance_uid="9.9")
        add_event(session, stranger, "instance_refused", at=NOON, status="0xC000", reason="cut")
    (line,) = trace(migrated_database, "9.9")
    assert line.text == "refused with status 0xC000: cut"


def test_an_unknown_uid_has_no_story(migrated_database: Database) -> None:
    """Nothing is known, nothing is told."""
    assert trace(migrated_database, "1.2.999") == []


def test_no_line_names_the_patient(migrated_database: Database) -> None:
    """Patient attributes stay in their columns."""
    with migrated_database.write() as session:
        instance, _ = _add_story(session)
        hidden = [PATIENT_NAME, instance.patient_id, instance.accession_number]
    told = json.dumps([line.as_dict() for line in trace(migrated_database, STUDY)])
    assert not [value for value in hidden if value in told]


def test_an_unknown_kind_of_event_is_spelt_out() -> None:
    """An event of a newer version still reads sensibly, and so does one that lacks details."""
    assert event_text("image_purged", {"freed_bytes": 12}) == "image purged: freed bytes 12"
    assert event_text("classification_claimed", {}) == "attempt ? by worker ?"


@pytest.mark.parametrize(
    "kind",
    [
        "classification_claimed",
        "classification_retried",
        "instance_classified",
        "instance_not_applicable",
        "classification_failed",
        "delivery_delivered",
        "delivery_retried",
        "delivery_parked",
    ],
)
def test_what_a_worker_did_names_it(kind: str) -> None:
    """Machine and process; what an older version wrote has none."""
    assert "by worker reading-room/4711" in event_text(kind, {"worker": "reading-room/4711"})
    assert "4711" not in event_text(kind, {})
