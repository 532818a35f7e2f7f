"""Fixtures of the tests that run real processes."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from screening.db.session import Database
from screening.imaging.phantoms.phantom import write_phantoms
from tests.bundles.small_bundle import make_small_bundle, make_thin_bundle
from tests.peers.receiving import Receiver, running_receiver
from tests.services.orthanc import Orthanc, private_orthanc
from tests.services.programs import program, skip_or_fail
from tests.services.servers import ServerAbsentError
from tests.sites.browser import BrowserAbsentError, chromium, new_window


@pytest.fixture(scope="session")
def bundle_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the small bundle, which all that test at once share: copy to change."""
    return _made_once(tmp_path_factory, "bundles", make_small_bundle)


@pytest.fixture(scope="session")
def thin_bundle_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the small bundle of thin networks, for stations that are forked."""
    return _made_once(tmp_path_factory, "thin-bundles", make_thin_bundle)


def _made_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]
) -> Path:
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make(shared / name)
    return shared / name


def _make_phantoms(folder: Path) -> None:
    if not folder.exists():
        write_phantoms(folder, 8)


@pytest.fixture
def receiver(tmp_path: Path, migrated_database: Database) -> Iterator[Receiver]:
    """Run an SCP with a short ARTIM timeout; a module that wants another one says so itself."""
    with running_receiver(tmp_path, migrated_database, artim_timeout_s=1.0) as running:
        yield running


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return eight synthetic chest radiographs, which all that test at once share."""
    folder = _made_once(tmp_path_factory, "phantoms", _make_phantoms)
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def chest_radiograph(phantoms: list[Path]) -> Path:
    """Return a real chest radiograph where there is one, a phantom otherwise."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("SCREENING_DATA", root.parent / "shared" / "data"))
    real = folder / "dicom" / "chest_cr" / "RG1_J2KI"
    return real if real.exists() else phantoms[0]


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Run a private Orthanc."""
    with contextlib.ExitStack() as stack:
        try:
            yield stack.enter_context(private_orthanc(tmp_path_factory.mktemp("orthanc")))
        except ServerAbsentError as absent:
            skip_or_fail(str(absent))


@pytest.fixture(scope="session")
def running_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Run one headless Chromium for all tests of a process: a start takes seconds."""
    with contextlib.ExitStack() as stack:
        try:
            yield stack.enter_context(chromium(tmp_path_factory.mktemp("browser")))
        except BrowserAbsentError as absent:
            skip_or_fail(str(absent))


@pytest.fixture
def browser(running_browser: Chrome) -> Iterator[Chrome]:
    """Return Chromium with a new window, and nothing left of what was shown before."""
    with new_window(running_browser):
        yield running_browser


@pytest.fixture(scope="session", autouse=True)
def dcmtk() -> None:
    """Skip, or fail in CI, where DCMTK is not installed."""
    program("storescu")
