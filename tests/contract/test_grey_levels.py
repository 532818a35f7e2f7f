"""A site's grey-level curve: drawn, in force, never mixed with other scores, taken back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from screening.calibration.document import CalibrationDocument, document_bytes, parse_document
from screening.classify.claim import claim
from screening.classify.record import Result, record
from screening.db.calibration_state import calibration_state
from screening.db.calibrations import (
    active_calibrations,
    calibrations_in_force,
    give_priority,
    put_in_force,
    withdraw_newest,
)
from screening.db.session import Database
from screening.db.tables.instances import Classification, Event, Instance
from screening.domain.alert_budget import AlertBudget
from screening.domain.backoff import Backoff
from screening.domain.failures import FailureReason
from screening.domain.grey_curve import sha256_of
from screening.domain.image_statistics import ImageStatistics
from screening.domain.triage import Priority
from screening.ensemble.examination import Failed
from screening.errors import CalibrationError
from screening.ops import reprocess
from screening.ops.site_calibration.derive_again import (
    count_of_other_levels,
    derive_again,
    rules_of,
)
from screening.ops.site_calibration.grey_levels import image_levels, make_levels
from screening.ops.site_calibration.make import (
    Request,
    make_calibration,
    require_enough,
    with_grey_levels,
)
from screening.ops.site_calibration.sample import scored_images
from screening.report.routes import current_results
from screening.spool.store import Spool
from tests.rows.site import active, add_site
from tests.rows.standing_results import SCORED, STUDY, add_scored, make
from tests.rows.stored import NOON, add_classification, add_instance

BACKOFF = Backoff(first_s=100, longest_s=600)
BUDGET = AlertBudget({Priority.STAT: 0.1, Priority.HIGH: 0.2})
LONG_AGO = NOON - timedelta(days=9)
TRAINING = tuple(float(level) for level in range(0, 256, 15))
STUDIES = 5
"""As many as a calibration needs here; `tests/unit/cli/test_site.py` has the number of a site."""
STATISTICS = ImageStatistics(
    12.0, 60.0, 120.0, 0.02, 1.1, (0.5,), tuple(4.0 * step for step in range(33))
)


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a site of few studies calibrate, since every one takes its time here."""
    for name in ("LEAST_IMAGES", "LEAST_STUDIES"):
        monkeypatch.setattr(f"screening.ops.site_calibration.make.{name}", STUDIES)
    monkeypatch.setattr("screening.ops.site_calibration.grey_levels.LEAST_IMAGES", STUDIES)


def add_levels(database: Database) -> None:
    """Let every result say the grey levels of its image, all darker than the training's."""
    with database.write() as session:
        for row in session.scalars(select(Classification)):
            row.image_statistics = STATISTICS.as_dict()


def drawn(database: Database, calling_ae_title: str = "") -> CalibrationDocument:
    """Return a grey-level curve of what is there, by `site calibrate --levels`."""
    bundle = active(database)
    with database.read() as session:
        rules = rules_of(session, bundle.id)
    request = Request(bundle, rules, calling_ae_title, None, NOON)
    images = image_levels(database, bundle.id, LONG_AGO, calling_ae_title)
    return make_levels(request, images, TRAINING)


def ranks(database: Database) -> CalibrationDocument:
    """Return ranks of the scores with the grey levels in force, by `site calibrate`."""
    bundle, kept = active(database), active_calibrations(database).of("")
    levels = kept.document.grey_levels if kept else None
    every = scored_images(database, bundle.id)
    images = with_grey_levels(every, levels)
    require_enough(images, "", of_other_levels=len(every) - len(images))
    with database.read() as session:
        rules = rules_of(session, bundle.id)
    return make_calibration(Request(bundle, rules, "", BUDGET, NOON, levels), images, None).document


def put(database: Database, document: CalibrationDocument) -> str:
    """Put a calibration in force; return its curve's digest."""
    kept = put_in_force(database, active(database), document, by="ann")
    return kept.document.grey_curve.sha256 if kept.document.grey_curve else ""


