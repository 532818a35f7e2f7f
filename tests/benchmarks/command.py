"""What `screening bench` does: measure, print each row with its bars, write JSON and a page."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from screening.errors import StartupError
from screening.logs import configure_logs
from screening.settings import PREFIX
from tests.benchmarks.bars import Row
from tests.benchmarks.machine import is_busy, line
from tests.benchmarks.page import write_page
from tests.benchmarks.published import publish, write_scaling
from tests.benchmarks.results import Result, measure, read_json, write_json
from tests.benchmarks.scaling import plan
from tests.benchmarks.suite import ROWS
from tests.services.programs import leave_python_scripts_out


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody typed.

    names: of rows, all where it is empty. sizes: NAME=N each. earlier: results to show in place of
    measuring.
    """

    names: tuple[str, ...]
    is_short: bool
    sizes: tuple[str, ...]
    folder: Path
    earlier: Path | None
    publishes: bool


def print_names() -> None:
    """Print a line for each benchmark: number, name, minutes of the long form, work."""
    for row in ROWS:
        print(f"{row.number:>2}  {row.name:14} {row.minutes:4.1f} min  {row.work}")


def print_plan(images_a_day: int, earlier: Path | None) -> None:
    """Print what so many images a day need.

    earlier: results whose figures stand for those that docs/scaling.md has.
    """
    rows = read_json(earlier).rows if earlier else ()
    figures = [figure for row in rows for figure in row.figures]
    for need, what in plan(images_a_day, figures).items():
        print(f"{need:52} {what}")


def run(asked: Asked) -> bool:
    """Do what was asked; return whether every output was right.

    Raises StartupError where a name or a size is none.
    """
    rows, sizes = _rows(asked.names), _sizes(asked.sizes)
    _leave_own_settings_out()
    configure_logs("WARNING", station="bench")
    sys.excepthook = sys.__excepthook__  # whoever measures may read what went wrong
    if asked.earlier:
        results = read_json(asked.earlier)
        for row in ROWS:
            for result in results.rows:
                if result.name == row.name:
                    _tell(row, result, is_short=results.is_short)
    else:
        if is_busy() and not asked.is_short:
            print("Other work takes part of this machine: times and rates mean little.")
        results = measure(
            rows,
            is_short=asked.is_short,
            sizes=sizes,
            tell=lambda row, result: _tell(row, result, is_short=asked.is_short),
        )
    asked.folder.mkdir(parents=True, exist_ok=True)
    page, data = asked.folder / "index.html", asked.folder / "results.json"
    write_json(results, data)
    write_page(results, ROWS, page)
    print(f"\n{line(results.machine)}\n{page} and {data} have every figure.")
    if asked.publishes:
        print(f"{publish(results, ROWS)} has the table.")
        write_scaling()
    return results.is_right


def _rows(names: tuple[str, ...]) -> list[Row]:
    known = {row.name: row for row in ROWS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise StartupError(
            f"expected names among {', '.join(known)}, found {', '.join(unknown)}; "
            "`screening bench --list` says what each does"
        )
    return [known[name] for name in names] or list(ROWS)


def _sizes(given: tuple[str, ...]) -> Mapping[str, int]:
    sizes = {}
    for one in given:
        name, _, number = one.partition("=")
        if not number.isdecimal() or int(number) < 1:
            raise StartupError(f"expected a size such as images=48, found {one!r}")
        sizes[name.replace("-", " ")] = int(number)
    return sizes


def _leave_own_settings_out() -> None:
    """Measure the product's defaults, whatever this machine is set to."""
    leave_python_scripts_out()
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        if name != "SCREENING_DATA":
            del os.environ[name]


def _tell(row: Row, result: Result, *, is_short: bool) -> None:
    print(f"\n{row.number} {row.name}: {row.work} ({result.took_s:.0f} s)")
    if result.wrong:
        print(f"    WRONG OUTPUT: {result.wrong}", flush=True)
        return
    if result.not_here:
        print(f"    not measured: {result.not_here}", flush=True)
        return
    for name, why in result.absent.items():
        print(f"    left out: {name}: {why}")
    if is_short:
        print(f"    output right: {'; '.join(result.checked)}", flush=True)
        return
    for bar in row.bars:
        found = bar.found(result.figures)
        shown = str(found) if found else "-"
        print(f"    {bar.figure:62} {bar!s:>10}  {shown:34} {bar.verdict(result.figures).upper()}")
    barred = {bar.figure for bar in row.bars}
    for figure in result.figures:
        if figure.name not in barred:
            print(f"    {figure.name:62} {'':>10}  {figure}")
    for note in result.notes:
        print(f"    {note}")
    print(end="", flush=True)
