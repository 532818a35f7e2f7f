"""`screening train datasets scan`: public data sets in, a data manifest out."""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from training.datasets.scan import Progress
    from training.datasets.summary import ReportLine, Summary

LINES_SHOWN_PER_REASON = 5

app = typer.Typer(
    no_args_is_help=True,
    help="Data sets and manifests.",
    context_settings={"token_normalize_func": str.lower},
)


@app.callback()
def _datasets() -> None:
    """Keep `scan` a command of its own while it is the only one."""


@app.command()
def scan(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIR", help="Folders, each of one data set.")
    ],
    *,
    out: Annotated[Path, typer.Option(help="The manifest to write, .csv or .parquet.")] = Path(
        "data-manifest.csv"
    ),
    near_duplicates: Annotated[
        bool,
        typer.Option("--near-duplicates", help="Also group images that look the same."),
    ] = False,
    drop_duplicates: Annotated[
        bool,
        typer.Option("--drop-duplicates", help="Keep only the first of identical images."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a data manifest of public data sets.

    They are recognised by their own layout: ieee8023 covid-chestxray, RSNA pneumonia challenge,
    Kermany chest_xray, CoronaHack, the development pack, and a folder per class. A file
    .set-aside.csv beside the manifest lists every image that is left out, and every duplicate.

    Example: screening train datasets scan covid-chestxray-dataset/ chest_xray/ --out manifest.csv
    """
    from training.data.manifest import write_manifest
    from training.datasets.scan import scan as scan_folders
    from training.datasets.split_groups import NEAR_DUPLICATE_BITS
    from training.datasets.summary import report_lines, report_path, summarise, write_report

    _check_before_reading(out)
    with _progress(shown=not as_json) as progress:
        found = scan_folders(
            directories,
            near_duplicate_bits=NEAR_DUPLICATE_BITS if near_duplicates else None,
            drop_duplicates=drop_duplicates,
            progress=progress,
        )
    write_manifest(out, found.rows)
    lines = report_lines(found)
    write_report(report_path(out), lines)
    summary = summarise(found)
    if as_json:
        typer.echo(json.dumps(asdict(summary) | {"manifest": str(out)}, indent=2))
    else:
        _print(summary, lines, out)


def _check_before_reading(out: Path) -> None:
    """Refuse a format that cannot be written, and a file that is there and no data manifest.

    Data sets hold a manifest.csv too.
    """
    from training.data.manifest import is_manifest
    from training.data.manifest_file import check_format
    from training.errors import DataError

    check_format(out)
    if out.exists() and not is_manifest(out):
        raise DataError(f"{out} is there and is no data manifest; give another --out")


@contextmanager
def _progress(*, shown: bool) -> "Iterator[Progress]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("reading images", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=not shown)
    with bar:
        task = bar.add_task("reading images", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print(summary: "Summary", lines: "Sequence[ReportLine]", out: Path) -> None:
    from training.console import print_table
    from training.datasets.summary import report_path

    print_table(
        "images",
        ("source", "hospital", "label", "images", "split groups", "views"),
        (
            (
                each.source,
                ", ".join(each.hospitals),
                each.label,
                each.images,
                each.split_groups,
                _listed(each.views),
            )
            for each in summary.by_source_and_label
        ),
    )
    typer.echo(
        f"{summary.images} images ({_listed(summary.labels)}) in {summary.split_groups} split "
        f"groups, the largest of {summary.largest_split_group} images, "
        f"{summary.groups_across_sources} across sources; {summary.duplicates} duplicates, "
        f"{summary.near_duplicates} near duplicates"
    )
    for reason, same in groupby(lines, key=lambda line: line.reason):
        found = list(same)
        typer.echo(f"{reason}: {len(found)}")
        for line in found[:LINES_SHOWN_PER_REASON]:
            typer.echo(f"  {line.path}: {line.detail}")
    if lines:
        typer.echo(f"every one of these {len(lines)} is in {report_path(out)}")
    typer.echo(f"manifest {out}, digest {summary.digest}")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
