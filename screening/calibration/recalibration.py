"""Fits the curve from a bundle's probability of a class to that at a site, from labels.

With few labels a logistic function of two parameters (Platt 1999), from ISOTONIC_FROM on the
isotonic regression (pool adjacent violators: Barlow et al. 1972; Zadrozny and Elkan 2002). Both
rise with the score, so that they never change an order. Intervals resample the labelled studies.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from screening.calibration.document import MOST_POINTS, CurvePoints, Interval, Recalibration
from screening.domain.site_calibration import Curve, Interpolated, Logistic

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ISOTONIC_FROM = 200
"""Labelled studies."""
RESAMPLES = 400
SEED = 15
FOLDS = 5
LONGEST_TEMPERATURE = 20.0
SCORES_TOLD = (0.1, 0.5, 0.9)
"""Whose recalibrated probability has an interval."""
_SMALLEST = 1e-12
_STEPS = 50
_CLOSE = 1e-10


def recalibrate(scores: Floats, positive: Flags) -> Recalibration:
    """Return the curve of one class with its intervals.

    scores: (studies,) the bundle's probabilities, 0 to 1; positive: (studies,) whether the study is
    of the class. Both kinds must be there.
    """
    isotonic = len(scores) >= ISOTONIC_FROM
    fit: Callable[[Floats, Flags], Curve] = fit_isotonic if isotonic else fit_logistic
    curve = fit(scores, positive)
    return Recalibration(
        method="isotonic" if isotonic else "logistic",
        temperature=curve.temperature if isinstance(curve, Logistic) else None,
        offset=curve.offset if isinstance(curve, Logistic) else None,
        points=points_of(curve) if isinstance(curve, Interpolated) else None,
        with_class=int(positive.sum()),
        without=int((~positive).sum()),
        intervals=_intervals(curve, [fit(s, p) for s, p in _resampled(scores, positive)]),
        brier_before=float(np.mean((scores - positive) ** 2)),
        brier_after=_brier_of_others(fit, scores, positive),
    )


def fit_logistic(scores: Floats, positive: Flags) -> Logistic:
    """Return temperature and offset of least negative log-likelihood, by Newton's method.

    The targets are Platt's, (n + 1) / (n + 2) and 1 / (n + 2), so that also labels that the scores
    tell apart without error give finite parameters. The temperature is at most
    LONGEST_TEMPERATURE, and above 0: the curve never falls.
    """
    kept = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
    logits = np.log(kept / (1 - kept))
    with_class, without = int(positive.sum()), int((~positive).sum())
    targets = np.where(positive, (with_class + 1) / (with_class + 2), 1 / (without + 2))
    slope, offset = _newton(logits, targets)
    least = 1 / LONGEST_TEMPERATURE
    if slope < least:
        slope = least
        _, offset = _newton(logits, targets, slope=slope)
    return Logistic(temperature=float(1 / slope), offset=float(offset))


def fit_isotonic(scores: Floats, positive: Flags) -> Interpolated:
    """Return the isotonic regression of the labels on the scores, through the ends of its steps.

    It is kept 1 / (studies + 2) away from 0 and 1: no number of labels makes a class certain.
    """
    steps = pooled(scores, positive.astype(np.float64))
    at: list[float] = []
    values: list[float] = []
    margin = 1 / (len(scores) + 2)
    for first, last, value in steps:
        for place in dict.fromkeys((first, last)):
            at.append(place)
            values.append(min(max(value, margin), 1 - margin))
    return Interpolated(tuple(at), tuple(values))


def pooled(scores: Floats, targets: Floats) -> list[tuple[float, float, float]]:
    """Return the steps of the isotonic regression: first score, last score, value; ascending.

    Equal scores are one. Neighbours whose values fall are pooled to their mean until none does.
    """
    steps: list[tuple[float, float, float, int]] = []
    for score in np.unique(scores):
        same = targets[scores == score]
        steps.append((float(score), float(score), float(same.mean()), len(same)))
        while len(steps) > 1 and steps[-2][2] >= steps[-1][2]:
            (first, _, one, few), (_, last, other, more) = steps[-2:]
            steps[-2:] = [(first, last, (one * few + other * more) / (few + more), few + more)]
    return [(first, last, value) for first, last, value, _ in steps]


def points_of(curve: Interpolated) -> CurvePoints:
    """Return a curve's points as a file holds them; of too many, some, evenly."""
    count = len(curve.at)
    chosen = range(count)
    if count > MOST_POINTS:
        chosen = [round(place) for place in np.linspace(0, count - 1, MOST_POINTS)]  # type: ignore[assignment]  # indices all the same
    return CurvePoints(
        at=tuple(curve.at[place] for place in chosen),
        values=tuple(curve.values[place] for place in chosen),
    )


def _newton(logits: Floats, targets: Floats, slope: float | None = None) -> tuple[float, float]:
    """Return slope and offset; a given slope stays as it is."""
    design = np.column_stack([logits, np.ones_like(logits)])
    parameters = np.array([1.0 if slope is None else slope, 0.0])
    free = np.array([slope is None, True])
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-np.clip(design @ parameters, -500, 500)))
        gradient = design[:, free].T @ (probability - targets)
        curvature = np.maximum(probability * (1 - probability), _SMALLEST)
        hessian = (design[:, free] * curvature[:, None]).T @ design[:, free]
        step = np.zeros(2)
        step[free] = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        before = _loss(design @ parameters, targets)
        size = 1.0
        while size > _CLOSE and _loss(design @ (parameters - size * step), targets) > before:
            size /= 2  # a whole step would lead up
        if size <= _CLOSE:
            break
        parameters = parameters - size * step
        if before - _loss(design @ parameters, targets) < _CLOSE:
            break
    return float(parameters[0]), float(parameters[1])


def _loss(logits: Floats, targets: Floats) -> float:
    return float(np.sum(np.logaddexp(0, logits) - targets * logits))


def _resampled(scores: Floats, positive: Flags) -> Iterator[tuple[Floats, Flags]]:
    """Yield resamples of the studies that have both kinds; the same ones each time."""
    random = np.random.default_rng(SEED)
    for _ in range(RESAMPLES):
        chosen = random.integers(0, len(scores), len(scores))
        if 0 < positive[chosen].sum() < len(scores):
            yield scores[chosen], positive[chosen]


def _intervals(curve: Curve, resampled: list[Curve]) -> dict[str, Interval]:
    told: dict[str, Callable[[Curve], float]] = {}
    if isinstance(curve, Logistic):
        told["temperature"] = lambda one: one.temperature if isinstance(one, Logistic) else 1.0
        told["offset"] = lambda one: one.offset if isinstance(one, Logistic) else 0.0
    for score in SCORES_TOLD:
        told[f"{score:g}"] = lambda one, score=score: one(score)  # type: ignore[misc]  # of this score
    return {
        name: Interval(
            value=figure(curve),
            low=float(np.percentile([figure(one) for one in resampled], 2.5)),
            high=float(np.percentile([figure(one) for one in resampled], 97.5)),
        )
        for name, figure in told.items()
    }


def _brier_of_others(
    fit: Callable[[Floats, Flags], Curve], scores: Floats, positive: Flags
) -> float:
    """Return the Brier score where each fifth is recalibrated by the other four."""
    order = np.random.default_rng(SEED).permutation(len(scores))
    errors = np.empty(len(scores))
    for part in np.array_split(order, FOLDS):
        others = np.setdiff1d(order, part)
        curve = fit(scores[others], positive[others])
        errors[part] = [(curve(scores[one]) - positive[one]) ** 2 for one in part]
    return float(errors.mean())
