"""The demonstration ensemble for small pictures: both real networks, some ten times as fast."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

SIDE_PIXELS = 96


def make_bundle(directory: Path) -> None:
    """Write the bundle in a process of its own, since TensorFlow is not for this one."""
    command = [sys.executable, "-m", "tests.faults.bundle", str(directory)]
    made = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
    if made.returncode:
        raise RuntimeError(f"the bundle was not made: {made.stderr[-2000:]}")


def main() -> None:
    """Write the bundle to the directory that is named."""
    from screening.settings import quiet_tensorflow

    quiet_tensorflow()
    from screening.classify import untrained
    from screening.networks.architectures import ARCHITECTURES

    small = {
        name: replace(architecture, height=SIDE_PIXELS, width=SIDE_PIXELS)
        for name, architecture in ARCHITECTURES.items()
    }
    vars(untrained)["ARCHITECTURES"] = small
    untrained.make_untrained_bundle(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
