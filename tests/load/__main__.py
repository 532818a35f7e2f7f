"""The full form: `make test-load`. Prints a table; exit status 1 where a limit was broken."""

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.bundles.small_bundle import make_small_bundle
from tests.faults.installation import Where, installation
from tests.load.table import LOADS
from tests.load.trial import COLUMNS, Load


def main() -> int:
    """Run the loads asked for, all by default, each on an installation of its own."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # processes and disks go with us
    print(COLUMNS, flush=True)
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        folder = Path(name)
        bundles = asked.bundles or folder / "bundles"
        make_small_bundle(bundles)
        wanted = [load for load in LOADS if asked.only.lower() in load.name.lower()]
        kept = [_tried(load, folder / str(n), bundles, asked) for n, load in enumerate(wanted)]
    return 0 if kept and all(kept) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--only", default="", help="loads with this in the name")
    parser.add_argument("--short", action="store_true", help="a few hundred instead of thousands")
    parser.add_argument("--amount", type=int, help="so many, or so many seconds of back-pressure")
    parser.add_argument("--bundles", type=Path, help="keep the networks here for another time")
    return parser.parse_args()


def _tried(load: Load, folder: Path, bundles: Path, asked: argparse.Namespace) -> bool:
    amount = asked.amount or (load.short if asked.short else load.full)
    shutil.copytree(bundles, folder / "bundles")
    try:
        with installation(
            Where.SERVERS, folder, bundle_dir=folder / "bundles", in_haste=False
        ) as here:
            trial = load.press(here, amount)
    except AssertionError as error:
        print(f"{load.name:28} FAILED: {error}", flush=True)
        return False
    print(trial.row, flush=True)
    for wrong in trial.wrong[:20]:
        print(f"    WRONG: {wrong}", flush=True)
    return not trial.wrong


if __name__ == "__main__":
    sys.exit(main())
