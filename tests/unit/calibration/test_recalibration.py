"""Recalibration from labels, against answers that are known."""

import numpy as np
import pytest

from screening.calibration.recalibration import (
    ISOTONIC_FROM,
    LONGEST_TEMPERATURE,
    fit_isotonic,
    fit_logistic,
    pooled,
    recalibrate,
)


def labelled(studies: int, *, temperature: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Return scores, and labels drawn from the probability that this curve gives them."""
    random = np.random.default_rng(1)
    scores = random.uniform(0.02, 0.98, studies)
    logits = np.log(scores / (1 - scores)) / temperature + offset
    return scores, random.uniform(size=studies) < 1 / (1 + np.exp(-logits))


def test_neighbours_that_fall_are_pooled() -> None:
    """Worked out by hand: 1, 2, 6, 2, 3 becomes 1, 2, and 11/3 three times."""
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    steps = pooled(scores, np.array([0.1, 0.2, 0.6, 0.2, 0.3]))
    assert [(first, last) for first, last, _ in steps] == [(0.1, 0.1), (0.2, 0.2), (0.3, 0.5)]
    assert [value for *_, value in steps] == pytest.approx([0.1, 0.2, 1.1 / 3])


def test_equal_scores_are_one_step() -> None:
    """Whatever their labels and their order."""
    steps = pooled(np.array([0.5, 0.2, 0.5, 0.2]), np.array([1.0, 0.0, 0.0, 0.0]))
    assert steps == [(0.2, 0.2, 0.0), (0.5, 0.5, 0.5)]


def test_the_logistic_fit_finds_temperature_and_offset() -> None:
    """Of many labels drawn from a known curve, within a tenth."""
    curve = fit_logistic(*labelled(20_000, temperature=2.0, offset=-1.0))
    assert curve.temperature == pytest.approx(2.0, rel=0.1)
    assert curve.offset == pytest.approx(-1.0, abs=0.1)


def test_the_logistic_fit_meets_the_mean_of_its_targets() -> None:
    """At the optimum the mean probability is that of Platt's targets: (n + 1) / (n + 2)."""
    scores, positive = labelled(80, temperature=1.0, offset=-2.0)
    curve = fit_logistic(scores, positive)
    sick, well = int(positive.sum()), int((~positive).sum())
    targets = sick * (sick + 1) / (sick + 2) + well / (well + 2)
    assert sum(curve(score) for score in scores) == pytest.approx(targets, rel=1e-4)


def test_labels_told_apart_without_error_stay_finite() -> None:
    """Neither certainty nor an endless slope."""
    scores = np.array([0.1] * 20 + [0.9] * 20)
    curve = fit_logistic(scores, scores > 0.5)
    assert 0.9 < curve(0.9) < 0.99
    assert 0.01 < curve(0.1) < 0.1


def test_labels_against_the_scores_never_turn_the_order() -> None:
    """The curve becomes as flat as it may, and does not fall."""
    scores = np.linspace(0.1, 0.9, 40)
    curve = fit_logistic(scores, scores < 0.5)
    assert curve.temperature == pytest.approx(LONGEST_TEMPERATURE)
    assert curve(0.9) > curve(0.1)


def test_few_labels_give_a_logistic_curve_and_many_an_isotonic_one() -> None:
    """From 200 on; both with intervals around their figures, and the same ones each time."""
    few = recalibrate(*labelled(ISOTONIC_FROM - 1, temperature=1.5, offset=-1.0))
    many = recalibrate(*labelled(ISOTONIC_FROM, temperature=1.5, offset=-1.0))
    assert (few.method, many.method) == ("logistic", "isotonic")
    assert set(few.intervals) == {"temperature", "offset", "0.1", "0.5", "0.9"}
    assert set(many.intervals) == {"0.1", "0.5", "0.9"}
    for one in (*few.intervals.values(), *many.intervals.values()):
        assert one.low <= one.value <= one.high
    assert few.intervals["offset"].high < 0
    assert few.brier_after < few.brier_before
    assert few == recalibrate(*labelled(ISOTONIC_FROM - 1, temperature=1.5, offset=-1.0))


def test_no_number_of_labels_makes_a_class_certain() -> None:
    """The isotonic curve stays away from 0 and 1, and rises."""
    scores = np.linspace(0.01, 0.99, 300)
    curve = fit_isotonic(scores, scores > 0.5)
    values = [curve(score) for score in scores]
    assert 0 < values[0] < 0.01
    assert 0.99 < values[-1] < 1
    assert values == sorted(values)
