"""Load in the short form: no leak, nothing aborted, nothing lost, everything in its turn.

`make test-load` is the full form.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.installation import Installation, Where, installation
from tests.load.table import LOADS
from tests.load.trial import Load
from tests.services.programs import skip_or_fail
from tests.services.servers import ServerAbsentError

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def running(
    thin_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Run an installation on servers, with the product's own settings and thin networks."""
    folder = tmp_path_factory.mktemp("load")
    shutil.copytree(thin_bundle_dir, folder / "bundles")
    try:
        with installation(
            Where.SERVERS,
            folder,
            bundle_dir=folder / "bundles",
            in_haste=False,
            knows_thin=True,
        ) as here:
            yield here
    except ServerAbsentError as absent:
        skip_or_fail(str(absent))


@pytest.mark.parametrize("load", LOADS, ids=[load.name for load in LOADS])
def test_nothing_gives_way_under_load(running: Installation, load: Load) -> None:
    """Each limit of the full form but those on time, which is the machine's."""
    assert load.press(running, load.short).wrong == ()
