"""Pictures of heat-maps for a destination: after the other reports, once the maps are computed."""

from pathlib import Path

import pytest
from sqlalchemy import select

from screening.classify.heat_map_queue import claim_heat_maps, record_heat_maps
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.standing_results import settle
from screening.db.tables.heat_maps import HeatMaps
from screening.db.tables.instances import Bundle, Classification, Delivery, Event, Instance, Report
from screening.delivery.routing import EVERY_RESULT_EVERYWHERE
from screening.domain.backoff import Backoff
from screening.domain.heat_map import HeatMap, NoHeatMap
from screening.ops.retention import KeptFor, plan_removal
from screening.report.heat_map_reports import Pictures, any_pictures_due, make_due_pictures
from screening.report.outbox import make_due_reports
from screening.spool.store import Spool, data_set_sha256
from tests.bundles.manifests import valid_manifest
from tests.peers.receiving import radiograph
from tests.rows.stored import add_bundle, add_instance, add_score

DESTINATIONS = {"pacs": "comprehensive", "research": "heat_map"}
AT_ONCE = Backoff(first_s=0, longest_s=0)
MAPS = [HeatMap("coronet", "covid19", 1, 2, b"\x00\xff", (0.1, 0.2, 0.9, 0.8), (1, 2))]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return an empty spool."""
    made = Spool(tmp_path / "spool")
    made.prepare()
    return made


@pytest.fixture
def reported(migrated_database: Database, spool: Spool) -> Database:
    """Return a database with one result whose reports are made, but for the picture."""
    database = migrated_database
    arrived = spool.incoming / "arrived"
    arrived.write_bytes(radiograph(SOPInstanceUID="1.2.3.1.1.1"))
    sha256 = data_set_sha256(arrived)
    spool.keep(arrived, sha256)
    with database.write() as session:
        bundle = add_bundle(session, manifest=valid_manifest())
        image = add_instance(session, "1.2.3.1", sop_instance_uid="1.2.3.1.1.1", sha256=sha256)
        add_score(session, image, bundle, priority="STAT", covid19=0.9)
    assert make_due_reports(database, spool, DESTINATIONS) == 1
    return database


def compute(database: Database, found: list[HeatMap] | NoHeatMap) -> None:
    """Do what the classify worker does."""
    held = claim_heat_maps(database, bundle_id=1, worker="w", lease_s=60)
    assert held is not None
    record_heat_maps(database, held, found, AT_ONCE)


def made(database: Database) -> dict[str, str]:
    """Return the destination of each report, by profile."""
    with database.read() as session:
        rows = session.execute(
            select(Report.profile, Delivery.destination).join(
                Delivery, Delivery.report_id == Report.id
            )
        )
        return {row.profile: row.destination for row in rows}


def test_no_report_waits_for_a_picture(reported: Database, spool: Spool) -> None:
    """The report goes at once, the picture when the maps are there, each to its destination."""
    pictures = Pictures(reported, spool, DESTINATIONS, EVERY_RESULT_EVERYWHERE)
    assert made(reported) == {"comprehensive": "pacs"}
    assert not any_pictures_due(reported)
    assert make_due_pictures(pictures) == 0
    compute(reported, MAPS)
    assert any_pictures_due(reported)
    assert make_due_pictures(pictures) == 1
    assert made(reported) == {"comprehensive": "pacs", "heat_map": "research"}
    assert make_due_pictures(pictures) == 0


def test_maps_that_cannot_be_computed_end_it_with_a_reason(
    reported: Database, spool: Spool
) -> None:
    """Nothing waits for ever, and the study's history says why there is no picture."""
    compute(reported, NoHeatMap.NO_FEATURE_MAP)
    pictures = Pictures(reported, spool, DESTINATIONS, EVERY_RESULT_EVERYWHERE)
    assert make_due_pictures(pictures) == 1
    assert made(reported) == {"comprehensive": "pacs"}
    with reported.read() as session:
        assert session.scalars(select(HeatMaps.report_state)).one() == "failed"
        [event] = session.scalars(select(Event).filter_by(kind="heat_map_picture_failed"))
    assert "no feature map" in event.detail["reason"]


def test_an_image_that_cannot_be_rendered_is_given_up(reported: Database, spool: Spool) -> None:
    """After three attempts, with waits between them; its report is not affected."""
    compute(reported, MAPS)
    with reported.read() as session:
        sha256 = session.scalars(select(Instance.sha256)).one()
    spool.path_of(sha256).write_bytes(radiograph(SOPInstanceUID="1.2.3.1.1.1")[:600])
    pictures = Pictures(reported, spool, DESTINATIONS, EVERY_RESULT_EVERYWHERE)
    for _ in range(3):
        assert make_due_pictures(pictures) == 1
        with reported.write() as session:
            session.scalars(select(HeatMaps)).one().report_not_before = None
    with reported.read() as session:
        row = session.scalars(select(HeatMaps)).one()
        assert (row.report_state, row.report_attempts) == ("failed", 3)


def test_retention_keeps_the_image_for_it(reported: Database) -> None:
    """The radiograph is needed until the picture is made."""
    kept = plan_removal(reported, received_before=utc_now(), committing=[]).kept
    assert kept == {KeptFor.HEAT_MAP.value: 1}


def test_a_result_that_stands_no_more_gets_none(reported: Database, spool: Spool) -> None:
    """A newer bundle's result has come; its own picture is another request."""
    compute(reported, MAPS)
    with reported.write() as session:
        old = session.scalars(select(Bundle)).one()
        old.role = "retired"
        session.flush()
        newer = add_bundle(session, name="newer", manifest=valid_manifest())
        image = session.scalars(select(Instance)).one()
        add_score(
            session,
            image,
            newer,
            priority="LOW",
            covid19=0.1,
            stands_since=None,
            report_state="none",
        )
        session.flush()
        settle(session, image.id)
    pictures = Pictures(reported, spool, DESTINATIONS, EVERY_RESULT_EVERYWHERE)
    assert make_due_pictures(pictures) == 1
    assert made(reported) == {"comprehensive": "pacs"}
    with reported.read() as session:
        states = session.scalars(select(HeatMaps.report_state)).all()
        assert states == ["none"]
        assert len(session.scalars(select(Classification)).all()) == 2
