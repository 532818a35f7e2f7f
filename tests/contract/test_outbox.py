"""Reports: made once from the row and the spooled file, one delivery for each destination."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pydicom
import pytest
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    ComputedRadiographyImageStorage,
)
from sqlalchemy import select, update

from screening.db.session import Database
from screening.db.tables.instances import Bundle, Classification, Delivery, Event, Instance, Report
from screening.domain.failures import MAX_ATTEMPTS
from screening.renderings.structured_report.profiles import Profile
from screening.report import outbox
from screening.spool.store import Spool, data_set_sha256
from tests.bundles.manifests import valid_manifest
from tests.peers.receiving import radiograph
from tests.rows.stored import NOON, add_bundle, add_instance, add_score

FOLDER = {"folder": Profile.COMPREHENSIVE}
STUDY = "1.2.3.1"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return an empty spool."""
    made = Spool(tmp_path / "spool")
    made.prepare()
    return made


def add_result(
    database: Database, spool: Spool, uid: str = "1.2.3.1.1.1", **attributes: str | None
) -> int:
    """Spool an image and add its row and its first result; return the classification's id."""
    arrived = spool.incoming / "arrived"
    arrived.write_bytes(radiograph(SOPInstanceUID=uid, **attributes))
    sha256 = data_set_sha256(arrived)
    spool.keep(arrived, sha256)
    with database.write() as session:
        bundle = session.scalars(select(Bundle)).first() or add_bundle(
            session, manifest=valid_manifest()
        )
        image = add_instance(
            session,
            STUDY,
            sop_instance_uid=uid,
            sop_class_uid=str(ComputedRadiographyImageStorage),
            sha256=sha256,
        )
        return add_score(session, image, bundle, priority="STAT", covid19=0.9).id


def add_newer_result(database: Database) -> None:
    """Add what a newer bundle made of the first image."""
    with database.write() as session:
        newer = add_bundle(session, name="newer", role="retired", manifest=valid_manifest())
        image = session.scalars(select(Instance)).first()
        assert image is not None
        later = NOON.replace(hour=13)
        add_score(session, image, newer, priority="LOW", covid19=0.1, finished_at=later)


def make(database: Database, spool: Spool, destinations: Mapping[str, Profile]) -> int:
    """Make what is due."""
    return outbox.make_due_reports(database, spool, destinations)


def reports(database: Database) -> Sequence[Report]:
    """Return every report, oldest first."""
    with database.read() as session:
        return session.scalars(select(Report).order_by(Report.id)).all()


def deliveries(database: Database) -> list[tuple[int, str, str]]:
    """Return report, destination and state of every delivery."""
    with database.read() as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.report_id, Delivery.destination))
        return [(row.report_id, row.destination, row.state) for row in rows]


def result(database: Database) -> Classification:
    """Return the newest classification."""
    with database.read() as session:
        newest = session.scalars(select(Classification).order_by(Classification.id.desc())).first()
        assert newest is not None
        return newest


def let_waits_run_out(database: Database) -> None:
    """Bring every row to where its next attempt is due."""
    with database.write() as session:
        session.execute(update(Classification).values(report_not_before=NOON))


def test_a_result_gets_one_report_a_profile_and_one_delivery_a_destination(
    database: Database, spool: Spool
) -> None:
    """Destinations of one SR profile share the report; the row is done and never made again."""
    add_result(database, spool)
    assert outbox.anything_due(database)
    destinations = {**FOLDER, "pacs": Profile.COMPREHENSIVE, "air": Profile.COMPREHENSIVE3D}
    assert make(database, spool, destinations) == 1
    made = {report.profile: report for report in reports(database)}
    assert {profile: report.sop_class_uid for profile, report in made.items()} == {
        "comprehensive": str(ComprehensiveSRStorage),
        "comprehensive3d": str(Comprehensive3DSRStorage),
    }
    assert sorted(deliveries(database)) == sorted(
        [
            (made["comprehensive"].id, "folder", "pending"),
            (made["comprehensive"].id, "pacs", "pending"),
            (made["comprehensive3d"].id, "air", "pending"),
        ]
    )
    row = result(database)
    assert (row.report_state, row.report_error) == ("made", None)
    assert (outbox.anything_due(database), make(database, spool, destinations)) == (False, 0)
    with database.read() as session:
        assert session.scalars(select(Event.kind)).all() == ["report_made"] * 2


def test_the_report_says_what_the_row_says(database: Database, spool: Spool) -> None:
    """The stored bytes are a DICOM file of the image's study, with the row's UIDs."""
    add_result(database, spool)
    make(database, spool, FOLDER)
    [report] = reports(database)
    document = pydicom.dcmread(BytesIO(report.content))
    assert document.SOPInstanceUID == report.sop_instance_uid
    assert document.SeriesInstanceUID == report.series_instance_uid
    assert (document.StudyInstanceUID, document.PatientID) == (STUDY, "PID-77")
    assert document.file_meta.MediaStorageSOPClassUID == report.sop_class_uid
    assert "PredecessorDocumentsSequence" not in document


