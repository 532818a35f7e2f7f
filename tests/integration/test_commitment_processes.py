"""Commitment and retention by the stations' own processes, over kill -9."""

import contextlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.commitment_scp import PeerCommitmentRequest
from screening.db.tables.instances import Classification, Delivery, Instance
from screening.domain.commitment import SopReference
from screening.storage_scu.destination import DicomDestination
from tests.peers.commitment import (
    DESTINATION,
    MODALITY,
    Archive,
    Heard,
    Manner,
    asking,
    information,
    listening_modality,
    running_archive,
    send_action,
)
from tests.peers.receiving import radiograph
from tests.reports.one_report import add_due_report, states
from tests.rows.stored import COMPUTED_RADIOGRAPHY
from tests.services.servers import free_port
from tests.sites.site import Site, running_site, wait_until

pytestmark = pytest.mark.integration

RECEIVED = "1.2.77"
QUICK = {
    "SCREENING_SWEEP_INTERVAL_S": "0.5",
    "SCREENING_RETRY_FIRST_S": "0.5",
    "SCREENING_RETRY_LONGEST_S": "1",
    "SCREENING_REPORTS_FOLDER": "false",
}


def scp(site: Site) -> DicomDestination:
    """Return where the site's SCP listens."""
    port = int(site.variables["SCREENING_SCP_PORT"])
    return DicomDestination("scp", "127.0.0.1", port, "SCREENING", MODALITY)


def requests(database: Database) -> list[PeerCommitmentRequest]:
    """Return the rows of what was asked."""
    with database.read() as session:
        return list(session.scalars(select(PeerCommitmentRequest)))


def test_a_request_survives_the_death_of_the_scp(tmp_path: Path) -> None:
    """Answered with Success, killed with SIGKILL: the modality is told by the next process."""
    port = free_port()
    peers = [{"ae_title": MODALITY, "host": "127.0.0.1", "port": port}]
    more = {**QUICK, "SCREENING_COMMITMENT_PEERS": json.dumps(peers)}
    with running_site(tmp_path, bundle_dir=tmp_path, **more) as site:
        site.start("receive")
        site.wait_for_scp()
        image = tmp_path / "image.dcm"
        image.write_bytes(radiograph())
        site.send([image])
        asked = information("2.25.1", [SopReference(COMPUTED_RADIOGRAPHY, "1.2.3.1.1.1")])
        with asking(scp(site)) as association:
            assert send_action(association, asked) == 0x0000
            site.kill("receive")
        heard = Heard()
        with listening_modality(heard, port), contextlib.closing(site.database) as database:
            site.start("receive")
            event_type, said = heard.wait()
            wait_until(lambda: requests(database)[0].state == "reported", "the row", 60)
    assert (event_type, said.TransactionUID) == (1, "2.25.1")
    assert len(said.ReferencedSOPSequence) == 1


def test_reports_are_confirmed_and_images_removed(tmp_path: Path) -> None:
    """Receive and report as processes; the image goes when the destination has confirmed."""
    archive = Archive(Manner.NEW_ASSOCIATION)
    with running_archive(archive):
        destination = {
            "name": "pacs", "host": "127.0.0.1", "port": archive.port,
            "ae_title": DESTINATION, "commitment": "storage-commitment",
        }  # fmt: skip
        more = {**QUICK, "SCREENING_DESTINATIONS": json.dumps([destination])}
        with running_site(tmp_path, bundle_dir=tmp_path, **more) as site:
            archive.scp_port = int(site.variables["SCREENING_SCP_PORT"])
            with contextlib.closing(site.database) as database:
                site.start("receive")
                site.wait_for_scp()
                image = tmp_path / "image.dcm"
                image.write_bytes(radiograph(SOPInstanceUID=RECEIVED))
                site.send([image])
                add_due_report(database)
                _finish(database)
                site.run("db", "recount", "--repair")  # the product itself deletes no instance
                held = _retention(site)
                assert (held["images"], held["kept"]) == (
                    0,
                    {"a report of it is not delivered": 1},
                )
                site.start("report")
                wait_until(lambda: states(database) == ("delivered", "committed"), "it", 120)
                files = list((site.settings.spool_dir / "objects").rglob("*.dcm"))
                assert _retention(site)["images"] == len(files) == 1
                assert files[0].exists()
                assert _retention(site, "--apply", "--yes")["images"] == 1
                assert not files[0].exists()
                assert _retention(site)["images"] == 0
                assert site.json("ledger")["removed"] == 1


def _finish(database: Database) -> None:
    """Have the received image be the one that the report is about."""
    with database.write() as session:
        received = session.scalars(
            select(Instance).where(Instance.sop_instance_uid == RECEIVED)
        ).one()
        waiting = session.scalars(
            select(Classification).where(Classification.instance_id == received.id)
        ).one()
        session.delete(waiting)
        session.flush()
        delivery = session.scalars(select(Delivery)).one()
        stand_in = delivery.report.classification.instance
        delivery.report.classification.instance_id = received.id
        session.flush()
        session.expire(stand_in)
        session.delete(stand_in)


def _retention(site: Site, *more: str) -> dict[str, object]:
    found: dict[str, object] = site.json("retention", "--older-than", "0", *more)
    return found


def test_receive_removes_images_by_itself_where_it_is_set(tmp_path: Path) -> None:
    """An image that is no chest radiograph needs no report."""
    more = {**QUICK, "SCREENING_RETENTION_DAYS": "0.00001"}
    with running_site(tmp_path, bundle_dir=tmp_path, **more) as site:
        site.start("receive")
        site.wait_for_scp()
        image = tmp_path / "image.dcm"
        image.write_bytes(radiograph())
        site.send([image])
        with contextlib.closing(site.database) as database:
            with database.write() as session:
                row = session.scalars(select(Classification)).one()
                row.state, row.reason = "not_applicable", "not_frontal"
                row.instance.received_at -= timedelta(minutes=1)  # however soon receive is back
            site.kill("receive")
            site.start("receive")

            def is_removed() -> bool:
                with database.read() as session:
                    return session.scalars(select(Instance)).one().removed_at is not None

            wait_until(is_removed, "the removal", 60)
        assert list((site.settings.spool_dir / "objects").rglob("*.dcm")) == []
        site.wait_for_log("receive", "retention_done")
