"""What came of a run of the suite, as it is written to JSON and read again."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.bars import Row, Verdict
from tests.benchmarks.figures import Figure
from tests.benchmarks.machine import describe
from tests.benchmarks.run import NotHereError, Run, WrongOutputError
from tests.services.servers import ServerAbsentError


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one row.

    wrong: why its figures mean nothing, "" where the output was right. not_here: what this machine
    lacks, "" where it was measured. The others are those of `Run`.
    """

    number: int
    name: str
    took_s: float
    figures: tuple[Figure, ...] = ()
    checked: tuple[str, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tables: Mapping[str, list[list[str]]] = field(default_factory=dict)
    wrong: str = ""
    not_here: str = ""

    def verdicts(self, row: Row) -> list[Verdict]:
        """Return the verdict on each bar of its row."""
        return [bar.verdict(self.figures) for bar in row.bars]


@dataclass(frozen=True, slots=True)
class Results:
    """A run of the suite."""

    started_at: str
    is_short: bool
    machine: Mapping[str, str]
    rows: tuple[Result, ...]

    @property
    def is_right(self) -> bool:
        """Whether every benchmark that ran had the right output."""
        return not any(result.wrong for result in self.rows)


def measure(
    rows: Sequence[Row],
    *,
    is_short: bool,
    bundle_dir: Path | None = None,
    sizes: Mapping[str, int] | None = None,
    tell: Callable[[Row, Result], None] = lambda _row, _result: None,
) -> Results:
    """Measure rows one after the other, each in a folder that is removed afterwards.

    bundle_dir: a folder with the small bundle of the short form. tell: is told of each result.
    """
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    machine = describe(Path(tempfile.gettempdir()))
    results = []
    with tempfile.TemporaryDirectory(prefix="bench-bundles-") as bundles:
        small = bundle_dir or Path(bundles)
        for row in rows:
            folder = Path(tempfile.mkdtemp(prefix=f"bench-{row.name}-"))
            try:
                run = Run(folder, is_short, small if is_short else None, sizes or {})
                results.append(_measured(row, run))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            tell(row, results[-1])
    return Results(started_at, is_short, machine, tuple(results))


def write_json(results: Results, path: Path) -> None:
    """Write results for programs, and for `read_json`."""
    path.write_text(json.dumps(asdict(results), indent=1, ensure_ascii=False), encoding="utf-8")


def read_json(path: Path) -> Results:
    """Read what `write_json` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    rows = []
    for row in found.pop("rows"):
        figures = tuple(
            Figure(one["name"], one["unit"], tuple(one["values"])) for one in row.pop("figures")
        )
        several = {name: tuple(row.pop(name)) for name in ("checked", "notes")}
        rows.append(Result(figures=figures, **several, **row))
    return Results(rows=tuple(rows), **found)


def _measured(row: Row, run: Run) -> Result:
    started = time.monotonic()
    wrong = not_here = ""
    try:
        row.measure(run)
    except WrongOutputError as error:
        wrong = str(error)
    except (NotHereError, ServerAbsentError) as error:
        not_here = str(error)
    return Result(
        number=row.number,
        name=row.name,
        took_s=time.monotonic() - started,
        figures=tuple(run.figures),
        checked=tuple(run.checked),
        absent=run.absent,
        notes=tuple(run.notes),
        tables=run.tables,
        wrong=wrong,
        not_here=not_here,
    )
