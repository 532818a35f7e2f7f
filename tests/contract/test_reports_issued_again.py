"""Reports of results that stand again: once, after live ones, also without the image."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Classification, Delivery, Instance
from screening.domain.backoff import Backoff
from screening.ops.change_over import finish_change_over
from screening.renderings.structured_report.source import read_source
from screening.report.deliveries import claim_deliveries
from screening.report.outbox import make_due_reports
from screening.spool.store import Spool
from tests.rows.standing_results import (
    FOLDER,
    add_bundles,
    add_scored,
    make,
    make_active,
    predecessor_of,
    reports,
    standing,
)
from tests.rows.stored import NOON

BACKOFF = Backoff(first_s=100, longest_s=600)


def test_a_result_that_stood_for_a_moment_gets_no_report(database: Database, spool: Spool) -> None:
    """Two changes before a report was made leave one report, of what stands."""
    [former, newer] = add_bundles(database, "former", "newer")
    image = add_scored(database, spool, former, newer, made=False)
    make(database, spool)
    for bundle_id in (former, newer, former):
        make_active(database, bundle_id)
        finish_change_over(database)
    assert standing(database) == {image: former}
    made = make(database, spool)
    assert len(made) == 2
    assert predecessor_of(made[1]) == made[0].SOPInstanceUID


def test_a_report_built_while_another_result_came_to_stand_is_not_recorded(
    database: Database, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading the row and storing the bytes the bundle is changed: no report of it."""
    [former, newer] = add_bundles(database, "former", "newer")
    image = add_scored(database, spool, former, newer, made=False)

    def slowly(path: Path) -> Dataset:
        make_active(database, former)
        finish_change_over(database)
        return read_source(path)

    with monkeypatch.context() as patched:
        patched.setattr("screening.report.due_report.read_source", slowly)
        make_due_reports(database, spool, FOLDER)
    assert reports(database) == []
    make(database, spool)
    with database.read() as session:
        [row] = reports(database)
        assert session.get_one(Classification, row.classification_id).bundle_id == former
    assert standing(database) == {image: former}


def test_reports_issued_again_let_live_ones_pass(database: Database, spool: Spool) -> None:
    """However many are to be told again, a new image's report is made and sent before them."""
    [former, newer] = add_bundles(database, "former", "newer")
    for number in range(1, 41):
        add_scored(database, spool, former, newer, number=number)
    make_active(database, former)
    finish_change_over(database)
    live = add_scored(database, spool, former, number=99, made=False)
    make_due_reports(database, spool, FOLDER)
    with database.read() as session:
        first = session.get_one(Classification, reports(database)[0].classification_id)
    assert first.instance_id == live
    make(database, spool)
    with database.write() as session:  # as if it had come last
        newest = session.scalars(select(Delivery).order_by(Delivery.id.desc())).first()
        delivery_of_live = session.scalars(select(Delivery).order_by(Delivery.id)).first()
        assert newest is not None
        assert delivery_of_live is not None
        assert (delivery_of_live.lane, newest.lane) == ("live", "backfill")
        delivery_of_live.lane, newest.lane = "backfill", "live"
        expected = newest.id
    assert claim_deliveries(database, "folder")[0].delivery_id == expected


def test_a_removed_images_result_stands_again_with_a_report(
    database: Database, spool: Spool
) -> None:
    """Retention took the image: the report takes over what the earlier one had of it."""
    [former, newer] = add_bundles(database, "former", "newer")
    image = add_scored(database, spool, former, newer, made=False)
    [told] = make(database, spool)
    with database.write() as session:
        row = session.get_one(Instance, image)
        row.removing_since = row.removed_at = NOON
        spool.remove(row.sha256)
    make_active(database, former)
    finish_change_over(database)
    _, again = make(database, spool)
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "AccessionNumber"):
        assert again[keyword] == told[keyword]
    assert (
        again.CurrentRequestedProcedureEvidenceSequence
        == told.CurrentRequestedProcedureEvidenceSequence
    )
    assert predecessor_of(again) == told.SOPInstanceUID
    assert again.ManufacturerModelName == "former"


def test_a_report_built_before_another_one_was_made_is_built_again(
    database: Database, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There and back while its bytes are made: it must name the report that came in between."""
    [former, newer] = add_bundles(database, "former", "newer")
    add_scored(database, spool, former, newer, made=False)
    still_slow = True

    def slowly(path: Path) -> Dataset:
        nonlocal still_slow
        if still_slow:
            still_slow = False
            make_active(database, former)
            finish_change_over(database)
            make_due_reports(database, spool, FOLDER)
            make_active(database, newer)
            finish_change_over(database)
        return read_source(path)

    with monkeypatch.context() as patched:
        patched.setattr("screening.report.due_report.read_source", slowly)
        make_due_reports(database, spool, FOLDER)
    of_former, of_newer = make(database, spool)
    assert (of_former.ManufacturerModelName, of_newer.ManufacturerModelName) == ("former", "newer")
    assert predecessor_of(of_newer) == of_former.SOPInstanceUID
