"""An image that kills its worker ends in quarantine; its batch and the worker live on."""

import contextlib
from pathlib import Path

import pytest
from sqlalchemy import select

from screening.db.tables.instances import Classification, Instance
from screening.imaging.phantoms.phantom import write_phantoms
from screening.spool.store import data_set_sha256
from tests.sites.site import Site, running_site, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow, pytest.mark.timeout(900)]
HOOK = Path(__file__).parents[1] / "sites" / "deadly_file"


def outcomes(site: Site) -> dict[str, tuple[str, str | None, int]]:
    """Return state, reason and attempts of each image by its digest."""
    columns = (Classification.state, Classification.reason, Classification.attempts)
    with contextlib.closing(site.database) as database, database.read() as session:
        found = session.execute(select(Instance.sha256, *columns).join(Classification))
        return {sha256: (state, reason, attempts) for sha256, state, reason, attempts in found}


@pytest.mark.parametrize("how", ["segfault", "kill"])
def test_a_deadly_image_ends_in_quarantine_after_three_attempts(
    tmp_path: Path, thin_bundle_dir: Path, phantoms: list[Path], how: str
) -> None:
    """It takes its worker with it three times; whoever was in its batch is classified, once."""
    poison = data_set_sha256(phantoms[3])
    of_stations = {
        "PYTHONPATH": f"{HOOK}:{Path(__file__).parents[2]}",
        "DEADLY_FILE": f"{poison}.dcm",
        "DEADLY_HOW": how,
    }
    with running_site(
        tmp_path,
        bundle_dir=thin_bundle_dir,
        SCREENING_LEASE_S="3",
        SCREENING_SWEEP_INTERVAL_S="1",
    ) as site:
        site.run("bundles", "activate", "untrained", "--yes")
        site.variables |= of_stations
        with site.up() as up:
            for name in of_stations:
                del site.variables[name]
            site.send(phantoms)
            ledger = site.wait_until_settled(600)
            assert (ledger["classified"], ledger["failed"]) == (len(phantoms) - 1, 1)
            found = outcomes(site)
            assert found.pop(poison) == ("failed", "worker_lost", 3)
            assert {state for state, _, _ in found.values()} == {"classified"}
            assert max(attempts for _, _, attempts in found.values()) == 2, "none was in its batch"
            more = write_phantoms(tmp_path / "more", 9)[8:]
            site.send(more)
            wait_until(lambda: len(outcomes(site)) > len(phantoms), "the next image")
            assert site.wait_until_settled()["classified"] == len(phantoms)
            up.terminate()
            assert up.wait(60) == 0
        reports = list((site.folder / "data" / "reports").rglob("*.dcm"))
        assert len(reports) == len(phantoms)
        assert site.log("up").count("station classify ended with") == 3
