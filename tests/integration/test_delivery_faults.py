"""Reports survive a destination's bad day and a killed report worker: none lost, none doubled."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Delivery
from tests.peers.misbehaving_destination import (
    Conduct,
    MisbehavingDestination,
    misbehaving_destination,
)
from tests.reports.deliveries import add_deliveries, let_time_pass
from tests.reports.delivery_faults import bad_day
from tests.sites.site import Site, running_site, wait_until

pytestmark = pytest.mark.integration
REPORTS = 40


def test_nothing_is_lost_or_doubled_on_a_bad_day(
    migrated_database: Database, tmp_path: Path
) -> None:
    """Every way of misbehaving in turn, then from report to report: each arrives as it was made."""
    reckoning = bad_day(migrated_database, tmp_path, instances=REPORTS)
    assert (reckoning.reports, reckoning.lost, reckoning.doubled) == (REPORTS, 0, 0)
    assert reckoning.sent_again > 0, "no answer was lost, so this tested little"


@contextlib.contextmanager
def site_with(folder: Path, **destinations: MisbehavingDestination) -> Iterator[Site]:
    """Run a site with these destinations; its report worker is to be started."""
    peers = [
        {"name": name, "host": "127.0.0.1", "port": one.port, "ae_title": "PACS"}
        for name, one in destinations.items()
    ]
    with running_site(
        folder,
        bundle_dir=folder,
        SCREENING_DESTINATIONS=json.dumps(peers),
        SCREENING_REPORTS_FOLDER="false",
        SCREENING_SWEEP_INTERVAL_S="0.5",
    ) as site:
        yield site


def states(database: Database, destination: str) -> list[str]:
    """Return the state of each delivery to a destination."""
    with database.read() as session:
        rows = select(Delivery.state).where(Delivery.destination == destination)
        return sorted(session.scalars(rows))


def test_a_worker_killed_between_send_and_record_sends_the_same_bytes_again(
    tmp_path: Path,
) -> None:
    """The destination has the report, nobody wrote that down: it comes once more, and no more."""
    with (
        misbehaving_destination() as pacs,
        site_with(tmp_path, pacs=pacs) as site,
        contextlib.closing(site.database) as database,
    ):
        add_deliveries(database, count=3, pacs="pending")
        killed: list[str] = []

        def kill_once(uid: str) -> None:
            if not killed:
                killed.append(uid)
                site.kill("report")

        pacs.on_received = kill_once
        site.start("report")
        wait_until(lambda: bool(killed), "a report to arrive")
        assert states(database, "pacs") == ["sending"] * 3
        let_time_pass(database)
        site.start("report")
        wait_until(lambda: states(database, "pacs") == ["delivered"] * 3, "all to be delivered")
        site.stop()
        site.start("report")
        site.wait_for_log("report", "worker_ready")
        site.stop()
        copies = {uid: len(received) for uid, received in pacs.received.items()}
        assert copies == dict.fromkeys(pacs.received, 1) | {killed[0]: 2}
        assert len(set(pacs.received[killed[0]])) == 1


def test_a_silent_destination_holds_up_no_other(tmp_path: Path) -> None:
    """A real report worker: one peer never answers, one stops in mid-PDU, the third has it all."""
    with (
        misbehaving_destination(Conduct.NEVER_ANSWERS) as silent,
        misbehaving_destination(Conduct.STALLS_IN_MID_PDU) as stalling,
        misbehaving_destination() as sound,
        site_with(tmp_path, silent=silent, stalling=stalling, sound=sound) as site,
        contextlib.closing(site.database) as database,
    ):
        names = ("silent", "stalling", "sound")
        add_deliveries(database, count=REPORTS, **dict.fromkeys(names, "pending"))
        site.start("report")
        wait_until(lambda: set(states(database, "sound")) == {"delivered"}, "the sound one", 60)
        assert sorted(sound.stored.values()) == [1] * REPORTS
        assert "delivered" not in states(database, "silent") + states(database, "stalling")
        for one in (silent, stalling):
            one.end()
            one.conduct = Conduct.SOUND