def test_dates_are_the_sites_and_the_series_has_one(database: Database, spool: Spool) -> None:
    """In the zone that the site is in; the series began with the study's first result."""
    first, second = (
        add_result(database, spool, uid=f"1.2.3.1.1.{number}", TimezoneOffsetFromUTC=None)
        for number in (1, 2)
    )
    with database.write() as session:
        for number, at in ((first, NOON), (second, NOON.replace(hour=20))):
            session.get_one(Classification, number).finished_at = at
    outbox.make_due_reports(database, spool, FOLDER, ZoneInfo("Asia/Tokyo"))
    made = [pydicom.dcmread(BytesIO(report.content)) for report in reports(database)]
    tomorrow = f"{NOON.astimezone(ZoneInfo('Asia/Tokyo')) + timedelta(hours=8):%Y%m%d%H%M%S}"
    assert [one.ContentDate + one.ContentTime for one in made][1] == tomorrow
    assert tomorrow.endswith("050000")
    for one in made:
        assert one.TimezoneOffsetFromUTC == "+0900"
        assert (one.SeriesDate, one.SeriesTime) == (f"{NOON:%Y%m%d}", "210000")


def test_a_report_made_again_is_the_same_bytes(database: Database, spool: Spool) -> None:
    """Whoever makes it, and however often: a peer that has it sees no difference."""
    add_result(database, spool)
    make(database, spool, FOLDER)
    [first] = reports(database)
    with database.write() as session:
        for delivery in session.scalars(select(Delivery)):
            session.delete(delivery)
        session.flush()
        session.delete(session.get_one(Report, first.id))
        for row in session.scalars(select(Classification)):
            row.report_state = "due"
    make(database, spool, FOLDER)
    [again] = reports(database)
    assert again.content == first.content
    assert (again.sha256, again.sop_instance_uid) == (first.sha256, first.sop_instance_uid)


def test_a_newer_result_names_the_report_it_replaces(database: Database, spool: Spool) -> None:
    """After reprocessing the SR points at the older one (PS3.3 C.17.2, Predecessor Documents)."""
    add_result(database, spool)
    make(database, spool, FOLDER)
    add_newer_result(database)
    make(database, spool, FOLDER)
    older, newer = reports(database)
    assert newer.predecessor_id == older.id
    document = pydicom.dcmread(BytesIO(newer.content))
    [study] = document.PredecessorDocumentsSequence
    [series] = study.ReferencedSeriesSequence
    [named] = series.ReferencedSOPSequence
    assert study.StudyInstanceUID == STUDY
    assert series.SeriesInstanceUID == older.series_instance_uid
    assert named.ReferencedSOPInstanceUID == older.sop_instance_uid
    assert named.ReferencedSOPClassUID == older.sop_class_uid
    assert newer.sop_instance_uid != older.sop_instance_uid


def test_a_missing_file_is_tried_again_and_then_given_up(database: Database, spool: Spool) -> None:
    """The reason stands on the row; the attempts end, and other reports are not held up."""
    lost = add_result(database, spool)
    with database.read() as session:
        sha256 = session.get_one(Classification, lost).instance.sha256
    spool.path_of(sha256).unlink()
    sound = add_result(database, spool, "1.2.3.1.1.2")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        make(database, spool, FOLDER)
        with database.read() as session:
            row = session.get_one(Classification, lost)
            assert (row.report_attempts, row.report_error) == (attempt, "FileNotFoundError")
            waits = row.report_not_before is not None and row.report_not_before > NOON
            assert waits or attempt == MAX_ATTEMPTS
        assert not outbox.anything_due(database)
        let_waits_run_out(database)
    assert row.report_state == "failed"
    assert [report.classification_id for report in reports(database)] == [sound]
    with database.read() as session:
        kinds = session.scalars(select(Event.kind).order_by(Event.id)).all()
    assert kinds == ["report_made", "report_failed"]


def test_a_file_that_comes_back_is_reported(database: Database, spool: Spool) -> None:
    """A retry that succeeds leaves no error behind."""
    lost = add_result(database, spool)
    with database.read() as session:
        path = spool.path_of(session.get_one(Classification, lost).instance.sha256)
    away = path.rename(path.with_suffix(".away"))
    make(database, spool, FOLDER)
    away.rename(path)
    let_waits_run_out(database)
    make(database, spool, FOLDER)
    assert (result(database).report_state, result(database).report_error) == ("made", None)
    assert len(reports(database)) == 1


def test_a_destination_added_later_gets_no_old_reports(database: Database, spool: Spool) -> None:
    """What was made before stays as it was; the next report goes to both."""
    add_result(database, spool)
    make(database, spool, FOLDER)
    add_result(database, spool, "1.2.3.1.1.2")
    make(database, spool, {**FOLDER, "pacs": Profile.COMPREHENSIVE})
    old, new = (report.id for report in reports(database))
    assert deliveries(database) == [
        (old, "folder", "pending"),
        (new, "folder", "pending"),
        (new, "pacs", "pending"),
    ]


def test_a_site_without_destinations_makes_nothing_and_is_done(
    database: Database, spool: Spool
) -> None:
    """The result stands on the worklist; nothing waits for ever."""
    add_result(database, spool)
    make(database, spool, {})
    assert (reports(database), result(database).report_state) == ([], "made")
