"""The probe tells sources apart where features do, and guesses where they do not."""

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras

from screening.domain.scores import Class
from screening.networks.feature_maps import last_feature_map
from tests.training.image_rows import image_row
from training.data.manifest import ImageRow
from training.evaluation.source_probe import cross_validated, probe_class
from training.inference.features import penultimate

pytestmark = pytest.mark.tensorflow


def two_sources(count: int) -> list[ImageRow]:
    """Return rows of two sources in turn, two images to a split group."""
    return [
        image_row(str(n), source=f"source {n % 2}", split_group=f"g{n % 2} {n // 4}")
        for n in range(count)
    ]


def test_features_of_the_source_are_told() -> None:
    """One feature that shifts with the source is enough; without it guessing is all."""
    rows = two_sources(200)
    features = np.random.default_rng(0).normal(size=(200, 8))
    guessed = probe_class(Class.NORMAL, features, rows)
    assert guessed.chance == 0.5
    assert guessed.images == {"source 0": 100, "source 1": 100}
    assert guessed.told.value == pytest.approx(0.5, abs=0.15)
    assert guessed.told.interval
    assert guessed.told.interval.low < 0.5 < guessed.told.interval.high
    features[:, 3] += [8.0 * (n % 2) for n in range(200)]
    told = probe_class(Class.NORMAL, features, rows)
    assert told.told.value == 1.0


def test_a_group_is_never_asked_for_by_one_who_saw_it() -> None:
    """Features that give each group away alone, and nothing of the source, are no help."""
    random = np.random.default_rng(1)
    true = np.arange(160) // 4 % 2
    groups = np.array([f"g{n // 4}" for n in range(160)])
    features = np.repeat(random.normal(size=(40, 400)), 4, axis=0)
    told = cross_validated(features, true, groups)
    assert (told == true).mean() == pytest.approx(0.5, abs=0.2)


def test_what_the_last_layer_takes_is_probed() -> None:
    """The dense layer before it; of a large flattened map the means of the last feature map."""
    image = keras.Input((80, 80, 3))
    maps = keras.layers.Conv2D(2, 3, name="maps")(image)
    flat = keras.layers.Flatten()(maps)
    large = keras.Model(image, keras.layers.Dense(3)(flat))
    assert last_feature_map(large) == "maps"
    assert penultimate(large).output.shape == (None, 2)
    hidden = keras.layers.Dense(7)(flat)
    small = keras.Model(image, keras.layers.Dense(3)(keras.layers.Dropout(0.5)(hidden)))
    assert penultimate(small).output.shape == (None, 7)
