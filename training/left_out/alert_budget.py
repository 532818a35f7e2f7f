"""What a site's own calibration would bring at each hospital left out, from images without labels.

A hundred images of the hospital, in its natural mix, give ranks, as `screening site calibrate`
does; the others are judged. The budget is the true share of COVID-19, so that a perfect order
raises these and nothing else. Compared is the share of COVID-19 among the images that are raised.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screening.domain.site_calibration import rank_curve
from screening.domain.triage import Priority
from training.left_out.scores import HospitalScores, Kind, joined_scores
from training.metrics.classification import Estimate
from training.metrics.intervals import percentile_interval

UNLABELLED = 100
"""Images that a calibration is made from."""
LEAST_JUDGED = 30
"""Other images of the hospital, or lent ones."""
LEAST_COVID19 = 20
DRAWS = 200
TARGET_RATIO = 1.5
URGENT = (Priority.STAT, Priority.HIGH)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetFigures:
    """One hospital's figures, with 95 % intervals over draws of the images that calibrate.

    Each draw also resamples the images. prevalence: the share of COVID-19, which is the budget.
    """

    hospital: str
    images: int
    prevalence: float
    lent: Mapping[str, int]
    """From which other hospital how many images without COVID-19 came, where it has too few."""
    raised_before: Estimate
    """The share that is STAT or HIGH by thresholds of other hospitals."""
    before: Estimate
    """The share of COVID-19 among these."""
    after: Estimate
    """The share of COVID-19 among the images raised at the budget, by ranks."""
    ceiling: Estimate
    """The same where the budget is met exactly on the judged images: what the order allows."""
    ratio: Estimate
    """After / before."""

    @property
    def reached(self) -> str:
        """Which half of the bar is reached, in words."""
        if self.ratio.value is not None and self.ratio.value >= TARGET_RATIO:
            return f"at least {TARGET_RATIO:g} times"
        interval, ceiling = self.after.interval, self.ceiling.value
        if interval is not None and ceiling is not None and interval.high >= ceiling:
            return "the ceiling of its order"
        return "missed"


def budget_figures(runs: Sequence[HospitalScores]) -> tuple[BudgetFigures, ...]:
    """Return the figures of every hospital left out with enough images of COVID-19.

    A hospital that has fewer than LEAST_COVID19 others is joined by those of the same run, else of
    other runs, as for the areas.
    """
    found = []
    for place, run in enumerate(runs):
        others = [one for n, one in enumerate(runs) if n != place]
        for name in sorted(set(run.hospitals.tolist())):
            site = _site(run.only(run.hospitals == name), run.only(run.hospitals != name), others)
            covid19 = int((site.kinds == Kind.COVID19).sum())
            enough = LEAST_COVID19 <= covid19 <= len(site.kinds) - LEAST_COVID19
            if enough and len(site.kinds) >= UNLABELLED + LEAST_JUDGED:
                found.append(_figures(name, site))
    return tuple(found)


def _site(
    own: HospitalScores, same_run: HospitalScores, others: Sequence[HospitalScores]
) -> HospitalScores:
    for lender in (same_run, *([joined_scores(others)] if others else [])):
        if (own.kinds != Kind.COVID19).sum() >= LEAST_COVID19:
            break
        own = joined_scores([own, lender.only(lender.kinds != Kind.COVID19)])
    return own


def _figures(name: str, site: HospitalScores) -> BudgetFigures:
    random = np.random.default_rng(0)
    drawn = np.array([_draw(site, random) for _ in range(DRAWS)])
    lent = {
        hospital: int((site.hospitals == hospital).sum())
        for hospital in sorted(set(site.hospitals.tolist()) - {name})
    }
    estimates = [_estimate(drawn[:, place]) for place in range(5)]
    return BudgetFigures(
        hospital=name,
        images=len(site.kinds),
        prevalence=float((site.kinds == Kind.COVID19).mean()),
        lent=lent,
        raised_before=estimates[0],
        before=estimates[1],
        after=estimates[2],
        ceiling=estimates[3],
        ratio=estimates[4],
    )


def _draw(site: HospitalScores, random: np.random.Generator) -> tuple[float, ...]:
    """Return the figures of one draw, NaN where nothing is raised."""
    order = random.permutation(len(site.kinds))
    calibrating, judged = order[:UNLABELLED], order[UNLABELLED:]
    judged = random.choice(judged, len(judged))
    is_covid19, scores = site.kinds == Kind.COVID19, site.covid19
    prevalence = float(is_covid19.mean())
    rank = rank_curve(scores[calibrating].tolist())
    ranks = np.array([rank(score) for score in scores[judged].tolist()])
    urgent = np.isin(site.priorities[judged], [one.value for one in URGENT])
    budgeted = ranks >= 1 - prevalence
    count = int(is_covid19[judged].sum())
    highest = np.zeros(len(judged), dtype=bool)
    highest[np.argsort(-scores[judged], kind="stable")[:count]] = True
    before, after = _precision(is_covid19[judged], urgent), _precision(is_covid19[judged], budgeted)
    return (
        float(urgent.mean()),
        before,
        after,
        _precision(is_covid19[judged], highest),
        after / before if before > 0 else float("nan"),
    )


def _precision(positive: NDArray[np.bool_], raised: NDArray[np.bool_]) -> float:
    return float(positive[raised].mean()) if raised.any() else float("nan")


def _estimate(values: NDArray[np.float64]) -> Estimate:
    finite = values[np.isfinite(values)]
    return Estimate(float(finite.mean()) if len(finite) else None, percentile_interval(values))
