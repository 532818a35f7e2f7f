"""Figures with intervals, against ones computed by hand."""

from dataclasses import replace

import numpy as np
import pytest

from screening.domain.proportions import wilson_interval
from tests.training.predictions import predictions
from training.inference.combination import own_scores
from training.metrics.classification import (
    ScoredImages,
    accuracy_difference,
    evaluate,
    evaluate_set,
    joined,
)

TRUE = ("covid19", "covid19", "pneumonia", "normal", "normal", "normal")
ROWS = (
    (0.8, 0.1, 0.1),
    (0.3, 0.6, 0.1),
    (0.1, 0.7, 0.2),
    (0.2, 0.1, 0.7),
    (0.5, 0.1, 0.4),
    (0.1, 0.2, 0.7),
)


def six_images() -> ScoredImages:
    """Return two COVID-19 (one missed), one pneumonia, three normals (one called COVID-19)."""
    return own_scores(predictions(TRUE, ROWS))


def test_figures_are_those_computed_by_hand() -> None:
    """Counts, overall and balanced accuracy, and the figures of one class against the rest."""
    found = evaluate_set(six_images())
    assert found.confusion.counts == ((1, 1, 0), (0, 1, 0), (1, 0, 2))
    assert (found.images, found.groups) == (6, 6)
    assert found.accuracy.value == pytest.approx(4 / 6)
    assert found.balanced_accuracy.value == pytest.approx((1 / 2 + 1 + 2 / 3) / 3)
    covid19 = found.classes["covid19"]
    assert covid19.images == 2
    assert covid19.sensitivity.value == pytest.approx(1 / 2)
    assert covid19.specificity.value == pytest.approx(3 / 4)
    assert covid19.precision.value == pytest.approx(1 / 2)
    assert covid19.accuracy.value == pytest.approx(4 / 6)
    assert covid19.f1.value == pytest.approx(2 / 4)
    # Of 8 pairs (positive, negative) one is in the wrong order: 0.3 against 0.5.
    assert covid19.roc_area.value == pytest.approx(7 / 8)


def test_an_undefined_figure_has_no_value() -> None:
    """A class that never occurs has no sensitivity, and the set no balanced accuracy."""
    found = evaluate_set(own_scores(predictions(TRUE[:2], ROWS[:2])))
    assert found.classes["normal"].sensitivity.value is None
    assert found.classes["normal"].roc_area.value is None
    assert found.balanced_accuracy.value is None


def test_a_perfect_figure_still_has_an_interval() -> None:
    """Twenty of twenty patients right may be luck: Wilson's interval by groups, not images."""
    many = joined([own_scores(predictions(["covid19"] * 20, [(0.9, 0.05, 0.05)] * 20))] * 2)
    found = evaluate_set(many)
    assert (found.images, found.groups) == (40, 20)
    assert found.accuracy.interval == wilson_interval(20, 20)


def test_many_images_of_few_patients_do_not_narrow_an_interval() -> None:
    """The same images, each its own group or ten to a group."""
    random = np.random.default_rng(0)
    right = np.repeat(random.random(20) < 0.7, 10)
    rows = [(0.9, 0.05, 0.05) if each else (0.05, 0.9, 0.05) for each in right]
    alone = own_scores(predictions(["covid19"] * 200, rows))
    grouped = replace(alone, groups=np.array([f"patient {n // 10}" for n in range(200)]))
    narrow, wide = (evaluate_set(each).accuracy.interval for each in (alone, grouped))
    assert narrow
    assert wide
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_sources_are_evaluated_alone() -> None:
    """Each has its own images, and says whether it was left out of training."""
    images = six_images()
    sources = np.array(["a", "a", "b", "b", "b", "b"])
    images = replace(images, sources=sources, seen=np.where(sources == "a", 0, 12))
    first, second = evaluate("net", images).sources
    assert (first.source, first.left_out, first.figures.accuracy.value) == ("a", True, 0.5)
    assert (second.source, second.left_out, second.figures.images) == ("b", False, 4)


def test_two_classifiers_are_compared_image_by_image() -> None:
    """The difference of accuracies, and an error where the images are not the same."""
    first, second = six_images(), own_scores(predictions(TRUE, [(0.1, 0.1, 0.8)] * 6))
    assert accuracy_difference(first, second).value == pytest.approx(4 / 6 - 3 / 6)
    with pytest.raises(ValueError, match="same images"):
        accuracy_difference(first, own_scores(predictions(TRUE[::-1], ROWS)))


def test_an_image_of_a_coarser_class_is_left_out_of_the_own_classes() -> None:
    """A pneumonia of unknown kind has no place among four classes."""
    four = ("covid19", "bacterial_pneumonia", "viral_pneumonia", "normal")
    found = own_scores(predictions(["pneumonia", "normal"], [[0.25] * 4, [0, 0, 0, 1]], four))
    assert found.true.tolist() == [3]
