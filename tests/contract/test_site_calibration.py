"""A site's own calibration: made, in force, rolled back, void; on SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from sqlalchemy import select

from screening.calibration.document import document_bytes, parse_document
from screening.classify.claim import claim, still_held
from screening.classify.record import record
from screening.db.calibration_state import CalibrationState, calibration_state
from screening.db.calibrations import (
    active_calibrations,
    calibrations_in_force,
    give_priority,
    kept_calibrations,
    put_in_force,
    withdraw_newest,
)
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables.instances import Classification, Event, Instance
from screening.domain.alert_budget import AlertBudget
from screening.domain.backoff import Backoff
from screening.domain.lifecycle import ClassificationState
from screening.domain.triage import Priority
from screening.errors import CalibrationError
from screening.ops.site_calibration.derive_again import derive_again, rules_of
from screening.ops.site_calibration.make import Made, Request, make_calibration, require_enough
from screening.ops.site_calibration.sample import scored_images
from screening.spool.store import Spool
from tests.rows.site import active, add_site, priorities
from tests.rows.standing_results import SCORED, add_bundles, add_scored, make, make_active
from tests.rows.stored import NOON, add_classification, add_instance

BACKOFF = Backoff(first_s=100, longest_s=600)
BUDGET = AlertBudget({Priority.STAT: 0.1, Priority.HIGH: 0.2})
BEFORE = NOON - timedelta(days=1)


def made(
    database: Database, calling_ae_title: str = "", budget: AlertBudget | None = BUDGET
) -> Made:
    """Return a calibration of the active bundle, of all that is there."""
    bundle = active(database)
    images = [
        one
        for one in scored_images(database, bundle.id)
        if calling_ae_title in {"", one.calling_ae_title}
    ]
    require_enough(images, calling_ae_title)
    with database.read() as session:
        rules = rules_of(session, bundle.id)
    return make_calibration(Request(bundle, rules, calling_ae_title, budget, NOON), images, None)


def test_without_labels_the_site_chooses_how_many_are_urgent(
    database: Database, bundle_id: int
) -> None:
    """All are STAT by the bundle; calibrated, 10 % are STAT and 20 % HIGH, by rank."""
    add_site(database, bundle_id)
    found = made(database)
    assert [one.studies for one in found.by_bundle[:1]] == [40]
    assert [one.studies for one in found.raised] == [4, 12]
    kept = put_in_force(database, active(database), found.document, by="ann")
    assert kept.name == "the whole site version 1"
    done = derive_again(database, active(database), BEFORE - timedelta(days=9))
    assert (done.results, done.changed) == (40, 36)
    assert priorities(database) == ["LOW"] * 28 + ["HIGH"] * 8 + ["STAT"] * 4
    with database.read() as session:
        rows = session.scalars(select(Classification).order_by(Classification.covid19)).all()
        event = session.scalars(
            select(Event).where(Event.kind == "priority_derived_again").order_by(Event.id)
        ).first()
    assert {row.calibration_id for row in rows} == {kept.id}
    ranks = [row.priority_score for row in rows]
    assert ranks == sorted(ranks, key=lambda rank: rank or 0.0)
    assert rows[-1].priority_rule == "COVID-19 score among the highest 10 % of this site's studies"
    assert event is not None
    assert event.detail["calibration"] == kept.name
    again = derive_again(database, active(database), BEFORE - timedelta(days=9))
    assert (again.results, again.changed) == (0, 0)


def test_what_is_classified_afterwards_is_by_the_calibration_of_its_sender(
    database: Database, bundle_id: int
) -> None:
    """The sender's own goes before the whole site's; the result says which it was."""
    add_site(database, bundle_id)
    whole = put_in_force(database, active(database), made(database).document, by="ann")
    own = put_in_force(database, active(database), made(database, "CR1").document, by="ann")
    with database.write() as session:
        for sender in ("CR1", "CR2"):
            image = add_instance(session, "1.2.8", calling_ae_title=sender)
            add_classification(session, image)
    held = claim(database, bundle_id=bundle_id, worker="w", batch_size=2, lease_s=60)
    record(database, held, {one.classification_id: SCORED for one in held.instances}, BACKOFF)
    with database.read() as session:
        found = session.execute(
            select(
                Instance.calling_ae_title, Classification.calibration_id, Classification.priority
            )
            .join(Classification)
            .where(Instance.study_instance_uid == "1.2.8")
            .order_by(Instance.id)
        ).all()
        told = session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert [tuple(row) for row in found] == [("CR1", own.id, "LOW"), ("CR2", whole.id, "LOW")]
    assert told is not None
    assert told.detail["calibration"] == "the whole site version 1"


@pytest.mark.integration
def test_no_result_recorded_beside_a_new_calibration_is_left_by_the_former(
    database: Database, bundle_id: int
) -> None:
    """Whoever puts one in force waits for a worker that records, and derives its result again."""
    add_site(database, bundle_id)
    document = made(database).document
    with database.write() as session:
        add_classification(session, add_instance(session, "1.2.8", received_at=NOON))
    held = claim(database, bundle_id=bundle_id, worker="w", batch_size=1, lease_s=60)

    def calibrate() -> None:
        put_in_force(database, active(database), document, by="ann")
        derive_again(database, active(database), BEFORE - timedelta(days=9))

    with ThreadPoolExecutor(1) as threads:
        with database.write() as session:
            [row] = still_held(session, held).values()
            in_force = calibrations_in_force(session, bundle_id, locked=True)
            calibrating = threads.submit(calibrate)
            wait([calibrating], timeout=1)  # it would be done by now if it did not wait
            row.covid19, row.pneumonia, row.normal = 0.7, 0.2, 0.1
            give_priority(row, in_force.of("CR1"), SCORED.triage)
            change_state(row, ClassificationState.CLASSIFIED)
            row.finished_at = row.stands_since = NOON
        calibrating.result()
    with database.read() as session:
        priorities_given = session.scalars(select(Classification.calibration_id)).all()
    assert set(priorities_given) == {1}


def test_a_rollback_brings_the_version_before_and_then_the_bundles_thresholds(
    database: Database, bundle_id: int
) -> None:
    """Each step derives the priorities again; versions are never used twice."""
    add_site(database, bundle_id)
    wide = AlertBudget({Priority.STAT: 0.5, Priority.HIGH: 0.25})
    for budget in (wide, BUDGET):
        put_in_force(database, active(database), made(database, "CR1", budget).document, by="ann")
    since = BEFORE - timedelta(days=9)
    stat = []
    for _ in range(3):
        derive_again(database, active(database), since)
        stat.append(priorities(database).count("STAT"))
        if active_calibrations(database).of("CR1") is not None:
            withdraw_newest(database, active(database), "CR1", by="bob")
    assert stat == [4, 20, 40]
    with pytest.raises(CalibrationError, match="in force, found none"):
        withdraw_newest(database, active(database), "CR1", by="bob")
    third = put_in_force(database, active(database), made(database, "CR1").document, by="ann")
    assert third.version == 3
    assert [one.withdrawn_by for one in kept_calibrations(database)] == [None, "bob", "bob"]


def test_a_changed_priority_is_reported_again_and_an_unchanged_one_is_not(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """The report that replaces the earlier one names it, the new priority and the calibration."""
    add_site(database, bundle_id)
    add_scored(database, spool, bundle_id, made=False)
    [first] = make(database, spool)
    document = made(database).document
    kept = put_in_force(database, active(database), document, by="ann")
    derive_again(database, active(database), NOON - timedelta(minutes=1))
    made_reports = make(database, spool)
    last = made_reports[-1]
    texts = "\n".join(str(e.value) for e in last.iterall() if e.keyword == "TextValue")
    assert "Calibrated for the whole site version 1, from 41 studies of this site" in texts
    assert f"site calibration: the whole site version 1, sha256 {kept.sha256}" in texts
    assert "Suggested reading priority LOW" in texts
    assert "Not calibrated for this site" in "\n".join(
        str(e.value) for e in first.iterall() if e.keyword == "TextValue"
    )
    [study] = last.PredecessorDocumentsSequence
    [series] = study.ReferencedSeriesSequence
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID


def test_another_bundle_makes_it_void_until_its_own_is_active_again(
    database: Database,
) -> None:
    """Priorities are then by the bundle's thresholds; going back brings the calibration back."""
    [calibrated, other] = add_bundles(database, "calibrated", "other")
    make_active(database, calibrated)
    add_site(database, calibrated)
    document = made(database).document
    put_in_force(database, active(database), document, by="ann")
    assert calibration_state(database) == CalibrationState({"": 1}, {})
    make_active(database, other)
    assert active_calibrations(database).of("CR1") is None
    state = calibration_state(database)
    assert (state.names_in_force, state.names_void) == ([], ["the whole site version 1"])
    with pytest.raises(CalibrationError, match=r"active bundle other 1 .* one of calibrated 1"):
        put_in_force(database, active(database), document, by="ann")
    make_active(database, calibrated)
    assert active_calibrations(database).of("CR1") is not None


def test_a_file_gives_the_same_calibration(database: Database, bundle_id: int) -> None:
    """Written, read and put in force: the same bytes, the same digest."""
    add_site(database, bundle_id)
    document = made(database).document
    read = parse_document(document_bytes(document), "site-1.json")
    assert read == document
    one, two = (
        put_in_force(database, active(database), each, by="ann") for each in (document, read)
    )
    assert (one.sha256, one.document, one.version, two.version) == (two.sha256, document, 1, 2)


@pytest.mark.parametrize("studies", [0, 29])
def test_too_few_studies_are_refused(database: Database, bundle_id: int, studies: int) -> None:
    """The message counts what is there."""
    add_site(database, bundle_id, studies=studies)
    with pytest.raises(
        CalibrationError, match=rf"at least 30 images .* found {studies} of {studies} st"
    ):
        made(database)
    assert kept_calibrations(database) == []
