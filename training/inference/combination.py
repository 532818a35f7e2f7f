"""Members' scores as one: calibration, weights, and how both are chosen.

Both are chosen on validation data: the temperature of each member as the one under which the true
class of its scores in the ensemble's three classes is most probable, then the weights as those
under which the true class of the weighted mean is. Source: Guo et al. 2017, section 4.2
(temperature); Dempster, Laird & Rubin 1977, section 4.3 (proportions of a mixture by EM).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from screening.domain.scores import (
    CLASS_OF_MEMBER_CLASS,
    Class,
    ClassScores,
    MemberScores,
    combine,
    member_scores,
)
from training.errors import TrainingError
from training.metrics.classification import ScoredImages
from training.runs.held_out_scores import Example, Predictions

TEMPERATURES = (0.1, 10.0)
"""Searched from the first to the second, in two grids of `_STEPS`."""
LEAST_WEIGHT = 0.05
"""No member is silenced: validation data are few, and hospitals differ from them."""
_STEPS = 25
_ROUNDS = 1000
_SMALLEST = 1e-12

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Combination:
    """Per member: the temperature, above 0, and the share in the weighted mean."""

    temperatures: tuple[float, ...]
    weights: tuple[float, ...]

    @classmethod
    def equal(cls, members: int) -> "Combination":
        """Return no calibration and equal shares, for when nothing may be chosen."""
        return cls((1.0,) * members, (round(1 / members, 6),) * members)


def speaks_of_the_three_classes(classes: Sequence[str]) -> bool:
    """Return whether a network's classes add up to the ensemble's three."""
    known = [CLASS_OF_MEMBER_CLASS.get(name) for name in classes]
    return None not in known and set(known) == set(Class)


def own_scores(predictions: Predictions) -> ScoredImages:
    """Return a network's scores in its own classes, where the image's class is one of them."""
    names = predictions.classes
    chosen = [each.klass in names for each in predictions.examples]
    selected = [each for each in predictions.examples if each.klass in names]
    true = [names.index(each.klass) for each in selected]
    return _scored(names, selected, true, predictions.probabilities[np.array(chosen, dtype=bool)])


def three_class_scores(predictions: Predictions, temperature: float = 1.0) -> ScoredImages:
    """Return a network's calibrated scores in the ensemble's classes, as the stations fold them.

    Raises TrainingError where its classes, or an image's, are none of theirs.
    """
    _check_classes(predictions)
    names = tuple(Class)
    true = [names.index(CLASS_OF_MEMBER_CLASS[each.klass]) for each in predictions.examples]
    calibrated = _calibrated(predictions.classes, predictions.probabilities, temperature)
    scores = _rows(each.calibrated for each in calibrated)
    classes = tuple(name.value for name in names)
    return _scored(classes, predictions.examples, true, scores)


def common_images(members: Sequence[Predictions]) -> tuple[Predictions, ...]:
    """Return the members' scores of the images that all of them scored, in one order.

    What is known of an image covers all members: it counts as trained on where any was.
    Raises TrainingError where they have no image in common.
    """
    selected = [{each.pixels_sha256: n for n, each in enumerate(m.examples)} for m in members]
    shared = [name for name in selected[0] if all(name in places for places in selected)]
    if not shared:
        raise TrainingError(
            "expected runs that keep some images of this part in common, found none; train the "
            "members on one manifest with the same split and seed"
        )
    merged = tuple(
        _merged([m.examples[places[name]] for m, places in zip(members, selected, strict=True)])
        for name in shared
    )
    return tuple(
        replace(m, examples=merged, probabilities=m.probabilities[[places[s] for s in shared]])
        for m, places in zip(members, selected, strict=True)
    )


def combined_scores(members: Sequence[Predictions], combination: Combination) -> ScoredImages:
    """Return the ensemble's scores; members must score the same images, see `common_images`."""
    for member in members:
        _check_classes(member)
    scores = ensemble_scores([(each.classes, each.probabilities) for each in members], combination)
    return replace(three_class_scores(members[0]), probabilities=scores)


def ensemble_scores(
    outputs: Sequence[tuple[tuple[str, ...], Floats]], combination: Combination
) -> Floats:
    """Return (images, 3) scores as the stations combine them.

    outputs: each member's classes and (images, classes) probabilities.
    """
    calibrated = [
        _calibrated(classes, probabilities, temperature)
        for (classes, probabilities), temperature in zip(
            outputs, combination.temperatures, strict=True
        )
    ]
    return _rows(
        combine(members, combination.weights).ensemble for members in zip(*calibrated, strict=True)
    )


