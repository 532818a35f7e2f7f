"""The report of runs: one page that needs nothing beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from screening.domain.proportions import Interval
from training.errors import TrainingError
from training.evaluation.files import in_percent
from training.evaluation.measurements import (
    EVALUATION_NAME,
    LEFT_OUT_NAME,
    OUTLIER_CHECK_NAME,
    PROBE_NAME,
    SITE_LEVELS_NAME,
    read_beside,
)
from training.evaluation.of_runs import RunEvaluation, RunsEvaluation
from training.metrics.classification import Estimate, Evaluation
from training.report.charts import Chart, Line, draw, range_of
from training.report.comparison import compared_tables, headline_figures
from training.report.image_sheet import Sheet
from training.runs.held_out_scores import TrainedFold
from training.runs.history import EpochRecord, read_history

UNIT = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class LearningCurves:
    """How one fold learnt; empty where its history is gone."""

    fold: TrainedFold
    charts: tuple[Markup, ...]


@dataclass(frozen=True, slots=True)
class ReportExtras:
    """What a report shows besides evaluations.

    sheets: of networks' maps. bundle: whose evaluation and outlier check are included, if measured.
    """

    sheets: Sequence[Sheet] = ()
    bundle: Path | None = None


def write_report(path: Path, found: RunsEvaluation, extras: ReportExtras | None = None) -> None:
    """Write the page: papers' tables beside ours, curves, confusion matrices, sources, maps.

    Raises TrainingError where the disk does not take it.
    """
    environment = Environment(
        loader=PackageLoader("training.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = in_percent
    environment.filters["json_percent"] = _json_percent
    extras = extras or ReportExtras()
    bundle = extras.bundle
    page = environment.get_template("report.html").render(
        found=found,
        tables=compared_tables(found.runs),
        headlines={run.own.name: headline_figures(run) for run in found.runs},
        learning=_learning,
        curves=_evaluation_charts,
        shade=_shade,
        sheets=extras.sheets,
        probes=_probes(found.runs),
        measured=read_beside(bundle, EVALUATION_NAME) if bundle else None,
        trial=read_beside(bundle, OUTLIER_CHECK_NAME) if bundle else None,
        left_out=read_beside(bundle, LEFT_OUT_NAME) if bundle else None,
        is_of_bundle=bundle is not None,
        never_seen=read_beside(bundle, SITE_LEVELS_NAME) if bundle else None,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror}; name another --out") from error


def _probes(runs: Sequence[RunEvaluation]) -> list[dict[str, Any]]:
    """Return the source probes that lie beside the folds' weights."""
    folds = [fold for run in runs for fold in run.run_folds]
    return [found for fold in folds if (found := read_beside(fold.directory, PROBE_NAME))]


def _json_percent(estimate: Mapping[str, float | None]) -> str:
    """Return "91.20 (89.00-93.10)" of a measured document's figure, or "undefined"."""
    value, low, high = (estimate[name] for name in ("value", "low", "high"))
    interval = Interval(low, high) if low is not None and high is not None else None
    return in_percent(Estimate(value, interval))


def _learning(run: RunEvaluation) -> tuple[LearningCurves, ...]:
    return tuple(
        LearningCurves(fold, _learning_charts(read_history(fold.history))) for fold in run.run_folds
    )


def _learning_charts(records: Sequence[EpochRecord]) -> tuple[Markup, ...]:
    if not records:
        return ()
    losses = [r.loss for r in records] + [r.validation_loss for r in records]
    epochs = (1.0, float(max(len(records), 2)))

    def chart(title: str, field: str, limits: tuple[float, float]) -> Markup:
        return draw(
            Chart(
                title=title,
                x_label="epoch",
                y_label=title.lower(),
                x_range=epochs,
                y_range=limits,
                lines=(
                    Line("training", _by_epoch(records, field)),
                    Line("validation", _by_epoch(records, f"validation_{field}")),
                ),
            )
        )

    return chart("Loss", "loss", range_of(losses)), chart("Accuracy", "accuracy", UNIT)


def _by_epoch(records: Sequence[EpochRecord], field: str) -> list[tuple[float, float]]:
    """Return a figure over the epochs of all phases, counted on."""
    return [(float(n), float(getattr(each, field))) for n, each in enumerate(records, 1)]


def _evaluation_charts(evaluation: Evaluation) -> tuple[Markup, ...]:
    roc, precision_recall, reliable = [], [], []
    for name, found in evaluation.pooled.classes.items():
        if found.roc:
            points = _points(found.roc.false_positive_rate, found.roc.sensitivity)
            area = in_percent(found.roc_area)
            roc.append(Line(f"{name}, area {area} %", points))
        if found.precision_recall:
            points = _points(found.precision_recall.sensitivity, found.precision_recall.precision)
            area = in_percent(found.average_precision)
            precision_recall.append(Line(f"{name}, area {area} %", points))
        if found.reliability:
            bins = [
                (each.mean_probability, each.frequency)
                for each in found.reliability.bins
                if each.mean_probability is not None and each.frequency is not None
            ]
            reliable.append(Line(f"{name}, error {in_percent(found.calibration_error)} %", bins))
    return (
        _unit_chart("ROC", "1 - specificity", "sensitivity", roc, diagonal=True),
        _unit_chart("Precision and recall", "sensitivity", "precision", precision_recall),
        _unit_chart("Reliability", "probability", "frequency", reliable, diagonal=True),
    )


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[tuple[float, float]]:
    return list(zip(map(float, x), map(float, y), strict=True))


def _unit_chart(
    title: str, x_label: str, y_label: str, lines: Sequence[Line], *, diagonal: bool = False
) -> Markup:
    return draw(
        Chart(
            title=title,
            x_label=x_label,
            y_label=y_label,
            x_range=UNIT,
            y_range=UNIT,
            lines=tuple(lines),
            diagonal=diagonal,
        )
    )


def _shade(count: int, row: Sequence[int]) -> str:
    """Return how dark a cell of a confusion matrix is: its share of the row, 0 to 1."""
    return f"{count / max(sum(row), 1):.2f}"