def run_worker(database: Database, result: Result | None = None, *, batch: int = 100) -> int:
    """Claim what is due and record a result, scored with the curve in force unless given."""
    bundle = active(database)
    held = claim(database, bundle_id=bundle.id, worker="w", batch_size=batch, lease_s=60)
    with database.read() as session:
        in_force = calibrations_in_force(session, bundle.id)
    curves = {one.classification_id: in_force.grey_curve_of("CR1") for one in held.instances}
    found = {
        key: result or replace(SCORED, grey_curve_sha256=curve.sha256 if curve else None)
        for key, curve in curves.items()
    }
    record(database, held, found, BACKOFF)
    return len(held.instances)


def newest_event(database: Database, kind: str) -> Event:
    """Return the newest line of a kind in the audit trail."""
    with database.read() as session:
        found = session.scalars(
            select(Event).where(Event.kind == kind).order_by(Event.id.desc())
        ).first()
    assert found is not None
    return found


def test_a_curve_is_drawn_from_what_results_keep_of_their_images(
    database: Database, bundle_id: int
) -> None:
    """Dark images come to the training's levels; thresholds stay the bundle's, and say so."""
    add_site(database, bundle_id, studies=STUDIES)
    with pytest.raises(CalibrationError, match=r"at least 5 images .* grey levels, found 0"):
        drawn(database)
    add_levels(database)
    document = drawn(database)
    assert document.grey_levels is not None
    assert document.grey_levels.images == STUDIES
    assert document.grey_levels.becomes[64] == pytest.approx(127, abs=3)
    assert parse_document(document_bytes(document), "f") == document
    own = put(database, drawn(database, "CR1"))
    assert active_calibrations(database).grey_curve_of("CR2") is None
    assert sha256_of(active_calibrations(database).grey_curve_of("CR1")) == own
    withdraw_newest(database, active(database), "CR1", by="bob")
    digest = put(database, document)
    assert calibration_state(database).names_in_force == [
        "the whole site version 1 (grey levels alone: the bundle's thresholds)"
    ]
    assert not calibration_state(database).covers_every_sender
    with database.write() as session:
        add_classification(session, add_instance(session, "1.2.8", calling_ae_title="CR1"))
    assert run_worker(database) == 1
    with database.read() as session:
        row = session.scalars(select(Classification).order_by(Classification.id.desc())).first()
    assert row is not None
    assert (row.grey_curve_sha256, row.priority, row.calibration_id) == (digest, "LOW", 2)
    assert newest_event(database, "instance_classified").detail["grey_curve"] == digest[:12]
    with pytest.raises(CalibrationError, match="found none; use a bundle that has them"):
        make_levels(Request(active(database), (), "", None, NOON), [], ())


def test_scores_with_another_curve_are_refused_and_made_again(
    database: Database, bundle_id: int
) -> None:
    """A worker that began before the curve came in force costs the image no attempt."""
    add_site(database, bundle_id, studies=STUDIES)
    add_levels(database)
    with database.write() as session:
        add_classification(session, add_instance(session, "1.2.8", calling_ae_title="CR1"))
    held = claim(database, bundle_id=bundle_id, worker="w", batch_size=1, lease_s=60)
    put(database, drawn(database))
    record(database, held, {one.classification_id: SCORED for one in held.instances}, BACKOFF)
    with database.read() as session:
        row = session.scalars(select(Classification).order_by(Classification.id.desc())).first()
    assert row is not None
    assert (row.state, row.attempts, row.priority) == ("received", 0, None)
    assert run_worker(database) == 1
    with database.write() as session:
        old = session.scalars(select(Classification).order_by(Classification.id)).first()
        assert old is not None
        in_force = calibrations_in_force(session, bundle_id)
        with pytest.raises(CalibrationError, match="scores made with the grey-level curve"):
            give_priority(old, in_force.of("CR1"), SCORED.triage)


def test_ranks_are_of_scores_with_the_curve_alone_and_others_keep_their_priority(
    database: Database, bundle_id: int
) -> None:
    """Nothing mixes: neither in the sample, nor when priorities are derived again."""
    add_site(database, bundle_id, studies=STUDIES)
    add_levels(database)
    put(database, drawn(database))
    assert derive_again(database, active(database), LONG_AGO).results == 0
    assert count_of_other_levels(database, active(database), LONG_AGO) == STUDIES
    with pytest.raises(CalibrationError, match=r"found 0 of 0 studies, and 5 images scored with"):
        ranks(database)
    bundle = active(database)
    with database.read() as session:
        rules = rules_of(session, bundle.id)
    document = active_calibrations(database).of("")
    assert document is not None
    levels = document.document.grey_levels
    with pytest.raises(ValueError, match="one grey-level curve"):
        make_calibration(
            Request(bundle, rules, "", BUDGET, NOON, levels),
            scored_images(database, bundle.id),
            None,
        )


