"""The table of hospitals left out: as JSON, and on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.console import print_table
from training.evaluation.acceptance import VERDICTS
from training.evaluation.files import estimate_json, in_percent, print_lines
from training.left_out.alert_budget import TARGET_RATIO, UNLABELLED, BudgetFigures
from training.left_out.figures import LEAST_IMAGES, Figure, HospitalFigures, LeftOutFigures, Told
from training.left_out.scores import Kind
from training.metrics.classification import Estimate

HOW = (
    "Each hospital is scored by networks that saw none of its images. An area compares its "
    "own images with its own normals, or other diseases; where it has fewer than "
    f"{LEAST_IMAGES}, with those of the hospitals left out of the same run, else of other runs, "
    "adults with adults. Thresholds were chosen on validation images of other hospitals. A mean is "
    f"over the hospitals with at least {LEAST_IMAGES} images of the class. 95 % intervals by "
    "resampling patients and groups of duplicates within each hospital."
)


def left_out_json(found: LeftOutFigures) -> dict[str, Any]:
    """Return plain values: fractions, null where a hospital lacks the images."""
    return {
        "how": HOW,
        "columns": [figure.value for figure in Figure],
        "hospitals": [_hospital(each) for each in found.hospitals],
        "mean": {figure.value: estimate_json(found.means[figure]) for figure in Figure},
        "pooled": {figure.value: estimate_json(found.pooled[figure]) for figure in Figure},
        "figures": [each.as_json() for each in found.bars],
        "alert_budget": [_budget(each) for each in found.budgets],
    }


def _budget(found: BudgetFigures) -> dict[str, Any]:
    return {
        "hospital": found.hospital,
        "images": found.images,
        "lent": dict(found.lent),
        "prevalence": found.prevalence,
        "raised_before": estimate_json(found.raised_before),
        "covid19_among_raised_before": estimate_json(found.before),
        "covid19_among_raised_calibrated": estimate_json(found.after),
        "ceiling": estimate_json(found.ceiling),
        "ratio": estimate_json(found.ratio),
        "reached": found.reached,
    }


def _hospital(found: HospitalFigures) -> dict[str, Any]:
    return {
        "hospital": found.hospital,
        "images": {kind.value: count for kind, count in found.images.items()},
        "figures": {
            figure.value: _told(found.told[figure]) if figure in found.told else None
            for figure in Figure
        },
    }


def _told(told: Told) -> dict[str, Any]:
    return {
        **estimate_json(told.estimate),
        "against": dict(told.against),
        "counts_in_the_mean": told.counts,
    }


def print_left_out(found: LeftOutFigures) -> None:
    """Print the bars, then each hospital, the mean and the pooled figures, and who was compared."""
    print_table(
        "hospitals left out: what a release is held to; percent (95 % interval)",
        ("figure", "bar", "measured", ""),
        [
            (
                each.bar.figure,
                f"at least {100 * each.bar.limit:g}",
                in_percent(each.measured),
                VERDICTS[each.reached],
            )
            for each in found.bars
        ],
    )
    print_table(
        "hospitals left out; percent (95 % interval)",
        ("hospital", "COVID-19, normal, other", *(figure.value for figure in Figure)),
        [
            *((each.hospital, _counts(each.images), *_cells(each)) for each in found.hospitals),
            ("mean", "", *(in_percent(found.means[figure]) for figure in Figure)),
            ("pooled", "", *(in_percent(found.pooled[figure]) for figure in Figure)),
        ],
    )
    _print_budgets(found.budgets)
    for each in found.hospitals:
        for figure, told in each.told.items():
            if set(told.against) - {each.hospital}:
                lent = ", ".join(f"{name} {count}" for name, count in told.against.items())
                print_lines(f"{each.hospital}, {figure.value}: compared with images of {lent}")
    print_lines(HOW)


def _print_budgets(budgets: Sequence[BudgetFigures]) -> None:
    """Print what a calibration would bring each hospital; nothing where none has enough images."""
    if not budgets:
        return
    print_table(
        f"a calibration of its own, from {UNLABELLED} images without labels, at a budget of the "
        "true share of COVID-19; percent (95 % interval)",
        (
            "hospital",
            "images",
            "COVID-19",
            "STAT or HIGH before",
            "COVID-19 among these",
            "among those raised by rank",
            "ceiling of its order",
            "ratio",
            f"bar: {TARGET_RATIO:g} times, or the ceiling",
        ),
        [
            (
                each.hospital,
                f"{each.images}{' with lent ones' if each.lent else ''}",
                f"{100 * each.prevalence:.1f}",
                in_percent(each.raised_before),
                in_percent(each.before),
                in_percent(each.after),
                in_percent(each.ceiling),
                _ratio(each.ratio),
                each.reached,
            )
            for each in budgets
        ],
    )


def _ratio(ratio: Estimate) -> str:
    if ratio.value is None or ratio.interval is None:
        return "undefined" if ratio.value is None else f"{ratio.value:.2f}"
    return f"{ratio.value:.2f} ({ratio.interval.low:.2f}-{ratio.interval.high:.2f})"


def _counts(images: Mapping[Kind, int]) -> str:
    return ", ".join(str(images[kind]) for kind in Kind)


def _cells(found: HospitalFigures) -> list[str]:
    return [
        in_percent(found.told[figure].estimate) if figure in found.told else "-"
        for figure in Figure
    ]
