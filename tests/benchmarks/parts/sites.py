"""Sites that benchmarks run: stations as new interpreters, on the bundle that is measured.

In the short form they are forked, as the tests' stations are.
"""

import contextlib
import time
from collections.abc import Iterator

from screening.bundles.registry import RELEASED_DIRECTORY, Bundle, find_bundles, load_bundle
from screening.cli.operations.bundles import activate_bundle
from tests.benchmarks.run import Run, WrongOutputError
from tests.bundles.small_bundle import make_small_bundle
from tests.sites.site import Site, running_site

POLL_S = 0.01


def bundle_of(run: Run) -> Bundle:
    """Return the bundle that is measured: the newest released one; in the short form a small one.

    The small one is made where it is not there yet.
    """
    if run.bundle_dir is None:
        return find_bundles([RELEASED_DIRECTORY])[-1]
    make_small_bundle(run.bundle_dir)
    return load_bundle(run.bundle_dir / "untrained")


@contextlib.contextmanager
def scoring_site(run: Run, name: str, **variables: str) -> Iterator[Site]:
    """Yield a site whose active bundle is the one that is measured."""
    bundle, folder = bundle_of(run), run.room(name)
    directory = run.bundle_dir or folder / "bundles"
    with running_site(folder, bundle_dir=directory, **variables) as site:
        site.forks_stations = run.is_short
        with contextlib.closing(site.database) as database:
            activate_bundle(database, bundle, by="benchmark")
        yield site


def wait_for_event(site: Site, station: str, event: str) -> None:
    """Wait until a station has logged an event. Raises WrongOutputError where it ends instead."""
    process = site.processes[station]
    while event not in site.log(station):
        if process.poll() is not None:
            raise WrongOutputError(f"{station} ended: {site.log(station)[-1000:]}")
        time.sleep(POLL_S)
