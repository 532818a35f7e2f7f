"""The demonstration ensemble for small pictures: both real networks, some ten times as fast."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

SIDE_PIXELS = 96
ROOT = Path(__file__).parents[2]


def make_small_bundle(bundles: Path) -> None:
    """Write `untrained` to a folder that has none yet.

    In a process of its own: TensorFlow is not for this one.
    """
    if (bundles / "untrained").exists():
        return
    command = [sys.executable, "-m", "tests.bundles.small_bundle"]
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
    """Run `screening bundles make-untrained` with networks for smaller pictures."""
    from screening.settings import quiet_tensorflow

    quiet_tensorflow()
    from screening.cli.main import app
    from screening.ensemble import untrained
    from screening.networks.architectures import ARCHITECTURES

    small = {
        name: replace(architecture, height=SIDE_PIXELS, width=SIDE_PIXELS)
        for name, architecture in ARCHITECTURES.items()
    }
    vars(untrained)["ARCHITECTURES"] = small
    app(["bundles", "make-untrained"])


if __name__ == "__main__":
    main()
