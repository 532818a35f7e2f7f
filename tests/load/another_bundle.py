"""The same networks as another version, so that there is something to put through them again."""

import json
import shutil
from itertools import count

from screening.bundles.manifest import MANIFEST_NAME
from tests.faults.installation import Installation

_versions = count(1)


def activate_another_bundle(here: Installation) -> None:
    """Make a copy of the bundle with another version and activate it."""
    version = f"load-{next(_versions)}"
    bundles = here.site.settings.resolved_bundle_dir
    copy = shutil.copytree(bundles / "untrained", bundles / version)
    manifest = json.loads((copy / MANIFEST_NAME).read_bytes())
    (copy / MANIFEST_NAME).write_text(json.dumps({**manifest, "version": version}))
    here.site.run("bundles", "activate", f"untrained@{version}", "--yes")
