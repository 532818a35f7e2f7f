"""A site's own calibration of a bundle: ranks among its studies, recalibrated probabilities, rules.

No training covers every hospital, and at one that it did not cover a bundle's probabilities may all
be high. Their order still tells something: so a site's rules look at the rank of a score among the
scores of its own recent studies. Where somebody has labelled images, they can look at
probabilities that were recalibrated with the labels. Whatever the rules look at, equal priorities
are ordered by rank: ranks of different senders are comparable where their probabilities are not.

A grey-level curve of the site may come before the networks: ranks are then of scores that were made
with it, and never of others.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import exp, log

from screening.domain.grey_curve import GreyCurve, sha256_of
from screening.domain.scores import CLASS_TITLES, Class, ClassScores, percent
from screening.domain.triage import Measure, Triage, TriageRule, triage

_SMALLEST = 1e-12


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A curve through points, straight between them.

    at: ascending, 0 to 1, one or more; values: as many, not descending, 0 to 1.
    """

    at: tuple[float, ...]
    values: tuple[float, ...]
    reaches_ends: bool = False
    """Whether it goes on to (0, 0) and to (1, 1), or is level outside its points."""

    def __call__(self, score: float) -> float:
        """Return the value at a score, 0 to 1."""
        place = bisect_left(self.at, score)
        if place < len(self.at) and self.at[place] == score:
            return self.values[bisect_right(self.at, score) - 1]
        if place == 0:
            before = (0.0, 0.0) if self.reaches_ends else (self.at[0], self.values[0])
            return _between(before, (self.at[0], self.values[0]), score)
        last = (self.at[place - 1], self.values[place - 1])
        if place == len(self.at):
            after = (1.0, 1.0) if self.reaches_ends else last
            return _between(last, after, score)
        return _between(last, (self.at[place], self.values[place]), score)


@dataclass(frozen=True, slots=True)
class Logistic:
    """The logistic function of the score's log-odds / temperature + offset.

    temperature: above 0, 1 changes nothing with an offset of 0. Source: Platt 1999; with offset 0
    it is Guo et al. 2017 for two classes.
    """

    temperature: float
    offset: float

    def __call__(self, score: float) -> float:
        """Return the recalibrated probability of a score, 0 to 1."""
        kept = min(max(score, _SMALLEST), 1 - _SMALLEST)
        logit = log(kept / (1 - kept)) / self.temperature + self.offset
        if logit >= 0:
            return 1 / (1 + exp(-logit))
        return exp(logit) / (1 + exp(logit))


Curve = Interpolated | Logistic


def rank_curve(scores: Iterable[float]) -> Interpolated:
    """Return the curve from a score to its rank among these, which are 0 to 1, one or more.

    The highest of n scores has rank 1 - 0.5 / n, the lowest 0.5 / n. Equal scores share the highest
    of their ranks: what is as suspicious as the most urgent study is as urgent. Between scores the
    curve rises, so that a higher score always has a higher rank.
    """
    counted = [(score, sum(1 for _ in same)) for score, same in groupby(sorted(scores))]
    total = sum(count for _, count in counted)
    at, values, below = [], [], 0
    for score, count in counted:
        below += count
        at.append(score)
        values.append((below - 0.5) / total)
    return Interpolated(tuple(at), tuple(values), reaches_ends=True)


@dataclass(frozen=True, slots=True)
class ValueByClass:
    """One value for each class, 0 to 1."""

    values: Mapping[Class, float]

    def of(self, klass: Class) -> float:
        """Return the value of one class."""
        return self.values[klass]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCalibration:
    """What gives the priorities of a site, or of what one calling AE title sends to it."""

    name: str
    """Whose it is, and its version: how people find it."""
    ranks: Mapping[Class, Interpolated]
    """From a score to its rank among the site's studies, of every class."""
    curves: Mapping[Class, Curve]
    """From a score to its recalibrated probability, of the classes that labels allowed."""
    rules: tuple[TriageRule, ...]
    """All of one measure: ranks, or probabilities recalibrated where there is a curve; the
    bundle's own where it is a grey-level curve alone, which then has no ranks."""
    grey_curve: GreyCurve | None = None
    """What the images' grey levels become before they are scored: ranks, curves and rules are of
    scores that were made with it, and say nothing of others."""

    @property
    def has_thresholds(self) -> bool:
        """Whether it has rules of its own, or is a grey-level curve under the bundle's."""
        return bool(self.ranks)

    def is_of_scores_with(self, grey_curve_sha256: str | None) -> bool:
        """Return whether it says anything of scores that were made with this curve.

        grey_curve_sha256: None for images as they are rendered.
        """
        return sha256_of(self.grey_curve) == grey_curve_sha256

    def ranks_of(self, scores: ClassScores) -> ValueByClass:
        """Return the rank of each class's score, 0 to 1, 1 for the most suspicious."""
        return ValueByClass({klass: self.ranks[klass](scores.of(klass)) for klass in Class})

    def recalibrated(self, scores: ClassScores) -> ValueByClass:
        """Return each class's probability at this site; as the bundle computed it without a curve.

        Each class is recalibrated against all others, so they need not add up to 1.
        """
        return ValueByClass(
            {
                klass: self.curves[klass](scores.of(klass))
                if klass in self.curves
                else scores.of(klass)
                for klass in Class
            }
        )

    def triage(self, scores: ClassScores) -> Triage:
        """Return the priority by the rules, ordered by rank where there are ranks."""
        if not self.has_thresholds:
            return triage(scores, self.rules)
        ranks = self.ranks_of(scores)
        by_rank = all(rule.measure is Measure.RANK for rule in self.rules)
        return triage(ranks if by_rank else self.recalibrated(scores), self.rules, ordered_by=ranks)

    def recalibrated_in_words(self, scores: ClassScores) -> str:
        """Return the recalibrated probabilities as people see them; "" where there are none."""
        found = self.recalibrated(scores)
        return ", ".join(
            f"{CLASS_TITLES[klass]} {percent(found.of(klass))}"
            for klass in Class
            if klass in self.curves
        )


def highest_of_study(images: Sequence[ClassScores]) -> ClassScores:
    """Return the highest score of each class among a study's images, one or more.

    It stands for the study, whose priority is that of its most urgent image.
    """
    return ClassScores(*(max(image.of(klass) for image in images) for klass in Class))


def _between(one: tuple[float, float], other: tuple[float, float], score: float) -> float:
    width = other[0] - one[0]
    if width <= 0:
        return one[1] if score <= one[0] else other[1]
    share = min(max((score - one[0]) / width, 0.0), 1.0)
    return one[1] + share * (other[1] - one[1])
