"""Retention removes what is done, and nothing else; a crash at any point loses nothing unseen."""

import pytest
from sqlalchemy import select

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.commitment_scu import ReportCommitment
from screening.db.tables.instances import Delivery, Instance
from screening.ops import retention
from screening.ops.delivery_control import give_up_undelivered
from screening.ops.ledger import read_ledger
from screening.ops.retention import KeptFor, plan_removal, remove_images
from screening.spool.store import Spool
from tests.rows.finished_images import LATER, add_done, instances, kinds, remove
from tests.rows.stored import (
    NOON,
    add_classification,
    add_instance,
)


def test_what_is_done_is_removed_and_its_rows_stay(database: Database, spool: Spool) -> None:
    """The file is gone, the row says since when, the ledger adds up and counts it."""
    file = add_done(database, spool)
    planned = plan_removal(database, received_before=LATER, committing=[])
    assert (planned.images, planned.size_bytes, planned.kept) == (1, 100, {})
    assert file.exists()
    assert remove(database, spool) == 1
    assert not file.exists()
    [row] = instances(database)
    assert row.removing_since is not None
    assert row.removed_at is not None
    ledger = read_ledger(database)
    assert (ledger.received, ledger.classified, ledger.removed, ledger.adds_up) == (1, 1, 1, True)
    assert kinds(database) == ["instance_removal_begun", "instance_removed"]
    assert remove(database, spool) == 0


def test_young_images_are_kept(database: Database, spool: Spool) -> None:
    """What was received at or after the day is not even judged."""
    file = add_done(database, spool)
    assert remove_images(database, spool, received_before=NOON, committing=[]).images == 0
    assert file.exists()


@pytest.mark.parametrize("state", ["pending", "sending", "parked"])
def test_an_image_whose_report_has_not_arrived_is_kept(
    database: Database, spool: Spool, state: str
) -> None:
    """One of two destinations lacks it."""
    file = add_done(database, spool, pacs="delivered", viewer=state)
    planned = plan_removal(database, received_before=LATER, committing=[])
    assert planned.kept == {KeptFor.DELIVERY: 1}
    assert remove(database, spool) == 0
    assert file.exists()


def test_an_image_whose_report_was_given_up_is_removed(database: Database, spool: Spool) -> None:
    """The old PACS is gone; it cannot confirm either what it never got."""
    file = add_done(database, spool, old="parked", older="pending", viewer="delivered")
    assert remove(database, spool) == 0
    assert [give_up_undelivered(database, name) for name in ("old", "older", "viewer")] == [1, 1, 0]
    assert remove(database, spool, "old") == 1
    assert not file.exists()


@pytest.mark.parametrize("state", [None, "due", "asked", "failed"])
def test_an_image_whose_report_is_not_confirmed_is_kept(
    database: Database, spool: Spool, state: str | None
) -> None:
    """A destination that is set to confirm has not done so, or was not even asked."""
    file = add_done(database, spool, pacs="delivered", folder="delivered")
    if state is not None:
        with database.write() as session:
            pacs = session.scalars(select(Delivery).where(Delivery.destination == "pacs")).one()
            session.add(ReportCommitment(delivery_id=pacs.id, state=state))
    planned = plan_removal(database, received_before=LATER, committing=["pacs"])
    assert planned.kept == {KeptFor.COMMITMENT: 1}
    assert remove(database, spool, "pacs") == 0
    assert file.exists()
    with database.write() as session:
        pacs = session.scalars(select(Delivery).where(Delivery.destination == "pacs")).one()
        session.merge(_confirmed(session.scalar(select(ReportCommitment.id)), pacs.id))
    assert remove(database, spool, "pacs") == 1
    assert not file.exists()


def _confirmed(commitment_id: int | None, delivery_id: int) -> ReportCommitment:
    return ReportCommitment(id=commitment_id, delivery_id=delivery_id, state="committed")


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"state": "received"}, KeptFor.CLASSIFICATION),
        ({"state": "claimed"}, KeptFor.CLASSIFICATION),
        ({"state": "failed", "reason": "internal_error"}, KeptFor.FAILURE),
        ({"state": "failed", "reason": "worker_lost"}, KeptFor.FAILURE),
        ({"state": "classified", "report_state": "due"}, KeptFor.REPORT),
        ({"state": "classified", "report_state": "failed"}, KeptFor.REPORT),
    ],
)
def test_an_image_whose_work_is_not_done_is_kept(
    database: Database, spool: Spool, columns: dict[str, str], why: KeptFor
) -> None:
    """The plan says why."""
    with database.write() as session:
        add_classification(session, add_instance(session, "1.2"), **columns)
    planned = plan_removal(database, received_before=LATER, committing=[])
    assert (planned.images, planned.kept) == (0, {why: 1})
    assert remove(database, spool) == 0
    assert instances(database)[0].removing_since is None


def test_an_image_without_a_classification_is_kept(database: Database, spool: Spool) -> None:
    """Nobody has looked at it."""
    with database.write() as session:
        add_instance(session, "1.2")
    assert remove(database, spool) == 0


def test_a_waiting_rerun_keeps_an_image(database: Database, spool: Spool) -> None:
    """It is done, but for a backfill that was asked for."""
    file = add_done(database, spool)
    with database.write() as session:
        add_classification(session, session.scalars(select(Instance)).one(), lane="backfill")
    assert remove(database, spool) == 0
    assert file.exists()


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "not_applicable", "reason": "not_frontal"},
        {"state": "failed", "reason": "undecodable_pixels"},
    ],
)
def test_what_gets_no_report_is_done_when_it_is_judged(
    database: Database, spool: Spool, columns: dict[str, str]
) -> None:
    """No chest radiograph, or an object that is at fault itself."""
    with database.write() as session:
        add_classification(session, add_instance(session, "1.2"), **columns)
    assert remove(database, spool) == 1


def test_a_crash_after_the_mark_is_finished_by_the_next_run(
    database: Database, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile the row claims no file, though there is one; the plan counts it as unfinished."""
    file = add_done(database, spool)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(retention, "_remove", crash)
        with pytest.raises(KeyboardInterrupt):
            remove(database, spool)
    assert file.exists()
    assert instances(database)[0].removed_at is None
    planned = plan_removal(database, received_before=NOON, committing=[])
    assert (planned.images, planned.unfinished) == (1, 1)
    assert remove(database, spool) == 1
    assert not file.exists()
    assert instances(database)[0].removed_at is not None


def test_a_crash_after_the_removal_is_recorded_by_the_next_run(
    database: Database, spool: Spool
) -> None:
    """The file is gone, the transaction that says so was lost: the mark tells."""
    file = add_done(database, spool)
    with database.write() as session:
        session.scalars(select(Instance)).one().removing_since = utc_now()
    file.unlink()
    assert remove(database, spool) == 1
    assert instances(database)[0].removed_at is not None


def test_a_file_that_cannot_be_removed_waits_for_the_next_run(
    database: Database, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others go."""
    first, second = (add_done(database, spool, grey=grey) for grey in (1, 2))
    theirs = Spool.remove

    def refuse(self: Spool, sha256: str) -> None:
        if sha256 in first.name:
            raise PermissionError(13, "Permission denied")
        theirs(self, sha256)

    with monkeypatch.context() as patched:
        patched.setattr(Spool, "remove", refuse)
        done = remove_images(database, spool, received_before=LATER, committing=[])
    assert (done.images, done.stuck) == (1, 1)
    assert "Permission denied" in done.trouble
    assert (first.exists(), second.exists()) == (True, False)
    assert [row.removed_at is None for row in instances(database)] == [True, False]
    assert remove(database, spool) == 1
