"""Commands that tests start from loaded libraries are processes of their own."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sites import prefork
from tests.sites.site import Site, running_site

pytestmark = pytest.mark.integration


@pytest.fixture(name="site")
def site_without_stations(tmp_path: Path) -> Iterator[Site]:
    """Return a site with a database."""
    with running_site(tmp_path, bundle_dir=tmp_path) as made:
        yield made


def test_a_command_has_its_own_environment_folder_and_output(site: Site, tmp_path: Path) -> None:
    """It reads the variables it is given, writes where it is, and ends with its own status."""
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        ended = prefork.run(
            ["phantom", "--count", "1", "here"],
            environment={**os.environ, "SCREENING_DATA_DIR": str(folder / "data")},
            folder=folder,
            timeout_s=60,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert len(list((folder / "here").iterdir())) == 1
    unknown = site.run("nonsense", check=False)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "No such command 'nonsense'" in unknown.stderr


def test_a_station_is_killed_and_stopped_as_any_process(site: Site) -> None:
    """Signals reach it, and how it ended is told as the operating system tells it."""
    ends = []
    for number in (signal.SIGKILL, signal.SIGTERM):
        site.start("receive")
        site.wait_for_scp()
        process = site.processes["receive"]
        assert process.poll() is None
        assert process.pid != os.getpid()
        process.send_signal(number)
        ends.append(process.wait(60))
    assert ends == [-signal.SIGKILL, 0]
    assert (process.poll(), process.wait(0)) == (0, 0)
