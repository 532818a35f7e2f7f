"""Destinations come, move and go in the file while a report worker runs, and are fed late."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import func, select

from screening.db.session import Database
from screening.db.tables.instances import Classification, Delivery
from screening.domain.lifecycle import ReportState
from screening.spool.store import Spool
from tests.contract.test_outbox import add_result
from tests.services.servers import free_port
from tests.sites.listening import storage_scp
from tests.sites.site import Site, wait_until

pytestmark = pytest.mark.integration


def taken(_: Dataset) -> tuple[int, str]:
    """Answer with Success."""
    return 0x0000, ""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a migrated site of the embedded kind, which reads its destinations in the file."""
    made = Site(
        tmp_path,
        bundle_dir=tmp_path / "bundles",
        SCREENING_CONFIG=str(tmp_path / "site.toml"),
        SCREENING_SWEEP_INTERVAL_S="0.5",
        SCREENING_REPORTS_FOLDER="false",
    )
    write(made)
    made.migrate()
    yield made
    made.stop()


def write(site: Site, **ports: int) -> None:
    """Have the settings file name these destinations; "viewer" takes Basic Text."""
    lines = ["retry_longest_s = 5"]
    for name, port in ports.items():
        lines += ["[[destinations]]", f'name = "{name}"', 'host = "127.0.0.1"', f"port = {port}"]
        lines += ['ae_title = "DESTINATION"']
        lines += ['profile = "basic_text"'] if name == "viewer" else []
    (site.folder / "site.toml").write_text("\n".join(lines))


def add_results(site: Site, database: Database, *numbers: int) -> None:
    """Add images that are classified and to be reported."""
    spool = Spool(site.settings.spool_dir)
    spool.prepare()
    for number in numbers:
        add_result(database, spool, f"1.2.3.1.1.{number}")


def due(database: Database) -> int:
    """Count the results whose reports are to be made."""
    rows = select(func.count()).where(Classification.report_state == ReportState.DUE)
    with database.read() as session:
        return session.execute(rows).scalar_one()


def states(database: Database, name: str) -> list[str]:
    """Return the states of a destination's deliveries."""
    with database.read() as session:
        return list(session.scalars(select(Delivery.state).where(Delivery.destination == name)))


def changes(site: Site) -> list[dict[str, list[str]]]:
    """Return what the report worker says has changed so far."""
    logged = [json.loads(line) for line in site.log("report").splitlines() if "{" in line]
    return [
        {key: one[key] for key in ("added", "changed", "removed") if one[key]}
        for one in logged
        if one["event"] == "destinations_changed"
    ][1:]  # the first is what there was at the start


def test_a_worker_follows_the_file_and_is_never_restarted(site: Site) -> None:
    """Added, moved to another port, removed; each has its reports once, and nothing is stranded."""
    ports = {name: free_port() for name in ("pacs", "viewer", "moved")}
    with closing(site.database) as database, ExitStack() as stack:
        pacs, viewer, moved = (
            stack.enter_context(storage_scp(port, taken)) for port in ports.values()
        )
        site.start("report")
        site.wait_for_log("report", "worker_ready")
        add_results(site, database, 1)
        wait_until(lambda: not due(database), "a report for nobody: there is no destination yet")
        write(site, pacs=ports["pacs"])
        wait_until(lambda: len(changes(site)) == 1, "the worker to see the file")
        add_results(site, database, 2)
        wait_until(lambda: len(pacs) == 1, "a report at the new destination")
        write(site, pacs=ports["moved"])
        wait_until(lambda: len(changes(site)) == 2, "the worker to see the file")
        add_results(site, database, 3)
        wait_until(lambda: len(moved) == 1, "a report at the new address")
        write(site, viewer=ports["viewer"])
        wait_until(lambda: len(changes(site)) == 3, "the worker to see the file")
        add_results(site, database, 4)
        wait_until(lambda: len(viewer) == 1, "a report at the second destination")
        assert changes(site) == [
            {"added": ["pacs"]},
            {"changed": ["pacs"]},
            {"added": ["viewer"], "removed": ["pacs"]},
        ]
        assert (len(pacs), len(moved)) == (1, 1)
        counted = site.json(
            "deliveries", "send", "--since", "36500d", "--to", "viewer", "--dry-run"
        )
        assert counted["to_make"] == 3
        assert len(viewer) == 1
        refused = site.run("deliveries", "send", "--since", "36500d", "--to", "viewer", check=False)
        assert refused.returncode == 1  # the question was answered by nobody
        for _ in range(2):
            site.run("deliveries", "send", "--since", "36500d", "--to", "viewer", "--yes")
        wait_until(lambda: len(viewer) == 4, "what the viewer did not have")
        wait_until(lambda: states(database, "viewer") == ["delivered"] * 4, "the records")
        assert len({report.SOPInstanceUID for report in viewer}) == 4
        unknown = site.run("deliveries", "send", "--since", "1d", "--to", "pacs", check=False)
        assert unknown.returncode == 2
        assert "expected one of the settings, viewer; found 'pacs'" in unknown.stderr
        assert site.processes["report"].poll() is None


def test_up_leaves_the_destinations_to_the_file(site: Site) -> None:
    """What `screening up` hands to its stations does not freeze them."""
    from screening.settings import child_environment, load_settings

    write(site, pacs=104)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in site.variables.items():
            patch.setenv(name, value)
        patch.delenv("SCREENING_REPORTS_FOLDER")
        passed_on = child_environment(load_settings(data_dir=site.folder))
    assert "SCREENING_DESTINATIONS" not in passed_on
    assert passed_on["SCREENING_RETRY_LONGEST_S"] == "5.0"
    assert passed_on["SCREENING_CONFIG"] == str(site.folder / "site.toml")
