"""Plugs pulled while eight senders send: nothing lost, nothing doubled, one report each.

The short form, with few images and leases of seconds; `make test-faults` is the full one.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.installation import Installation, Where, installation
from tests.faults.small_disk import SmallDisk
from tests.faults.table import FAULTS, Fault
from tests.faults.trial import baseline, run_trial
from tests.services.programs import skip_or_fail
from tests.services.servers import ServerAbsentError

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow]
INSTANCES = 40


@dataclass(frozen=True, slots=True)
class Running:
    """An installation at work, and how fast it is undisturbed."""

    here: Installation
    images_a_second: float


@pytest.fixture(scope="module")
def on_servers(
    thin_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Run an installation on PostgreSQL and Redis."""
    with _running(Where.SERVERS, tmp_path_factory.mktemp("servers"), thin_bundle_dir) as found:
        yield found


@pytest.fixture(scope="module")
def embedded(thin_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run an installation on SQLite and the embedded broker."""
    with _running(Where.EMBEDDED, tmp_path_factory.mktemp("embedded"), thin_bundle_dir) as found:
        yield found


@contextlib.contextmanager
def _running(where: Where, folder: Path, bundles: Path) -> Iterator[Running]:
    """Run an installation, and find it in order while nothing is pulled."""
    try:
        with installation(where, folder, bundle_dir=bundles, in_haste=True) as here:
            trial, images_a_second = baseline(here, INSTANCES, is_full=False)
            assert trial.wrong == ()
            yield Running(here, images_a_second)
    except ServerAbsentError as absent:
        skip_or_fail(str(absent))


def _faults(where: Where) -> pytest.MarkDecorator:
    faults = [fault for fault in FAULTS if where in fault.in_short]
    return pytest.mark.parametrize("fault", faults, ids=[fault.name for fault in faults])


@_faults(Where.SERVERS)
def test_nothing_is_lost_and_nothing_is_doubled(on_servers: Running, fault: Fault) -> None:
    """Each image acknowledged with Success ends in its one state, with one report, in time."""
    _pull(fault, on_servers)


@_faults(Where.EMBEDDED)
def test_nothing_is_lost_where_no_server_is(embedded: Running, fault: Fault) -> None:
    """The same on SQLite and the embedded broker."""
    _pull(fault, embedded)


def _pull(fault: Fault, running: Running) -> None:
    here = running.here
    if fault.needs_disk and not isinstance(here.disk, SmallDisk):
        pytest.skip(here.disk)
    trial = run_trial(
        fault, here, INSTANCES, is_full=False, images_a_second=running.images_a_second
    )
    assert trial.wrong == ()
    assert (trial.instances, trial.lost, trial.doubled) == (INSTANCES, 0, 0)
