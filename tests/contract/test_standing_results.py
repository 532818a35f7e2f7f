"""Which result stands: the active bundle's, whoever finished when; and its report says so."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from screening.classify.claim import claim
from screening.classify.record import Result, record
from screening.db import bundle_rows
from screening.db.session import Database
from screening.db.standing_results import anything_passed_over, settle, settle_passed_over
from screening.db.tables.instances import Bundle, Classification, Event, Instance
from screening.domain.backoff import Backoff
from screening.domain.eligibility import Reason, Refusal
from screening.domain.failures import FailureReason
from screening.ensemble.examination import Failed
from screening.ops import reprocess
from screening.ops.change_over import finish_change_over, plan_change_over
from screening.spool.store import Spool
from tests.rows.standing_results import (
    SCORED,
    STUDY,
    add_bundles,
    add_scored,
    make,
    make_active,
    misplaced,
    predecessor_of,
    reports,
    standing,
)
from tests.rows.stored import NOON, add_classification, add_instance

BACKOFF = Backoff(first_s=100, longest_s=600)


def texts_of(report: Dataset) -> str:
    """Return every text of a report's content tree."""
    return "\n".join(str(e.value) for e in report.iterall() if e.keyword == "TextValue")


def classifications(database: Database) -> list[Classification]:
    """Return every classification, oldest first."""
    with database.read() as session:
        return list(session.scalars(select(Classification).order_by(Classification.id)))


def test_the_active_bundles_result_stands_again_and_its_report_says_so(
    database: Database, spool: Spool
) -> None:
    """There and back: each time one new report, which names the one that stood before."""
    [former, newer] = add_bundles(database, "former", "newer")
    image = add_scored(database, spool, former, made=False)
    make(database, spool)
    with database.write() as session:
        add_classification(session, session.get_one(Instance, image))
    held = claim(database, bundle_id=newer, worker="w", batch_size=1, lease_s=60)
    record(database, held, {held.instances[0].classification_id: SCORED}, BACKOFF)
    make(database, spool)
    assert standing(database) == {image: newer}
    for bundle_id in (former, newer, former):
        make_active(database, bundle_id)
        assert finish_change_over(database) == 1
        assert (standing(database), misplaced(database)) == ({image: bundle_id}, [])
        made = make(database, spool)
        assert predecessor_of(made[-1]) == made[-2].SOPInstanceUID
        assert "Current since" in texts_of(made[-1])
        assert finish_change_over(database) == 0
    made = make(database, spool)
    assert [row.revision for row in reports(database)] == [0, 0, 1, 1, 2]
    assert len({document.SOPInstanceUID for document in made}) == 5
    assert "Current since" not in texts_of(made[0]) + texts_of(made[1])
    dated = [f"{report.ContentDate}{report.ContentTime}" for report in made]
    assert dated[1:] == sorted(dated[1:])
    with database.read() as session:
        told = session.scalars(select(Event).where(Event.kind == "result_stands")).all()
    assert [event.detail["bundle"] for event in told] == [
        *("newer 1", "former 1", "newer 1", "former 1")
    ]


def test_a_worker_that_ends_late_with_the_former_bundle_changes_nothing(
    database: Database, spool: Spool
) -> None:
    """Its result is kept beside the active bundle's, which stands, and is not reported."""
    [active, late] = add_bundles(database, "active", "late")
    image = add_scored(database, spool, active)
    without = add_scored(database, spool, number=2)
    with database.write() as session:
        for instance_id in (image, without):
            add_classification(session, session.get_one(Instance, instance_id))
    held = claim(database, bundle_id=late, worker="w", batch_size=2, lease_s=60)
    make_active(database, active)
    results: dict[int, Result] = {one.classification_id: SCORED for one in held.instances}
    record(database, held, results, BACKOFF)
    assert standing(database) == {image: active, without: late}
    due = [row for row in classifications(database) if row.report_state == "due"]
    assert [row.instance_id for row in due] == [without]
    assert not anything_passed_over(database)


