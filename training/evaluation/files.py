"""An evaluation as JSON, as CSV files, and as tables on the terminal."""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.console import print_table
from training.errors import TrainingError
from training.evaluation.of_runs import EnsembleEvaluation, RunEvaluation, RunsEvaluation
from training.metrics.classification import ClassEvaluation, Estimate, Evaluation, SetEvaluation

FIGURES = (
    "accuracy",
    "sensitivity",
    "specificity",
    "precision",
    "f1",
    "roc_area",
    "average_precision",
    "calibration_error",
)


def evaluation_json(found: RunsEvaluation) -> dict[str, Any]:
    """Return all figures as plain values: fractions, null where undefined, no curves."""
    return {
        "part": found.part.value,
        "runs": [_run(each) for each in found.runs],
        "ensemble": ensemble_json(found.ensemble) if found.ensemble else None,
    }


def estimate_json(estimate: Estimate) -> dict[str, float | None]:
    """Return a figure and its 95 % interval."""
    low = estimate.interval.low if estimate.interval else None
    high = estimate.interval.high if estimate.interval else None
    return {"value": estimate.value, "low": low, "high": high}


def classifier_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return the figures of one classifier, pooled and per source."""
    return {
        "name": evaluation.name,
        "pooled": _set(evaluation.pooled),
        "sources": {
            each.source: {"left_out": each.left_out, **_set(each.figures)}
            for each in evaluation.sources
        },
    }


def all_evaluations(found: RunsEvaluation) -> Iterator[Evaluation]:
    """Yield every classifier's figures, the ensemble's last."""
    for run in found.runs:
        yield run.own
        if run.three_classes:
            yield run.three_classes
    if found.ensemble:
        yield from found.ensemble.members
        yield found.ensemble.ensemble


def write_evaluation(directory: Path, found: RunsEvaluation) -> None:
    """Write evaluation.json, curves.csv and one confusion matrix per classifier.

    The matrices are what `screening train metrics` reads. Raises TrainingError on a full disk.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(evaluation_json(found), indent=2, allow_nan=False)
        (directory / "evaluation.json").write_text(text + "\n", encoding="utf-8")
        for each in all_evaluations(found):
            _write_confusion(directory / f"confusion-{_file_name(each.name)}.csv", each)
        with (directory / "curves.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["classifier", "class", "curve", "threshold", "x", "y"])
            for each in all_evaluations(found):
                writer.writerows(_curve_points(each))
    except OSError as error:
        raise TrainingError(
            f"cannot write the evaluation to {directory}: {error.strerror}; name another --out"
        ) from error


def print_evaluation(found: RunsEvaluation) -> None:
    """Print the figures in percent with their intervals."""
    for run in found.runs:
        if run.leaked:
            print_lines(
                f"{run.own.name}: {run.leaked} images are of patients that were trained on; its "
                "figures flatter"
            )
    for each in all_evaluations(found):
        print_classifier(each, found.part.value)
    if found.ensemble:
        print_ensemble_choice(found.ensemble)


def print_ensemble_choice(found: EnsembleEvaluation) -> None:
    """Print how members are combined, and what that gains."""
    how = "chosen on validation data" if found.chosen else "equal, nothing was chosen"
    for combination in found.combinations:
        print_lines(
            f"weights {_numbers(combination.weights)}, temperatures "
            f"{_numbers(combination.temperatures)} ({how})"
        )
    print_lines(
        f"ensemble against {found.best_member}, its best member: accuracy "
        f"{in_percent(found.gain, sign=True)} percentage points"
    )


def in_percent(estimate: Estimate, *, sign: bool = False) -> str:
    """Return "91.20 (89.00-93.10)", with "+" before gains where asked, or "undefined"."""
    if estimate.value is None:
        return "undefined"
    form = "+.2f" if sign else ".2f"
    shown = format(100 * estimate.value, form)
    if estimate.interval is None:
        return shown
    between = " to " if sign else "-"
    ends = (format(100 * end, form) for end in (estimate.interval.low, estimate.interval.high))
    return f"{shown} ({between.join(ends)})"


def print_lines(*lines: str) -> None:
    """Print lines as they are."""
    for line in lines:
        print(line)  # noqa: T201  this module prints for a command


def print_classifier(evaluation: Evaluation, part: str) -> None:
    """Print a classifier's figures, pooled and for each source; part: of which split."""
    pooled = evaluation.pooled
    print_table(
        f"{evaluation.name}: {part}, {pooled.images} images of {pooled.groups} groups; percent "
        "(95 % interval)",
        ("class", "images", "accuracy", "sensitivity", "specificity", "precision", "F1", "ROC"),
        [
            (
                name,
                found.images,
                *(in_percent(getattr(found, figure)) for figure in FIGURES[:6]),
            )
            for name, found in pooled.classes.items()
        ],
    )
    error = ", ".join(
        f"{name} {in_percent(found.calibration_error)}" for name, found in pooled.classes.items()
    )
    print_lines(
        f"accuracy {in_percent(pooled.accuracy)}, at equal class sizes "
        f"{in_percent(pooled.balanced_accuracy)}; expected calibration error: {error}"
    )
    print_table(
        f"{evaluation.name}: sources alone",
        ("source", "trained on", "images", "accuracy", *(f"{n} sens." for n in pooled.classes)),
        [
            (
                each.source,
                "no" if each.left_out else "yes",
                each.figures.images,
                in_percent(each.figures.accuracy),
                *(in_percent(found.sensitivity) for found in each.figures.classes.values()),
            )
            for each in evaluation.sources
        ],
    )


def _run(run: RunEvaluation) -> dict[str, Any]:
    return {
        "protocol": run.run_folds[0].record.protocol,
        "identity": run.run_folds[0].record.identity,
        "folds": [fold.fold for fold in run.run_folds],
        "images_of_groups_in_training": run.leaked,
        "own": classifier_json(run.own),
        "by_fold": [_set(each.pooled) for each in run.folds],
        "three_classes": classifier_json(run.three_classes) if run.three_classes else None,
    }


def ensemble_json(found: EnsembleEvaluation) -> dict[str, Any]:
    """Return the figures of an ensemble and its members."""
    return {
        "combinations": [asdict(each) for each in found.combinations],
        "chosen_on_validation_data": found.chosen,
        "ensemble": classifier_json(found.ensemble),
        "members": [classifier_json(each) for each in found.members],
        "best_member": found.best_member,
        "accuracy_gain_over_best_member": estimate_json(found.gain),
    }


def _set(found: SetEvaluation) -> dict[str, Any]:
    return {
        "images": found.images,
        "groups": found.groups,
        "accuracy": estimate_json(found.accuracy),
        "balanced_accuracy": estimate_json(found.balanced_accuracy),
        "confusion": {"classes": list(found.confusion.classes), "counts": found.confusion.counts},
        "classes": {name: _class(each) for name, each in found.classes.items()},
    }


def _class(found: ClassEvaluation) -> dict[str, Any]:
    figures = {name: estimate_json(getattr(found, name)) for name in FIGURES}
    return {"images": found.images, **figures}


def _write_confusion(path: Path, evaluation: Evaluation) -> None:
    matrix = evaluation.pooled.confusion
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["true", *matrix.classes])
        writer.writerows(
            (name, *counts) for name, counts in zip(matrix.classes, matrix.counts, strict=True)
        )


def _curve_points(evaluation: Evaluation) -> Iterator[tuple[object, ...]]:
    for name, found in evaluation.pooled.classes.items():
        where = (evaluation.name, name)
        if found.roc:
            points = (found.roc.thresholds, found.roc.false_positive_rate, found.roc.sensitivity)
            yield from ((*where, "roc", *map(float, point)) for point in zip(*points, strict=True))
        if found.precision_recall:
            curve = found.precision_recall
            points = (curve.thresholds, curve.sensitivity, curve.precision)
            for point in zip(*points, strict=True):
                yield (*where, "precision-recall", *map(float, point))
        for each in found.reliability.bins if found.reliability else ():
            if each.images:
                yield (*where, "reliability", each.low, each.mean_probability, each.frequency)


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-." else "-" for c in name).replace("--", "-")


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)
