"""`screening train`: the training package's commands, joined to the CLI by an entry point.

Everything heavy is imported inside the commands: `screening --help` must load neither Keras nor
this package's data side.
"""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.cli import datasets as scan_command
from training.cli import evaluate as evaluate_command
from training.cli import lung_field as lung_field_command
from training.cli import measure as bundle_commands
from training.cli import pack as pack_command
from training.cli import release as release_commands
from training.cli import run as run_commands
from training.cli import take as take_command

if TYPE_CHECKING:
    from training.metrics.confusion import ConfusionMatrix

app = typer.Typer(no_args_is_help=True, help="Train, evaluate and release networks.")
app.add_typer(scan_command.app, name="datasets")
app.add_typer(run_commands.app)
app.add_typer(lung_field_command.app)
app.add_typer(pack_command.app)
app.add_typer(take_command.app)
app.add_typer(evaluate_command.app)
app.add_typer(release_commands.app)
app.add_typer(bundle_commands.app)


@app.command()
def metrics(
    confusion: Annotated[
        Path,
        typer.Argument(
            metavar="CONFUSION.csv",
            help="First column the true class, one column per predicted class.",
        ),
    ],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: fractions, null where undefined.")
    ] = False,
) -> None:
    """Compute metrics from a confusion matrix.

    They are accuracy, sensitivity, specificity, precision and F1.

    Example: screening train metrics confusion.csv --json
    """
    from training.metrics.confusion import read_confusion_csv
    from training.metrics.from_counts import figures, figures_json

    matrix = read_confusion_csv(confusion)
    if as_json:
        typer.echo(figures_json(figures(matrix)))
    else:
        _print_figures(matrix)


def _print_figures(matrix: "ConfusionMatrix") -> None:
    from screening.domain.proportions import wilson_interval
    from training.console import print_table
    from training.metrics.from_counts import figures, one_versus_rest

    def shown(part: int, whole: int) -> str:
        interval = wilson_interval(part, whole)
        if interval is None:
            return "undefined"
        return f"{100 * part / whole:.2f} ({100 * interval.low:.2f}-{100 * interval.high:.2f})"

    found = figures(matrix)
    rows = []
    for name, counts in one_versus_rest(matrix).items():
        tp, fn = counts.true_positive, counts.false_negative
        fp, tn = counts.false_positive, counts.true_negative
        f1 = found.classes[name].f1
        rows.append(
            (
                name,
                shown(tp + tn, counts.images),
                shown(tp, tp + fn),
                shown(tn, tn + fp),
                shown(tp, tp + fp),
                "undefined" if f1 is None else f"{100 * f1:.2f}",
            )
        )
    columns = ("class", "accuracy", "sensitivity", "specificity", "precision", "F1")
    print_table("percent (95 % Wilson interval)", columns, rows)
    counts_array = matrix.array()
    overall = shown(int(counts_array.trace()), int(counts_array.sum()))
    typer.echo(f"overall accuracy {overall}; the intervals take images as independent")
