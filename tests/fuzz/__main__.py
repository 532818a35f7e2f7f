"""The full form: `make test-fuzz`. Prints a table; exit status 1 where anything was found."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from tests.fuzz.findings import Findings
from tests.fuzz.guide import Row, fuzz_for
from tests.fuzz.pdu_target import pdus_for

CPU_MINUTES = 30.0
COLUMNS = f"{'target':8} {'led by':11} {'inputs':>8} {'CPU':>9} {'findings':>8}  reached"
Fuzz = Callable[[Path, Findings, float], Row]


def _guided(name: str, folder: Path, findings: Findings, budget_s: float) -> Row:
    return fuzz_for(name, folder, findings, budget_s=budget_s, options=("--real",))


TARGETS: Mapping[str, tuple[float, Fuzz]] = {
    "pdus": (0.4, pdus_for),
    "objects": (0.5, partial(_guided, "objects")),
    "page": (0.1, partial(_guided, "page")),
}
"""What is fuzzed, and its part of the time."""


def main() -> int:
    """Fuzz the targets asked for, all by default."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # processes and folders go with us
    findings = Findings(asked.findings)
    print(COLUMNS, flush=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        rows = [_print(row) for row in _fuzzed(Path(name), findings, asked)]
    if any(row.findings for row in rows):
        print(f"inputs that do it: {asked.findings}", flush=True)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cpu-minutes", type=float, default=CPU_MINUTES, help="for all targets")
    parser.add_argument("--only", choices=TARGETS, help="this target alone, for all the time")
    parser.add_argument(
        "--findings",
        type=Path,
        default=Path(tempfile.gettempdir()) / "fuzz-findings",
        help="where inputs go that find something; some may be made of real objects",
    )
    return parser.parse_args()


def _fuzzed(folder: Path, findings: Findings, asked: argparse.Namespace) -> Iterator[Row]:
    for name, (part, fuzz) in TARGETS.items():
        if asked.only in (None, name):
            at = folder / name
            at.mkdir()
            yield fuzz(at, findings, 60 * asked.cpu_minutes * (1.0 if asked.only else part))


def _print(row: Row) -> Row:
    print(
        f"{row.target:8} {row.led_by:11} {row.inputs:8} {row.cpu_minutes:5.1f} min "
        f"{len(row.findings):8}  {row.reached}",
        flush=True,
    )
    for finding in row.findings:
        print(f"    FOUND: {finding}", flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main())
