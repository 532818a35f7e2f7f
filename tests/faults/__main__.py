"""The full form: `make test-faults`. Prints a table; exit status 1 where a promise was broken."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bundles.small_bundle import make_small_bundle
from tests.faults.installation import Installation, Where, installation
from tests.faults.small_disk import SmallDisk
from tests.faults.table import FAULTS, Fault
from tests.faults.trial import Trial, baseline, run_trial
from tests.services.servers import ServerAbsentError

INSTANCES = 1000
COLUMNS = (
    f"{'fault':45} {'installation':17} {'inst.':>5} {'lost':>4} {'dbl.':>4} {'SR once':>7} "
    f"{'again':>5} {'recovery':>9} {'work':>6}  what was done"
)


def main() -> int:
    """Run the faults asked for, all by default."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # processes and disks go with us
    print(COLUMNS, flush=True)
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        bundles = asked.bundles or folder / "bundles"
        make_small_bundle(bundles)
        kept = [kept for where in Where for kept in _trials(where, folder, bundles, asked)]
    return 0 if all(kept) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--instances", type=int, default=INSTANCES, help="images for each fault")
    parser.add_argument("--only", default="", help="faults and installations with this in the name")
    parser.add_argument("--short", action="store_true", help="short faults, leases of seconds")
    parser.add_argument("--bundles", type=Path, help="keep the networks here for another time")
    return parser.parse_args()


def _trials(where: Where, folder: Path, bundles: Path, asked: argparse.Namespace) -> Iterator[bool]:
    """Yield for each fault of one installation whether the promises held."""
    wanted = asked.only.lower()
    faults = [
        fault
        for fault in FAULTS
        if where in fault.where and wanted in f"{fault.name} / {where}".lower()
    ]
    if not faults:
        return
    at = folder / where.name.lower()
    at.mkdir()
    is_full = not asked.short
    try:
        with installation(where, at, bundle_dir=bundles, in_haste=asked.short) as here:
            trial, images_a_second = baseline(here, asked.instances, is_full=is_full)
            yield _print(trial)
            for fault in faults:
                yield _tried(fault, here, asked.instances, images_a_second, is_full=is_full)
    except ServerAbsentError as absent:
        print(f"{where}: not run, {absent}", flush=True)


def _tried(
    fault: Fault, here: Installation, instances: int, images_a_second: float, *, is_full: bool
) -> bool:
    if fault.needs_disk and not isinstance(here.disk, SmallDisk):
        print(f"{fault.name:45} {here.where:17} not run: {here.disk}", flush=True)
        return True
    try:
        trial = run_trial(fault, here, instances, is_full=is_full, images_a_second=images_a_second)
    except AssertionError as error:
        print(f"{fault.name:45} {here.where:17} FAILED: {error}", flush=True)
        return False
    return _print(trial)


def _print(trial: Trial) -> bool:
    print(
        f"{trial.fault.name:45} {trial.where:17} {trial.instances:5} {trial.lost:4} "
        f"{trial.doubled:4} {trial.reports:7} {trial.sent_again:5} {trial.recovery_s:7.1f} s "
        f"{trial.work_s:4.0f} s  {trial.did}",
        flush=True,
    )
    for wrong in trial.wrong[:20]:
        print(f"    WRONG: {wrong}", flush=True)
    return trial.is_kept


if __name__ == "__main__":
    sys.exit(main())
