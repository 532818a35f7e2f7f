"""Recording: what each kind of result leaves in the row and in the audit trail."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from screening.classify.claim import claim
from screening.classify.record import Result, Scored, record
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.heat_maps import HeatMaps
from screening.db.tables.instances import Classification, Event
from screening.domain.backoff import Backoff
from screening.domain.eligibility import Reason, Refusal
from screening.domain.failures import FAILURE_POLICIES, MAX_ATTEMPTS, FailureReason
from screening.domain.scores import combine, member_scores
from screening.domain.triage import Priority, Triage
from screening.ensemble.examination import Failed
from tests.rows.stored import PATIENT_NAME, add_bundle, add_classification, add_instance

BACKOFF = Backoff(first_s=100, longest_s=600)
FOUR_CLASSES = ("covid19", "bacterial_pneumonia", "viral_pneumonia", "normal")
SCORED = Scored(
    scores=combine([member_scores("coronet", FOUR_CLASSES, (0.7, 0.1, 0.15, 0.05), 1.0)], [1.0]),
    triage=Triage(Priority.STAT, "COVID-19 probability at least 50 %", 0.72),
    pixel_sha256="ab" * 32,
    render_path={"voi": "window"},
    timings_s={"score": 0.25},
)


def recorded(
    database: Database, result: Result, *, attempts: int = 0, **columns: str
) -> Classification:
    """Claim a row that had so many attempts, record the result, and return the row."""
    with database.write() as session:
        bundle_id = add_bundle(session).id
        instance = add_instance(session, "1.2")
        row_id = add_classification(session, instance, attempts=attempts, **columns).id
    held = claim(database, bundle_id=bundle_id, worker="w", batch_size=1, lease_s=60)
    record(database, held, {row_id: result}, BACKOFF)
    with database.read() as session:
        return session.get_one(Classification, row_id)


def last_event(database: Database) -> Event:
    """Return the newest line of the audit trail."""
    with database.read() as session:
        return session.scalars(select(Event).order_by(Event.id.desc())).first() or Event()


def test_a_score_is_recorded_whole_and_its_report_falls_due(database: Database) -> None:
    """Ensemble and member scores, priority and rule, pixel digest and timings are in the row."""
    row = recorded(database, SCORED)
    assert (row.state, row.report_state) == ("classified", "due")
    assert (row.covid19, row.pneumonia, row.normal) == pytest.approx((0.7, 0.25, 0.05))
    assert row.member_scores is not None
    said = row.member_scores["coronet"]
    assert said["raw"] == dict(zip(FOUR_CLASSES, (0.7, 0.1, 0.15, 0.05), strict=True))
    assert said["calibrated"]["pneumonia"] == pytest.approx(0.25)
    assert (row.priority, row.priority_rule) == ("STAT", SCORED.triage.rule)
    assert (row.pixel_sha256, row.render_path, row.timings) == (
        SCORED.pixel_sha256,
        SCORED.render_path,
        SCORED.timings_s,
    )
    assert row.finished_at is not None
    assert (row.lease_owner, row.lease_expires_at) == (None, None)
    event = last_event(database)
    assert (event.kind, event.sop_instance_uid is not None) == ("instance_classified", True)
    assert event.detail == {"priority": "STAT", "bundle": "first 1", "worker": "w"}
    assert PATIENT_NAME not in str(event.detail)


def test_a_site_may_have_heat_maps_of_every_score(database: Database) -> None:
    """They fall due with the score, behind those that readers wait for; a refusal has none."""
    with database.write() as session:
        bundle_id = add_bundle(session).id
        ids = [add_classification(session, add_instance(session, "1.2")).id for _ in range(2)]
    held = claim(database, bundle_id=bundle_id, worker="w", batch_size=2, lease_s=60)
    results = {ids[0]: SCORED, ids[1]: Refusal(Reason.NOT_FRONTAL, "lateral")}
    record(database, held, results, BACKOFF, with_heat_maps=True)
    with database.read() as session:
        rows = session.execute(select(HeatMaps.classification_id, HeatMaps.state, HeatMaps.lane))
        assert [tuple(row) for row in rows] == [(ids[0], "due", "backfill")]


def test_not_applicable_is_a_result_with_a_reason_and_no_report(database: Database) -> None:
    """What the gate turns away ends with a coded reason and what was found."""
    row = recorded(database, Refusal(Reason.NOT_FRONTAL, "x" * 300))
    assert (row.state, row.reason, row.report_state) == ("not_applicable", "not_frontal", "none")
    assert row.detail == "x" * 255
    assert row.finished_at is not None
    event = last_event(database)
    assert (event.kind, event.detail["reason"]) == ("instance_not_applicable", "not_frontal")


@pytest.mark.parametrize("reason", FailureReason)
def test_a_failure_is_retried_only_where_that_can_help(
    database: Database, reason: FailureReason
) -> None:
    """The policy table decides: wait and try again, or fail at once."""
    before = utc_now()
    row = recorded(database, Failed(reason, "why"))
    assert (row.reason, row.detail, row.attempts) == (reason, "why", 1)
    assert row.lease_owner is None
    if FAILURE_POLICIES[reason].retry:
        assert (row.state, row.bundle_id, row.finished_at) == ("received", None, None)
        assert row.not_before is not None
        assert row.not_before >= before + timedelta(seconds=BACKOFF.first_s / 2)
        assert last_event(database).kind == "classification_retried"
    else:
        assert (row.state, row.not_before) == ("failed", None)
        assert row.finished_at is not None
        assert last_event(database).kind == "classification_failed"


def test_the_last_attempt_fails_for_good(database: Database) -> None:
    """A retry that fails MAX_ATTEMPTS times ends in quarantine with its reason."""
    failed = Failed(FailureReason.INTERNAL_ERROR, "RuntimeError")
    row = recorded(database, failed, attempts=MAX_ATTEMPTS - 1)
    assert (row.state, row.reason, row.attempts) == ("failed", "internal_error", MAX_ATTEMPTS)
    assert row.report_state == "none"


def test_a_success_after_a_failure_leaves_no_reason_behind(database: Database) -> None:
    """A row that was retried and then scored does not say that it failed."""
    row = recorded(database, SCORED, attempts=1, reason="internal_error", detail="RuntimeError")
    assert (row.state, row.attempts) == ("classified", 2)
    assert (row.reason, row.detail) == (None, None)
