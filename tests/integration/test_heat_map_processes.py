"""Heat-maps by real stations: a killed worker costs none, and their pictures arrive."""

import contextlib
import json
from pathlib import Path

import pydicom
import pytest
from sqlalchemy import select

from screening.db.tables.heat_maps import HeatMaps
from screening.domain.heat_map import HeatMap
from screening.imaging.phantoms.phantom import write_phantoms
from tests.sites.site import running_site, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow]
IMAGES = 4


def test_a_killed_worker_costs_no_heat_map(tmp_path: Path, thin_bundle_dir: Path) -> None:
    """Kill -9 while some are computed and others wait: all are made, and sent as pictures."""
    folder = tmp_path / "research"
    destination = {
        "name": "research",
        "kind": "folder",
        "folder": str(folder),
        "profile": "heat_map",
    }
    with running_site(
        tmp_path,
        bundle_dir=thin_bundle_dir,
        SCREENING_LEASE_S="3",
        SCREENING_SWEEP_INTERVAL_S="1",
        SCREENING_DESTINATIONS=json.dumps([destination]),
    ) as site:
        site.run("bundles", "activate", "untrained", "--yes")
        site.start("receive", "classify", "report")
        site.wait_for_scp()
        site.send(write_phantoms(tmp_path / "phantoms", IMAGES))
        with contextlib.closing(site.database) as database:

            def states() -> list[str]:
                with database.read() as session:
                    return list(session.scalars(select(HeatMaps.state)))

            wait_until(lambda: len(states()) == IMAGES or "computing" in states(), "requests")
            site.kill("classify")
            assert states().count("made") < IMAGES
            site.start("classify")
            wait_until(lambda: states() == ["made"] * IMAGES, "the heat-maps")
            wait_until(lambda: len(list(folder.rglob("*.dcm"))) == IMAGES, "the pictures")
            with database.read() as session:
                row = session.scalars(select(HeatMaps)).first()
                assert row is not None
                maps = [HeatMap.from_dict(one) for one in row.maps or []]
    assert {one.member for one in maps} == {"thin-concatenated", "thin-coronet"}
    assert len(maps) == 7
    for path in folder.rglob("*.dcm"):
        picture = pydicom.dcmread(path)
        assert picture.Modality == "OT"
        assert "UNTRAINED" in picture.SeriesDescription