def choose_combination(members: Sequence[Predictions]) -> Combination:
    """Choose temperatures and weights on validation data.

    members: predictions for the same images, none of them of a group that a member was trained on.
    Raises TrainingError where one is.
    """
    leaked = sum(each.group_in_training for each in members[0].examples)
    if leaked:
        raise TrainingError(
            f"expected validation images of patients that no member was trained on, found {leaked} "
            "others; train the members with the same split by group"
        )
    temperatures = tuple(choose_temperature(member) for member in members)
    scores = [
        three_class_scores(member, temperature)
        for member, temperature in zip(members, temperatures, strict=True)
    ]
    of_truth = np.stack([_of_truth(each) for each in scores], axis=1)
    return Combination(temperatures, _mixture_weights(of_truth))


def choose_temperature(predictions: Predictions) -> float:
    """Return the temperature, to 3 significant digits, of the least mean negative log-likelihood.

    A second grid is laid between the neighbours of the first one's best.
    """
    low, high = TEMPERATURES
    best = 1.0
    for _ in range(2):
        grid = np.geomspace(low, high, _STEPS)
        losses = [
            -np.log(_of_truth(three_class_scores(predictions, float(each)))).mean() for each in grid
        ]
        place = int(np.argmin(losses))
        best = float(grid[place])
        low, high = float(grid[max(place - 1, 0)]), float(grid[min(place + 1, _STEPS - 1)])
    return float(f"{best:.3g}")


def _mixture_weights(of_truth: Floats) -> tuple[float, ...]:
    """Return the shares, at least `LEAST_WEIGHT`, that make the truth most probable.

    of_truth: (images, members), the probability each member gives the true class.
    """
    shares = np.full(of_truth.shape[1], 1 / of_truth.shape[1])
    for _ in range(_ROUNDS):
        owed = shares * of_truth
        shares = (owed / owed.sum(axis=1, keepdims=True)).mean(axis=0)
    least = min(LEAST_WEIGHT, 1 / len(shares))
    return tuple(round(float(least + (1 - len(shares) * least) * each), 4) for each in shares)


def _of_truth(scored: ScoredImages) -> Floats:
    chosen = scored.probabilities[np.arange(len(scored.true)), scored.true]
    return np.maximum(chosen, _SMALLEST)


def _calibrated(
    classes: tuple[str, ...], probabilities: Floats, temperature: float
) -> list[MemberScores]:
    return [member_scores("", classes, row, temperature) for row in probabilities.tolist()]


def _rows(scores: Iterable[ClassScores]) -> Floats:
    """Return (images, 3), in the order of `Class`."""
    return np.array([[each.of(klass) for klass in Class] for each in scores])


def _check_classes(predictions: Predictions) -> None:
    names = {*predictions.classes, *(each.klass for each in predictions.examples)}
    unknown = names - CLASS_OF_MEMBER_CLASS.keys()
    if unknown or not speaks_of_the_three_classes(predictions.classes):
        raise TrainingError(
            f"expected classes that add up to {', '.join(Class)}, found "
            f"{', '.join(predictions.classes)}; such a network can be no member of the ensemble"
        )


def _merged(examples: Sequence[Example]) -> Example:
    coarsest = {CLASS_OF_MEMBER_CLASS.get(each.klass, each.klass) for each in examples}
    if len(coarsest) > 1:
        raise TrainingError(
            f"expected one class of image {examples[0].pixels_sha256}, found "
            f"{', '.join(sorted(coarsest))} in different runs; train them on one manifest"
        )
    return replace(
        examples[0],
        training_images_of_source=sum(each.training_images_of_source for each in examples),
        group_in_training=any(each.group_in_training for each in examples),
    )


def _scored(
    classes: tuple[str, ...], selected: Sequence[Example], true: Sequence[int], scores: Floats
) -> ScoredImages:
    return ScoredImages(
        classes=classes,
        true=np.array(true, dtype=np.intp),
        probabilities=scores,
        groups=np.array([each.split_group for each in selected], dtype=np.str_),
        sources=np.array([each.source for each in selected], dtype=np.str_),
        seen=np.array([each.training_images_of_source for each in selected], dtype=np.intp),
    )
