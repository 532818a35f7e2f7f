"""The reading order of studies."""

import json
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from screening.db.session import Database
from screening.db.tables.instances import Bundle, Instance
from screening.worklist.studies.ordering import (
    ReadingPriority,
    ReportProgress,
    read_entry,
    read_worklist,
)
from tests.rows.stored import (
    NOON,
    PATIENT_NAME,
    add_bundle,
    add_classification,
    add_instance,
    add_report,
    add_score,
)


def _score(session: Session, study: str, bundle: Bundle, priority: str, covid19: float) -> None:
    add_score(session, add_instance(session, study), bundle, priority=priority, covid19=covid19)


def _order(database: Database) -> list[str]:
    return [entry.study_instance_uid for entry in read_worklist(database).entries]


def test_priority_goes_before_probability(migrated_database: Database) -> None:
    """STAT, HIGH, MEDIUM, unscored, LOW, not screened, whatever the scores."""
    with migrated_database.write() as session:
        bundle = add_bundle(session)
        add_classification(
            session, add_instance(session, "6"), state="not_applicable", reason="not_frontal"
        )
        _score(session, "5", bundle, "LOW", 0.99)
        add_classification(session, add_instance(session, "4"))
        for study, priority in (("3", "MEDIUM"), ("2", "HIGH"), ("1", "STAT")):
            _score(session, study, bundle, priority, 0.01)
    assert _order(migrated_database) == ["1", "2", "3", "4", "5", "6"]
    assert [entry.priority for entry in read_worklist(migrated_database).entries] == list(
        ReadingPriority
    )


def test_within_a_priority_covid19_then_arrival_decide(migrated_database: Database) -> None:
    """The higher COVID-19 probability first, none last; of equal ones the longer wait."""
    with migrated_database.write() as session:
        bundle = add_bundle(session)
        for study, covid19, minutes in (("c", 0.7, 9), ("b", 0.7, 5), ("a", 0.8, 30)):
            instance = add_instance(session, study, received_at=NOON + timedelta(minutes=minutes))
            add_score(session, instance, bundle, priority="STAT", covid19=covid19)
        partly = add_instance(session, "d", received_at=NOON + timedelta(hours=1))
        add_score(session, partly, bundle, priority="LOW", covid19=0.1)
        add_classification(session, add_instance(session, "d"), state="failed", reason="x")
        add_classification(session, add_instance(session, "e"))
    assert _order(migrated_database) == ["a", "b", "c", "d", "e"]


def test_a_study_is_as_urgent_as_its_most_urgent_image(migrated_database: Database) -> None:
    """The highest disease probabilities and the lowest of normal stand for the study."""
    with migrated_database.write() as session:
        bundle = add_bundle(session)
        _score(session, "1", bundle, "LOW", 0.1)
        _score(session, "1", bundle, "STAT", 0.9)
    (entry,) = read_worklist(migrated_database).entries
    assert entry.priority is ReadingPriority.STAT
    assert (entry.covid19, entry.instances, entry.classified) == (0.9, 2, 2)
    assert entry.normal == pytest.approx(0.1)


def test_a_low_study_with_a_failed_image_is_not_low(migrated_database: Database) -> None:
    """Unknown is never read as unsuspicious."""
    with migrated_database.write() as session:
        _score(session, "1", add_bundle(session), "LOW", 0.1)
        add_classification(session, add_instance(session, "1"), state="failed", reason="x")
    (entry,) = read_worklist(migrated_database).entries
    assert entry.priority is ReadingPriority.UNSCORED


def test_a_newer_bundles_score_replaces_the_older(migrated_database: Database) -> None:
    """The last finished score stands, and with it whether it is an untrained one's."""
    with migrated_database.write() as session:
        old = add_bundle(session, name="old", trained=False, role="retired")
        instance = add_instance(session, "1")
        add_score(session, instance, old, priority="STAT", covid19=0.9)
        assert add_bundle(session).trained
    assert read_worklist(migrated_database).entries[0].untrained
    with migrated_database.write() as session:
        bundle = session.query(Bundle).filter_by(name="first").one()
        instance = session.query(Instance).one()
        later = {"finished_at": NOON + timedelta(days=1)}
        add_score(session, instance, bundle, priority="LOW", covid19=0.2, **later)
    (entry,) = read_worklist(migrated_database).entries
    assert (entry.priority, entry.untrained) == (ReadingPriority.LOW, False)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({}, ReportProgress.MADE),
        ({"folder": "delivered", "pacs": "delivered"}, ReportProgress.DELIVERED),
        ({"folder": "delivered", "pacs": "sending"}, ReportProgress.SENDING),
        ({"folder": "pending", "pacs": "parked"}, ReportProgress.PARKED),
    ],
)
def test_the_report_that_needs_attention_shows(
    migrated_database: Database, states: dict[str, str], expected: ReportProgress
) -> None:
    """Of several deliveries the worst stands for the study."""
    with migrated_database.write() as session:
        instance = add_instance(session, "1")
        result = add_score(session, instance, add_bundle(session), priority="LOW", covid19=0.1)
        add_report(session, result, **states)
        _score(session, "2", session.get_one(Bundle, result.bundle_id), "LOW", 0.05)
    first, second = read_worklist(migrated_database).entries
    assert (first.report, second.report) == (expected, ReportProgress.DUE)


def test_a_limit_takes_the_most_urgent(migrated_database: Database) -> None:
    """The list is cut at its end."""
    with migrated_database.write() as session:
        bundle = add_bundle(session)
        _score(session, "2", bundle, "LOW", 0.1)
        _score(session, "1", bundle, "STAT", 0.9)
    assert [e.study_instance_uid for e in read_worklist(migrated_database, limit=1).entries] == [
        "1"
    ]


def test_an_entry_goes_into_json_and_keeps_the_patient_out_of_repr(
    migrated_database: Database,
) -> None:
    """JSON is for the RIS; `repr` ends up in logs."""
    with migrated_database.write() as session:
        _score(session, "1", add_bundle(session), "LOW", 0.1)
    entry = read_entry(migrated_database, "1")
    assert entry is not None
    assert json.loads(json.dumps(entry.as_dict()))["patient_name"] == PATIENT_NAME
    assert PATIENT_NAME not in repr(entry)
    assert entry.waiting_s(NOON + timedelta(minutes=2)) == 120
    assert read_entry(migrated_database, "2") is None
