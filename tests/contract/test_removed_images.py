"""Images that retention removed: received again, asked for again."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import select

from screening.db.bundle_rows import ActiveBundle
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.instances import Instance
from screening.errors import FileRemovedError
from screening.ops import retention
from screening.ops.reprocess import plan, request
from screening.receive.objects.intake import Intake, Outcome, Peer, Request
from screening.spool.store import Spool
from tests.peers.receiving import radiograph
from tests.rows.finished_images import UID, add_done, instances, kinds, remove
from tests.rows.stored import (
    COMPUTED_RADIOGRAPHY,
    NOON,
    add_bundle,
)


def take(database: Database, spool: Spool) -> Outcome:
    """Receive the first image of `add_done` once more."""
    incoming = spool.incoming / "again.part"
    incoming.write_bytes(radiograph(grey=0, SOPInstanceUID=f"{UID}.0"))
    peer = Peer("a" * 36, "CR1", "SCREENING", "127.0.0.1", utc_now())
    requested = Request(COMPUTED_RADIOGRAPHY, f"{UID}.0")
    return Intake(database, spool).take(incoming, requested, peer)


def test_an_image_received_again_is_kept_again(database: Database, spool: Spool) -> None:
    """Success means safe, also now: the row claims its file, and its age begins anew."""
    file = add_done(database, spool)
    remove(database, spool)
    assert take(database, spool) is Outcome.REPEATED
    [row] = instances(database)
    assert (row.removing_since, row.removed_at) == (None, None)
    assert file.exists()
    assert remove(database, spool) == 0
    assert file.exists()
    assert "instance_returned" in kinds(database)


def test_an_image_received_again_between_mark_and_removal_is_kept(
    database: Database, spool: Spool
) -> None:
    """The mark is taken back, and the removal that was under way finds nothing to do."""
    file = add_done(database, spool)
    with database.write() as session:
        row = session.scalars(select(Instance)).one()
        row.removing_since = utc_now()
        marked = row.id
    take(database, spool)
    tally = retention._Tally()
    retention._remove(database, spool, marked, tally)
    assert (tally.images, tally.stuck, file.exists()) == (0, 0, True)


def test_removed_images_are_not_reprocessed(database: Database, spool: Spool) -> None:
    """The plan counts them apart, and the request leaves them alone."""
    add_done(database, spool)
    remove(database, spool)
    with database.write() as session:
        newer = add_bundle(session, name="newer")
        bundle = ActiveBundle(newer.id, newer.name, newer.version, newer.digest, trained=True)
    counted = plan(database, bundle, NOON, None)
    assert (counted.received, counted.removed, counted.to_do) == (1, 1, 0)
    assert request(database, bundle, NOON, None) == 0


def test_receiving_and_removing_the_same_image_at_once_loses_nothing(
    database: Database, spool: Spool
) -> None:
    """Whoever wins: an image that was answered with Success is there, and its row claims it."""
    file = add_done(database, spool)
    outcomes = set()
    for _ in range(15):
        with database.write() as session:
            row = session.scalars(select(Instance)).one()
            row.kept_since = row.removing_since = row.removed_at = None
        with ThreadPoolExecutor() as pool:
            removal = pool.submit(remove, database, spool)
            try:
                take(database, spool)
            except FileRemovedError:
                outcomes.add("refused")
            else:
                removal.result()
                [row] = instances(database)
                outcomes.add("removed later" if row.removed_at else "kept")
                assert file.exists() == (row.removed_at is None)
                if row.kept_since is not None:
                    assert file.exists()
            take_again_if_needed(database, spool, file)
    assert outcomes


def take_again_if_needed(database: Database, spool: Spool, file: Path) -> None:
    """Do what a sender does that was refused for now."""
    if not file.exists():
        take(database, spool)
    assert file.exists()
