"""The figures of hospitals left out: each alone, their mean, and pooled after it.

A hospital is scored by the network that never saw it. Where it lacks the class to compare
with, the other hospitals left out of the same run lend theirs, whose scores are the same network's;
where those have none either, the hospitals left out of other runs do. Who lent stands in the table.
Intervals resample whole split groups, within each hospital for a mean over hospitals.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from screening.domain.proportions import wilson_interval
from screening.domain.triage import Priority
from training.evaluation.acceptance import Bar, ReleaseFigure
from training.left_out.alert_budget import BudgetFigures, budget_figures
from training.left_out.scores import Flags, Floats, HospitalScores, Kind, joined_scores
from training.metrics.classification import CURVE_RESAMPLES, Estimate
from training.metrics.curves import roc_curve
from training.metrics.intervals import bootstrap_values, percentile_interval

LEAST_IMAGES = 20
"""Of a class, for a hospital to count in a mean, and to be compared with its own images alone."""


class Figure(StrEnum):
    """The figures of each hospital."""

    COVID19_NORMAL = "COVID-19 against normal, AUC"
    COVID19_OTHER = "COVID-19 against other disease, AUC"
    ABNORMAL_NORMAL = "abnormal against normal, AUC"
    STAT = "COVID-19 in STAT"
    URGENT = "COVID-19 in STAT or HIGH"
    CALM = "normals in LOW or MEDIUM"


AREAS: Mapping[Figure, tuple[frozenset[Kind], Kind]] = {
    Figure.COVID19_NORMAL: (frozenset({Kind.COVID19}), Kind.NORMAL),
    Figure.COVID19_OTHER: (frozenset({Kind.COVID19}), Kind.OTHER),
    Figure.ABNORMAL_NORMAL: (frozenset({Kind.COVID19, Kind.OTHER}), Kind.NORMAL),
}
"""What is to score higher, all of the hospital's own, than what."""
SHARES: Mapping[Figure, tuple[Kind, frozenset[Priority]]] = {
    Figure.STAT: (Kind.COVID19, frozenset({Priority.STAT})),
    Figure.URGENT: (Kind.COVID19, frozenset({Priority.STAT, Priority.HIGH})),
    Figure.CALM: (Kind.NORMAL, frozenset({Priority.MEDIUM, Priority.LOW})),
}
"""For each figure: which images, and the share of which priorities among them."""
MEAN_BARS: Mapping[Figure, Bar] = {
    Figure.COVID19_NORMAL: Bar(
        "COVID-19 against normal, AUC, mean over hospitals left out",
        0.90,
        "DeepCOVID-XR at a held-out institution: 0.90",
    ),
    Figure.ABNORMAL_NORMAL: Bar(
        "abnormal against normal, AUC, mean over hospitals left out", 0.85, ""
    ),
    Figure.URGENT: Bar("COVID-19 in STAT or HIGH, mean over hospitals left out", 0.90, ""),
    Figure.CALM: Bar("normals in LOW or MEDIUM, mean over hospitals left out", 0.70, ""),
}
WORST_BAR = Bar("COVID-19 against normal, AUC, worst hospital left out", 0.80, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One figure of one hospital.

    against: from which hospital how many images came that its own were compared with. counts:
    whether it has enough images to count in a mean. resampled: the figure on resampled groups.
    """

    estimate: Estimate
    against: Mapping[str, int] = field(default_factory=dict)
    counts: bool = True
    resampled: Floats = field(default_factory=lambda: np.empty(0), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HospitalFigures:
    """images: of each kind. told: the figures that its images allow."""

    hospital: str
    images: Mapping[Kind, int]
    told: Mapping[Figure, Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutFigures:
    """means: over the hospitals that count. pooled: over all images of hospitals left out.

    budgets: what a calibration of their own would bring the hospitals that have enough images.
    """

    hospitals: tuple[HospitalFigures, ...]
    means: Mapping[Figure, Estimate]
    pooled: Mapping[Figure, Estimate]
    bars: tuple[ReleaseFigure, ...]
    budgets: tuple[BudgetFigures, ...]


def left_out_figures(runs: Sequence[HospitalScores]) -> LeftOutFigures:
    """Return the table; runs: the scores of each training run for the hospitals that it left out.

    Raises ValueError where a hospital was left out of two runs: its figure would be two.
    """
    twice = [n for n, runs_of in _runs_by_hospital(runs).items() if len(runs_of) > 1]
    if twice:
        raise ValueError(f"expected each hospital left out of one run, found twice: {twice}")
    hospitals = tuple(
        _hospital_figures(name, runs[places[0]], [r for n, r in enumerate(runs) if n != places[0]])
        for name, places in sorted(_runs_by_hospital(runs).items())
    )
    together = joined_scores(runs)
    means = {figure: _mean(hospitals, figure) for figure in Figure}
    return LeftOutFigures(
        hospitals=hospitals,
        means=means,
        pooled={figure: _of_all(figure, together) for figure in Figure},
        bars=(
            ReleaseFigure(MEAN_BARS[Figure.COVID19_NORMAL], means[Figure.COVID19_NORMAL]),
            ReleaseFigure(WORST_BAR, _over(hospitals, Figure.COVID19_NORMAL, np.min)),
            *(
                ReleaseFigure(bar, means[figure])
                for figure, bar in MEAN_BARS.items()
                if figure is not Figure.COVID19_NORMAL
            ),
        ),
        budgets=budget_figures(runs),
    )


def _runs_by_hospital(runs: Sequence[HospitalScores]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, run in enumerate(runs):
        for name in sorted(set(run.hospitals.tolist())):
            found.setdefault(name, []).append(place)
    return found


def _hospital_figures(
    name: str, run: HospitalScores, others: Sequence[HospitalScores]
) -> HospitalFigures:
    own = run.only(run.hospitals == name)
    lenders = [run.only(run.hospitals != name), *([joined_scores(others)] if others else [])]
    told: dict[Figure, Told] = {}
    for figure, (higher, lower) in AREAS.items():
        told |= _told_area(figure, own, lenders, higher, lower)
    for figure, (kind, priorities) in SHARES.items():
        selected = own.only(own.kinds == kind)
        if len(selected.kinds):
            told[figure] = _told_share(selected, priorities)
    return HospitalFigures(hospital=name, images=_images(own), told=told)


def _images(scored: HospitalScores) -> dict[Kind, int]:
    return {kind: int((scored.kinds == kind).sum()) for kind in Kind}


def _told_area(
    figure: Figure,
    own: HospitalScores,
    lenders: Sequence[HospitalScores],
    higher: frozenset[Kind],
    lower: Kind,
) -> dict[Figure, Told]:
    """Return the area of a hospital's own images of some kinds over images of another kind."""
    ours = own.only(np.isin(own.kinds, list(higher)))
    theirs = own.only(own.kinds == lower)
    for lender in lenders:
        if len(theirs.kinds) >= LEAST_IMAGES:
            break
        # Children's normals say little of adults, and adults' little of children.
        fitting = (lender.kinds == lower) & (lender.children == own.children.all())
        theirs = joined_scores([theirs, lender.only(fitting)])
    if not (len(ours.kinds) and len(theirs.kinds)):
        return {}
    estimate, values = _area(_score(figure), ours, theirs)
    enough = min(len(ours.kinds), len(theirs.kinds)) >= LEAST_IMAGES
    against = dict(sorted(Counter(theirs.hospitals.tolist()).items()))
    return {figure: Told(estimate=estimate, against=against, counts=enough, resampled=values)}


def _score(figure: Figure) -> Callable[[HospitalScores], Floats]:
    if figure is Figure.ABNORMAL_NORMAL:
        return lambda scored: scored.abnormal
    return lambda scored: scored.covid19


def _area(
    score: Callable[[HospitalScores], Floats], ours: HospitalScores, theirs: HospitalScores
) -> tuple[Estimate, Floats]:
    selected = joined_scores([ours, theirs])
    positive = np.arange(len(selected.kinds)) < len(ours.kinds)
    scores = score(selected)

    def statistic(chosen: NDArray[np.intp]) -> float | None:
        curve = roc_curve(positive[chosen], scores[chosen])
        return curve.area if curve else None

    return _estimated(statistic, selected.groups)


def _told_share(selected: HospitalScores, priorities: frozenset[Priority]) -> Told:
    reached: Flags = np.isin(selected.priorities, [each.value for each in priorities])
    estimate, values = _estimated(lambda chosen: float(reached[chosen].mean()), selected.groups)
    if estimate.value in {0.0, 1.0}:  # nothing to resample
        trials = len(set(selected.groups.tolist()))
        estimate = Estimate(estimate.value, wilson_interval(int(estimate.value) * trials, trials))
    return Told(estimate=estimate, counts=len(reached) >= LEAST_IMAGES, resampled=values)


def _estimated(
    statistic: Callable[[NDArray[np.intp]], float | None], groups: NDArray[np.str_]
) -> tuple[Estimate, Floats]:
    values = bootstrap_values(statistic, groups, resamples=CURVE_RESAMPLES)
    value = statistic(np.arange(len(groups)))
    return Estimate(value, percentile_interval(values)), values


def _mean(hospitals: Sequence[HospitalFigures], figure: Figure) -> Estimate:
    return _over(hospitals, figure, np.mean)


def _over(
    hospitals: Sequence[HospitalFigures], figure: Figure, summary: Callable[..., np.floating]
) -> Estimate:
    """Return a summary over the hospitals that count, each resampled on its own."""
    counted = [each.told[figure] for each in hospitals if figure in each.told]
    counted = [each for each in counted if each.counts and each.estimate.value is not None]
    if not counted:
        return Estimate(None)
    random = np.random.default_rng(0)
    # Every hospital was resampled by the same seed: in one order they would rise and fall together.
    drawn = np.stack([random.permutation(each.resampled) for each in counted])
    value = summary([each.estimate.value for each in counted])
    return Estimate(float(value), percentile_interval(np.asarray(summary(drawn, axis=0))))


def _of_all(figure: Figure, together: HospitalScores) -> Estimate:
    if figure in AREAS:
        higher, lower = AREAS[figure]
        grown = together.only(~together.children)
        ours = grown.only(np.isin(grown.kinds, list(higher)))
        theirs = grown.only(grown.kinds == lower)
        if not (len(ours.kinds) and len(theirs.kinds)):
            return Estimate(None)
        return _area(_score(figure), ours, theirs)[0]
    kind, priorities = SHARES[figure]
    selected = together.only(together.kinds == kind)
    return _told_share(selected, priorities).estimate if len(selected.kinds) else Estimate(None)
