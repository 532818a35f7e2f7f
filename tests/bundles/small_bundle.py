"""The demonstration ensemble for small images: of both real networks, or of two thin ones.

A test of the networks, of memory or of a start from nothing takes the real ones, which at this size
are some ten times as fast. Where stations are killed, cut off and started again around them, thin
ones do: `tests.sites.prefork` forks stations that know them.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[2]


def make_small_bundle(bundles: Path) -> None:
    """Write `untrained`, of both real networks, to a folder that has none yet.

    In a process of its own: TensorFlow is not for this one.
    """
    _make(bundles, "real")


def make_thin_bundle(bundles: Path) -> None:
    """Write `untrained`, of two thin networks, to a folder that has none yet."""
    _make(bundles, "thin")


def _make(bundles: Path, networks: str) -> None:
    if (bundles / "untrained").exists():
        return
    command = [sys.executable, "-m", "tests.bundles.small_bundle", networks]
    environment = {**os.environ, "SCREENING_BUNDLE_DIR": str(bundles.resolve())}
    made = subprocess.run(
        command,
        env=environment,
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
    )
    if made.returncode:
        raise RuntimeError(f"the bundle was not made: {made.stderr[-2000:]}")


def main() -> None:
    """Run `screening bundles make-untrained` with other networks: `real` or `thin`."""
    from screening.settings import choose_runtime

    choose_runtime()
    from screening.cli.main import app
    from screening.ensemble import untrained
    from screening.networks.architectures import ARCHITECTURES
    from tests.bundles.thin_networks import SIDE_PIXELS, THIN_ARCHITECTURES

    small = {
        name: replace(architecture, height=SIDE_PIXELS, width=SIDE_PIXELS)
        for name, architecture in ARCHITECTURES.items()
    }
    vars(untrained)["ARCHITECTURES"] = THIN_ARCHITECTURES if sys.argv[1] == "thin" else small
    app(["bundles", "make-untrained"])


if __name__ == "__main__":
    main()
