"""Backfill: which instances a new bundle gets, once each, behind live work."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from screening.db.bundle_rows import ActiveBundle, active_bundle
from screening.db.session import Database
from screening.db.tables.instances import Bundle, Classification, Event
from screening.ops import reprocess
from screening.ops.progress import read_progress
from tests.rows.stored import (
    NOON,
    add_bundle,
    add_classification,
    add_instance,
    add_report,
    add_score,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def bundle(database: Database) -> ActiveBundle:
    """Make a bundle active that replaced an older one."""
    with database.write() as session:
        add_bundle(session, name="older", role="retired")
        add_bundle(session, name="newer")
    active = active_bundle(database)
    assert active is not None
    return active


def fill(database: Database, bundle: ActiveBundle) -> dict[str, int]:
    """Add an instance for each way the new bundle may stand to it; return their ids."""
    with database.write() as session:
        older = session.scalars(select(Bundle).where(Bundle.name == "older")).one()
        newer = session.get_one(Bundle, bundle.id)
        made = {
            name: add_instance(session, f"1.2.{number}", received_at=NOON + number * HOUR)
            for number, name in enumerate(
                ("scored_before", "gated_before", "done", "waiting", "quarantined", "bad_object")
            )
        }
        add_score(session, made["scored_before"], older, priority="LOW", covid19=0.1)
        gated = {"state": "not_applicable", "reason": "not_frontal", "bundle_id": older.id}
        add_classification(session, made["gated_before"], **gated)
        add_score(session, made["done"], newer, priority="LOW", covid19=0.1)
        add_score(session, made["waiting"], older, priority="LOW", covid19=0.1)
        add_classification(session, made["waiting"], lane="backfill")
        lost = {"state": "failed", "bundle_id": newer.id}
        add_classification(
            session, made["quarantined"], **lost, reason="worker_lost", detail="tried 3 times"
        )
        add_classification(session, made["bad_object"], **lost, reason="undecodable_pixels")
        conflicting = add_instance(session, "1.2.9", conflicting=True)
        gated["reason"] = "conflicting_instance"
        add_classification(session, conflicting, **gated)
        return {name: instance.id for name, instance in made.items()}


def waiting(database: Database) -> set[tuple[int, str]]:
    """Return instance and lane of every row that waits."""
    with database.read() as session:
        rows = session.scalars(select(Classification).where(Classification.state == "received"))
        return {(row.instance_id, row.lane) for row in rows}


def test_the_plan_counts_what_the_request_does(database: Database, bundle: ActiveBundle) -> None:
    """Conflicting objects are left out; what failed by our fault is to do again."""
    fill(database, bundle)
    plan = reprocess.plan(database, bundle, NOON, None)
    assert plan.as_dict() == {"received": 6, "done": 2, "pending": 1, "removed": 0, "to_do": 3}
    assert reprocess.request(database, bundle, NOON, None) == 3
    after = reprocess.plan(database, bundle, NOON, None)
    assert after.as_dict() == {"received": 6, "done": 2, "pending": 4, "removed": 0, "to_do": 0}


def test_the_request_queues_behind_live_work_once(database: Database, bundle: ActiveBundle) -> None:
    """Each instance to do waits in the backfill lane; a repeated request adds nothing."""
    made = fill(database, bundle)
    names = ("scored_before", "gated_before", "waiting", "quarantined")
    for added in (3, 0):
        assert reprocess.request(database, bundle, NOON, None) == added
        assert waiting(database) == {(made[name], "backfill") for name in names}
    with database.read() as session:
        requested = select(func.count()).where(Event.kind == "reprocess_requested")
        assert session.execute(requested).scalar_one() == 3


def test_a_quarantined_row_starts_afresh(database: Database, bundle: ActiveBundle) -> None:
    """It loses its attempts and its reason, and no second row is made."""
    made = fill(database, bundle)
    reprocess.request(database, bundle, NOON, None)
    with database.read() as session:
        [row] = session.scalars(
            select(Classification).where(Classification.instance_id == made["quarantined"])
        )
        assert (row.state, row.attempts, row.bundle_id) == ("received", 0, None)
        assert (row.reason, row.detail, row.finished_at) == (None, None, None)


def test_the_period_takes_its_start_and_leaves_its_end(
    database: Database, bundle: ActiveBundle
) -> None:
    """[since, until): received at `since` counts, received at `until` does not."""
    made = fill(database, bundle)
    assert reprocess.plan(database, bundle, NOON + HOUR, NOON + 4 * HOUR).received == 3
    assert reprocess.request(database, bundle, NOON + HOUR, NOON + 4 * HOUR) == 1
    assert (made["gated_before"], "backfill") in waiting(database)
    assert (made["scored_before"], "backfill") not in waiting(database)


def test_an_interrupted_request_goes_on(
    database: Database, bundle: ActiveBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small transactions: whatever was added stays, the next request adds the rest."""
    monkeypatch.setattr(reprocess, "ROWS_A_TRANSACTION", 2)
    with database.write() as session:
        for number in range(5):
            add_instance(session, f"1.2.{number}")
    assert reprocess.request(database, bundle, NOON, None) == 5
    assert len(waiting(database)) == 5


def test_progress_counts_what_waits_and_what_went_wrong(
    database: Database, bundle: ActiveBundle
) -> None:
    """Bad objects trouble nobody, our failures and parked reports do; some UIDs or all."""
    made = fill(database, bundle)
    with database.write() as session:
        scored = session.scalars(
            select(Classification).where(Classification.instance_id == made["done"])
        ).one()
        add_report(session, scored, pacs="parked", folder="pending", gone="pending")
        uid = scored.instance.sop_instance_uid
    everything = read_progress(database, ["pacs", "folder"])
    assert (everything.classifications_waiting, everything.deliveries_waiting) == (1, 1)
    assert (everything.failed_unexpectedly, everything.parked) == (1, 1)
    assert everything.reports_waiting == 2
    assert (everything.waiting, everything.troubled) == (4, 2)
    one = read_progress(database, ["pacs", "folder"], [uid, *(f"9.{n}" for n in range(1200))])
    assert (one.waiting, one.troubled) == (1, 1)
    assert read_progress(database, [], []).waiting == 0