@pytest.mark.parametrize(
    ("result", "stands"),
    [
        (Refusal(Reason.UNLIKE_CHEST_RADIOGRAPH, "found"), True),
        (Failed(FailureReason.UNDECODABLE_PIXELS, "found"), False),
    ],
)
def test_a_refusal_of_the_active_bundle_stands_and_a_failure_does_not(
    database: Database, spool: Spool, result: Result, *, stands: bool
) -> None:
    """What the active bundle found replaces a former score; that it could not look does not."""
    [former, active] = add_bundles(database, "former", "active")
    image = add_scored(database, spool, former)
    with database.write() as session:
        add_classification(session, session.get_one(Instance, image))
    held = claim(database, bundle_id=active, worker="w", batch_size=1, lease_s=60)
    record(database, held, {held.instances[0].classification_id: result}, BACKOFF)
    assert standing(database) == {image: active if stands else former}
    make_active(database, former)
    finish_change_over(database)
    assert standing(database) == {image: former}
    due = [row.bundle_id for row in classifications(database) if row.report_state == "due"]
    assert due == ([former] if stands else [])


def test_an_interrupted_change_is_finished_by_whoever_comes_next(
    database: Database, spool: Spool
) -> None:
    """What a killed command left is found again; nothing is told twice, nothing is left."""
    [former, newer] = add_bundles(database, "former", "newer")
    images = [add_scored(database, spool, former, newer, number=n) for n in range(1, 6)]
    make_active(database, former)
    assert plan_change_over(database, former).as_dict() == {
        "results": 5,
        "studies": 1,
        "reports": 5,
        "without": 0,
        "removed": 0,
    }
    assert settle_passed_over(database, limit=2) == 2
    assert (len(misplaced(database)), anything_passed_over(database)) == (3, True)
    assert finish_change_over(database) == 3
    assert standing(database) == dict.fromkeys(images, former)
    assert (misplaced(database), anything_passed_over(database)) == ([], False)
    assert len(make(database, spool)) == 5


@pytest.mark.integration
def test_two_that_finish_one_change_at_once_tell_it_once(database: Database, spool: Spool) -> None:
    """The command and the report worker's sweep run into each other: one report an image."""
    [former, newer] = add_bundles(database, "former", "newer")
    images = [add_scored(database, spool, former, newer, number=n) for n in range(1, 13)]
    make_active(database, former)

    def run(_: int) -> int:
        done = 0
        while anything_passed_over(database):
            done += settle_passed_over(database, limit=3)
        return done

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(run, range(4))) == 12
    assert standing(database) == dict.fromkeys(images, former)
    with database.read() as session:
        told = session.scalars(select(Event.id).where(Event.kind == "result_stands")).all()
    assert len(told) == 12
    assert len(make(database, spool)) == 12


def test_going_back_leaves_nothing_to_reprocess(database: Database, spool: Spool) -> None:
    """What the former bundle has done is done; what came since is to do, and counted as such."""
    [former, newer] = add_bundles(database, "former", "newer")
    add_scored(database, spool, former, newer, number=1)
    since = add_scored(database, spool, newer, number=2)
    make_active(database, former)
    bundle = bundle_rows.active_bundle(database)
    assert bundle is not None
    plan = plan_change_over(database, former)
    assert (plan.results, plan.without) == (1, 1)
    finish_change_over(database)
    assert reprocess.plan(database, bundle, NOON - timedelta(days=1), None).to_do == 1
    assert standing(database)[since] == newer


def test_settling_twice_is_settling_once(database: Database, spool: Spool) -> None:
    """Nothing changes where the right result stands, and nothing waits without a result."""
    [bundle_id] = add_bundles(database, "only")
    image = add_scored(database, spool, bundle_id)
    with database.write() as session:
        waiting = add_instance(session, STUDY)
        add_classification(session, waiting)
        assert not settle(session, waiting.id)
        assert not settle(session, image)
        assert session.get_one(Bundle, bundle_id).role == "active"
    assert standing(database) == {image: bundle_id}
