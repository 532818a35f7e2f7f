"""Fixtures for every test."""

import contextlib
import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import hypothesis  # noqa: F401  before `gc.freeze`, since it asks what refers to an object
import pytest
import structlog
from pynetdicom import transport
from xdist.scheduler import LoadFileScheduling

from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.dimse.guarded_socket import ClosingSocket
from tests.services.programs import leave_python_scripts_out, skip_or_fail
from tests.services.servers import (
    PrivateServer,
    ServerAbsentError,
    private_postgresql,
    private_redis,
    redis_server,
)

ROOT = Path(__file__).parent.parent
T = TypeVar("T")
LONGEST = (
    "tests/integration/test_faults.py",
    "tests/unit/training_networks",
    "tests/integration/test_load.py",
    "tests/integration/test_benchmarks.py",
    "tests/unit/ensemble/test_ensemble.py",
)
"""Each takes minutes: begun last, it would keep one process busy while the others are done."""
KEPT_TOGETHER = ("tests/unit/training_networks/",)
"""Folders whose tests share what takes long to make: one process runs all of a folder."""

gc.disable()  # until all is loaded, which makes no garbage, and much to look through
leave_python_scripts_out()
transport.AssociationSocket = ClosingSocket  # of the SCPs that tests run, not of ours
structlog.configure(  # rich's tracebacks, with every local, cost a second each
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files and folders that take longest."""
    places = {ROOT / name: place for place, name in enumerate(LONGEST)}
    last = len(places)
    items.sort(key=lambda item: places.get(item.path, places.get(item.path.parent, last)))


def pytest_collection_finish() -> None:
    """Collect garbage from here on, and look no more through what stays: it is millions of objects.

    Keras collects before each network of a run.
    """
    gc.freeze()
    gc.enable()


class _ByFileOrFolder(LoadFileScheduling):
    """Gives a process all tests of a file, or of a folder that is kept together."""

    def _split_scope(self, nodeid: str) -> str:
        folder = next((name for name in KEPT_TOGETHER if nodeid.startswith(name)), None)
        return folder or super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Keep some folders together where files are (`--dist loadfile`)."""
    return _ByFileOrFolder(config, log) if config.option.dist == "loadfile" else None


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of real images, or skip where it is absent."""
    folder = Path(os.environ.get("SCREENING_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real images: {folder} is absent, set SCREENING_DATA")
    return folder


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite file of the newest schema, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "screening.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def migrated_database(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    """Return an empty SQLite database with the newest schema."""
    database = Database(f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'screening.db')}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Run a private PostgreSQL server for the session and return its URL.

    Tests that write take a database of their own: `tests.services.servers.new_postgresql_database`.
    """
    yield from _server_or_skip(private_postgresql())


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Run a private Redis server for the session and return its URL."""
    yield from _server_or_skip(private_redis())


@pytest.fixture
def own_redis() -> Iterator[PrivateServer]:
    """Run a Redis server for one test, which may stop and start it."""
    yield from _server_or_skip(redis_server())


def _server_or_skip(server: contextlib.AbstractContextManager[T]) -> Iterator[T]:
    with contextlib.ExitStack() as stack:
        try:
            entered = stack.enter_context(server)
        except ServerAbsentError as absent:
            skip_or_fail(str(absent))
        yield entered
