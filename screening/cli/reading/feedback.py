"""`screening feedback`: what readers found, in figures and as labels for training."""

import csv
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

app = typer.Typer(no_args_is_help=True, help="Readers' feedback: figures, and labels for training.")
COLUMNS = ("study_instance_uid", "label")


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print how well the active bundle does by feedback.

    Sensitivity, specificity and predictive values with their 95 % intervals (Wilson). Only studies
    with feedback count: where readers say more of studies that were called, sensitivity looks
    better than it is.

    Example: screening feedback show
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json, print_table
    from screening.db.feedback import feedback_on_active_bundle
    from screening.domain.observed import observed

    with opened_database() as (_, database):
        studies = feedback_on_active_bundle(database)
    found = observed(studies)
    if as_json:
        print_json(
            {
                "studies": [
                    {"label": label, "called": called, "count": count}
                    for (label, called), count in sorted(studies.items(), key=str)
                ],
                "observed": [
                    {
                        "figure": one.figure,
                        "target": one.target,
                        "value": one.value,
                        "low": one.interval.low,
                        "high": one.interval.high,
                        "right": one.right,
                        "studies": one.studies,
                    }
                    for one in found
                ],
            }
        )
        return
    print(f"studies with feedback that the active bundle scored: {sum(studies.values())}")
    if found:
        print_table(
            "observed by readers",
            ("target", "figure", "value", "95 % interval", "studies"),
            (
                (
                    one.target,
                    one.figure.replace("_", " "),
                    f"{100 * one.value:.1f} %",
                    f"{100 * one.interval.low:.1f} to {100 * one.interval.high:.1f} %",
                    f"{one.right} of {one.studies}",
                )
                for one in found
            ),
        )


@app.command()
def export(
    since: Annotated[
        str | None,
        typer.Option(metavar="T", help="Given since then: ISO date or time, or 7d, 12h."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to this file, which must be new.")
    ] = None,
) -> None:
    """Print each study's newest feedback as CSV.

    The columns are study_instance_uid and label: covid19, pneumonia, normal or other_abnormal. It
    names no reader and no patient. `screening site calibrate --labels` reads it.

    Example: screening feedback export --since 30d --to labels.csv
    """
    from screening.cli.opened import opened_database
    from screening.cli.reading.lists import point_in_time
    from screening.db.feedback import labelled_studies
    from screening.domain.shown_values import is_uid
    from screening.errors import ScreeningError

    begin = point_in_time(since) if since else None
    with opened_database() as (_, database):
        # what is no UID may name a patient
        rows = [
            (one.study_instance_uid, one.label.value)
            for one in labelled_studies(database, begin)
            if is_uid(one.study_instance_uid)
        ]
    if to is None:
        _write(sys.stdout, rows)
        return
    try:
        with to.open("x", encoding="utf-8", newline="") as file:
            _write(file, rows)
    except FileExistsError:
        raise ScreeningError(
            f"expected a new file, found {to}; name another one or remove it"
        ) from None
    print(f"{len(rows)} labels written to {to}")


def _write(file: TextIO, rows: list[tuple[str, str]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