def test_reprocess_renews_scores_in_place_and_ranks_follow(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """One result of a bundle as before, reported again; then ranks, then all the way back."""
    add_site(database, bundle_id, studies=STUDIES)
    add_scored(database, spool, bundle_id, made=False)
    [first] = make(database, spool)
    add_levels(database)
    digest = put(database, drawn(database))
    bundle = active(database)
    plan = reprocess.plan(database, bundle, LONG_AGO, None)
    assert (plan.done, plan.to_do) == (0, 6)
    assert reprocess.request(database, bundle, LONG_AGO, None) == 6
    assert reprocess.request(database, bundle, LONG_AGO, None) == 0
    with database.read() as session:  # the results stand until there are others
        standing = session.scalars(
            select(Classification.state).where(Classification.stands_since.is_not(None))
        ).all()
    assert standing == ["classified"] * 6
    assert run_worker(database) == 6
    with database.read() as session:
        rows = session.scalars(select(Classification)).all()
    assert len(rows) == 6
    assert {(row.grey_curve_sha256, row.covid19) for row in rows} == {(digest, 0.7)}
    renewed = newest_event(database, "result_renewed")
    assert renewed.detail["scores_before"][0] != 0.7
    assert reprocess.plan(database, bundle, LONG_AGO, None).done == 6
    last = make(database, spool)[-1]
    texts = "\n".join(str(e.value) for e in last.iterall() if e.keyword == "TextValue")
    assert "grey levels: brought to those of the training by one curve of 6 images" in texts
    assert "Not calibrated for this site" in texts
    assert "Grey levels are adapted to this site" in texts
    assert [one.facts.calibrated for one in current_results(database, STUDY)] == ["false"]
    [study] = last.PredecessorDocumentsSequence
    [series] = study.ReferencedSeriesSequence
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID

    assert put(database, ranks(database)) == digest
    done = derive_again(database, bundle, LONG_AGO)
    assert (done.results, count_of_other_levels(database, bundle, LONG_AGO)) == (6, 0)
    assert calibration_state(database).covers_every_sender

    for _ in range(2):
        withdraw_newest(database, bundle, "", by="bob")
    assert derive_again(database, bundle, LONG_AGO).results == 0
    assert count_of_other_levels(database, bundle, LONG_AGO) == 6
    assert reprocess.request(database, bundle, LONG_AGO, None) == 6
    assert run_worker(database) == 6
    with database.read() as session:
        left = session.scalars(select(Classification.grey_curve_sha256)).all()
    assert left == [None] * 6


def test_what_cannot_be_scored_again_stays_as_it_was(database: Database, bundle_id: int) -> None:
    """The result that is there keeps scores and priority; the trail says why."""
    add_site(database, bundle_id, studies=STUDIES)
    add_levels(database)
    put(database, drawn(database))
    bundle = active(database)
    assert reprocess.request(database, bundle, NOON, None) == 1
    assert run_worker(database, Failed(FailureReason.SPOOL_FILE_DAMAGED, "another digest")) == 1
    assert newest_event(database, "renewal_failed").detail["reason"] == "spool_file_damaged"
    assert reprocess.request(database, bundle, NOON, None) == 1
    for _ in range(3):  # as of a worker that died each time
        claim(database, bundle_id=bundle.id, worker="w", batch_size=1, lease_s=60)
        with database.write() as session:
            [row] = session.scalars(select(Classification).where(Classification.state == "claimed"))
            row.lease_expires_at = NOON - timedelta(days=999)
    assert run_worker(database) == 0
    with database.read() as session:
        rows = session.scalars(
            select(Classification).join(Instance).where(Instance.received_at >= NOON)
        ).all()
    assert [(row.state, row.priority, row.grey_curve_sha256) for row in rows] == [
        ("classified", "STAT", None)
    ]
    withdraw_newest(database, bundle, "", by="bob")
    with database.write() as session:  # its scores are those in force again: nothing to renew
        add_classification(session, session.get_one(Instance, rows[0].instance_id), lane="backfill")
    assert run_worker(database) == 0
    with database.read() as session:
        assert len(session.scalars(select(Classification)).all()) == STUDIES
