"""Plugs pulled while work is under way: nothing is lost, nothing is doubled."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from sqlalchemy import func, select

from screening.db.tables import Classification, Instance, Report
from screening.domain.lifecycle import ClassificationState
from screening.spool.store import Spool
from tests.receiving import radiograph
from tests.servers import ServerAbsentError, free_port, new_postgresql_database, private_redis
from tests.site import Site, running_site, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow]
STATIONS = ("receive", "classify", "report")


def states(site: Site) -> dict[str, int]:
    """Count classifications by state."""
    by_state = select(Classification.state, func.count()).group_by(Classification.state)
    with contextlib.closing(site.database) as database, database.read() as session:
        return dict(session.execute(by_state).all())


def assert_each_once(site: Site, count: int) -> None:
    """Each instance has one classification and one report."""
    ledger = site.wait_until_settled()
    assert (ledger["received"], ledger["classified"]) == (count, count)
    with contextlib.closing(site.database) as database, database.read() as session:
        assert session.scalar(select(func.count()).select_from(Classification)) == count
        assert session.scalar(select(func.count()).select_from(Report)) == count
    assert len(list((site.folder / "data" / "reports").rglob("*.dcm"))) == count


def test_a_worker_killed_in_mid_batch_leaves_each_instance_classified_once(
    tmp_path: Path, bundle_dir: Path, phantoms: list[Path]
) -> None:
    """Its claim runs out, the next worker takes the rows over, attempts are counted."""
    with running_site(
        tmp_path,
        bundle_dir=bundle_dir,
        SCREENING_LEASE_S="3",
        SCREENING_SWEEP_INTERVAL_S="1",
    ) as site:
        site.run("bundles", "activate", "untrained")
        site.start("receive", "report")
        site.wait_for_scp()
        site.send(phantoms)
        site.start("classify")
        wait_until(lambda: ClassificationState.CLAIMED in states(site), "a batch to be claimed")
        site.kill("classify")
        assert states(site)[ClassificationState.CLAIMED] > 0, "killed too late to test anything"
        site.start("classify")
        assert_each_once(site, len(phantoms))
        with contextlib.closing(site.database) as database, database.read() as session:
            assert session.scalar(select(func.max(Classification.attempts))) == 2


def test_redis_down_emptied_and_restarted_loses_and_doubles_nothing(
    tmp_path: Path, bundle_dir: Path, phantoms: list[Path], postgresql_url: str
) -> None:
    """Success is answered without a broker; the sweep rings for what no message was left."""
    port = free_port()
    with running_site(
        tmp_path,
        bundle_dir=bundle_dir,
        SCREENING_BROKER_URL=f"redis://127.0.0.1:{port}/0",
        SCREENING_DATABASE_URL=new_postgresql_database(postgresql_url),
        SCREENING_SWEEP_INTERVAL_S="1",
    ) as site:
        site.run("bundles", "activate", "untrained")
        site.start(*STATIONS)
        site.wait_for_scp()
        site.send(phantoms[:2])  # down at the start
        try:
            with private_redis(port) as url:
                site.wait_until_settled()
                redis.Redis.from_url(url).flushall()
                site.send(phantoms[2:4])
                redis.Redis.from_url(url).flushall()
                site.wait_until_settled()
            site.send(phantoms[4:])  # down in the middle
            with private_redis(port):
                assert_each_once(site, len(phantoms))
        except ServerAbsentError as absent:
            pytest.skip(str(absent))


def test_what_the_scp_acknowledged_survives_its_death(tmp_path: Path) -> None:
    """Four senders, the SCP killed three times: each Success has a whole file and one row."""
    files = [tmp_path / f"{number}.dcm" for number in range(1, 161)]
    for path in files:
        path.write_bytes(radiograph(SOPInstanceUID=f"2.25.{path.stem}"))
    with running_site(tmp_path, bundle_dir=tmp_path) as site:
        site.start("receive")
        site.wait_for_scp()
        with ThreadPoolExecutor(4) as senders:
            sending = [senders.submit(send_until_taken, site, files[n::4]) for n in range(4)]
            for _ in range(3):
                time.sleep(0.7)
                site.kill("receive")
                site.start("receive")
                site.wait_for_scp()
            refused = sum(sent.result() for sent in sending)
        with contextlib.closing(site.database) as database, database.read() as session:
            rows = session.execute(select(Instance.sop_instance_uid, Instance.sha256)).all()
        spool = Spool(site.settings.spool_dir)
        assert refused > 0, "killed too late to test anything"
        assert sorted(uid for uid, _ in rows) == sorted(f"2.25.{path.stem}" for path in files)
        assert all(spool.is_undamaged(sha256) for _, sha256 in rows)


def send_until_taken(site: Site, files: list[Path]) -> int:
    """Send each file until it is answered with Success; return how many tries were not."""
    not_taken = 0
    for path in files:
        while site.storescu([path]).returncode:
            not_taken += 1
            time.sleep(0.1)
    return not_taken
