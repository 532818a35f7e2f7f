"""Plugs pulled while eight senders send: nothing lost, nothing doubled, one report each.

The short form, with few images and leases of seconds; `make test-faults` is the full one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.bundle import make_bundle
from tests.faults.installation import Installation, Where, installation
from tests.faults.small_disk import SmallDisk
from tests.faults.table import FAULTS, Fault
from tests.faults.trial import baseline, run_trial
from tests.programs import skip_or_fail
from tests.servers import ServerAbsentError

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow]
INSTANCES = 40
CASES = [(where, fault) for where in Where for fault in FAULTS if where in fault.in_short]


@dataclass(frozen=True, slots=True)
class Running:
    """An installation at work, and how fast it is undisturbed."""

    here: Installation
    images_a_second: float


@pytest.fixture(scope="module")
def small_bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the demonstration ensemble for small pictures."""
    folder = tmp_path_factory.mktemp("small-bundles")
    make_bundle(folder / "untrained")
    return folder


@pytest.fixture(scope="module")
def running(
    request: pytest.FixtureRequest, small_bundles: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Run an installation, and find it in order while nothing is pulled."""
    where: Where = request.param
    folder = tmp_path_factory.mktemp(where.name.lower())
    try:
        with installation(where, folder, bundle_dir=small_bundles, in_haste=True) as here:
            trial, images_a_second = baseline(here, INSTANCES, is_full=False)
            assert trial.wrong == ()
            yield Running(here, images_a_second)
    except ServerAbsentError as absent:
        skip_or_fail(str(absent))


@pytest.mark.parametrize(
    ("running", "fault"),
    CASES,
    indirect=["running"],
    scope="module",
    ids=[f"{fault.name} / {where}" for where, fault in CASES],
)
def test_nothing_is_lost_and_nothing_is_doubled(running: Running, fault: Fault) -> None:
    """Each image acknowledged with Success ends in its one state, with one report, in time."""
    here = running.here
    if fault.needs_disk and not isinstance(here.disk, SmallDisk):
        pytest.skip(here.disk)
    trial = run_trial(
        fault, here, INSTANCES, is_full=False, images_a_second=running.images_a_second
    )
    assert trial.wrong == ()
    assert (trial.instances, trial.lost, trial.doubled) == (INSTANCES, 0, 0)
