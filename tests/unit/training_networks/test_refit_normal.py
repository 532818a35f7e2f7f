"""Normal is refitted by what differs within hospitals, not between them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras

from tests.training.trained_runs import Site
from training.data.splits import Part
from training.errors import TrainingError
from training.fit import within_hospitals
from training.fit.refit_normal import RefitRequest, refit_normal
from training.fit.within_hospitals import (
    Direction,
    direction_within_hospitals,
    lower_normal,
)
from training.inference.features import penultimate
from training.runs.folder import read_run, read_split
from training.runs.held_out_scores import by_image, trained_folds

pytestmark = pytest.mark.tensorflow

Floats = NDArray[np.float64]


def two_hospitals() -> tuple[Floats, list[str], list[bool]]:
    """Return features, hospitals and sides: a hundred images of each side at a and b, 30 at c.

    The first feature tells the side, the second the hospital, which has far more others at a and
    far more normals at b, and c's others alone. The third tells nothing.
    """
    hospitals = ["a"] * 180 + ["b"] * 180 + ["c"] * 30
    normal = [False] * 150 + [True] * 30 + [False] * 30 + [True] * 150 + [False] * 30
    features = np.random.default_rng(0).normal(size=(len(hospitals), 3))
    features[:, 0] += [-1.0 if each else 1.0 for each in normal]
    features[:, 1] += [{"a": 10.0, "b": 0.0, "c": 30.0}[name] for name in hospitals]
    return features, hospitals, normal


def test_the_direction_has_nothing_of_the_hospital() -> None:
    """It points along the feature of the side; between a and b the one of the hospital is larger.

    Others lie above 0 and normals below, and a hospital with one side gives nothing.
    """
    features, hospitals, normal = two_hospitals()
    found = direction_within_hospitals(features, hospitals, normal)
    assert found.hospitals == ("a", "b")
    assert found.weights[0] > 1.5
    assert np.abs(found.weights[1:]).max() < 0.6
    other, normal_one = found.of(np.array([[1.0, 5.0, 0.0], [-1.0, 5.0, 0.0]]))
    assert other > 1 > -1 > normal_one


def test_hospitals_count_alike() -> None:
    """A hospital shown ten times as often does not count for more."""
    features, hospitals, normal = two_hospitals()
    features[180:360, 2] += [0.0 if each else 4.0 for each in normal[180:360]]
    once = direction_within_hospitals(features, hospitals, normal)
    own = np.repeat(np.arange(180), 10)
    more = direction_within_hospitals(
        np.concatenate([features[own], features[180:]]),
        [*(hospitals[n] for n in own), *hospitals[180:]],
        [*(normal[n] for n in own), *normal[180:]],
    )
    assert more.weights == pytest.approx(once.weights)


def test_units_of_a_feature_do_not_matter() -> None:
    """One in other units, and so of another variance, says of each image what it said before."""
    features, hospitals, normal = two_hospitals()
    expected = direction_within_hospitals(features, hospitals, normal).of(features)
    scaled = features * [10.0, 0.1, 1.0]
    found = direction_within_hospitals(scaled, hospitals, normal).of(scaled)
    assert found == pytest.approx(expected, abs=1e-2)


def test_one_side_alone_is_an_error() -> None:
    """It says which hospital has how many of each."""
    features, hospitals, normal = two_hospitals()
    with pytest.raises(TrainingError, match="found a 30 and 0, c 0 and 30; add images"):
        direction_within_hospitals(
            features[150:210], ["a"] * 30 + ["c"] * 30, [True] * 30 + [False] * 30
        )
    assert len(hospitals) == len(normal)


@pytest.mark.parametrize("is_map", [False, True])
def test_normal_alone_falls_along_the_direction(*, is_map: bool) -> None:
    """By the scale for each unit, whether the last layer takes features or a flattened map."""
    keras.utils.set_random_seed(0)
    image = keras.Input((80, 80, 1))
    x = keras.layers.Conv2D(4, 3, strides=2, name="maps")(image)  # 6,084 once flattened
    x = keras.layers.Flatten()(x)
    x = x if is_map else keras.layers.Dense(5)(x)
    logits = keras.layers.Dense(3, name="logits")(x)
    model = keras.Model(image, logits)
    images = np.random.default_rng(1).normal(size=(6, 80, 80, 1)).astype(np.float32)
    features = penultimate(model).predict(images, verbose=0)
    assert features.shape[1] == (4 if is_map else 5)
    before = model.predict(images, verbose=0)
    random = np.random.default_rng(2)
    direction = Direction(random.normal(size=features.shape[1]), 0.7, ("a",))
    lower_normal(model, 2, direction, 1.5)
    after = model.predict(images, verbose=0)
    assert after[:, :2] == pytest.approx(before[:, :2])
    assert before[:, 2] - after[:, 2] == pytest.approx(1.5 * direction.of(features), abs=1e-3)


def test_a_run_is_refitted(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Normal falls for a hospital's others and rises for its normals; pneumonias keep their odds.

    The new run has the same splits, says what it came from, and is scored like any other.
    """
    monkeypatch.setattr(within_hospitals, "FEWEST", 2)
    run, out = site.runs[0], tmp_path / "refitted"
    rows = by_image(site.rows)
    said: list[str] = []
    refit_normal(RefitRequest(run=run, rows=rows, out=out, weight=3.0), site.scorer, said.append)
    old, new = trained_folds(run)[0], trained_folds(out)[0]
    assert read_split(new.directory) == read_split(old.directory)
    record = read_run(out)
    assert record.normal_within_hospitals == 3.0
    assert record.start == {"run": read_run(run).identity}
    assert replace(record, start=old.record.start, normal_within_hospitals=0.0) == old.record
    assert record.identity != old.record.identity
    used = [
        each
        for each in read_split(old.directory)
        if each.part is Part.TRAIN and rows[each.pixels_sha256].hospital == "guangzhou"
    ]
    paths = [rows[each.pixels_sha256].path for each in used]
    before, after = (np.log(site.scorer(fold, paths)) for fold in (old, new))
    place = record.classes.index("normal")
    bacterial, viral = (
        record.classes.index(f"{kind}_pneumonia") for kind in ("bacterial", "viral")
    )
    odds = before[:, bacterial] - before[:, viral]
    assert after[:, bacterial] - after[:, viral] == pytest.approx(odds, abs=1e-3)
    rise = (after[:, place] - after[:, viral]) - (before[:, place] - before[:, viral])
    normal = np.array([each.klass == "normal" for each in used])
    assert rise[normal].mean() > 0 > rise[~normal].mean()


def test_what_cannot_be_refitted_is_refused(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that exists, another manifest, hospitals with one side, a run refitted already."""
    rows = by_image(site.rows)
    request = RefitRequest(run=site.runs[0], rows=rows, out=tmp_path / "refitted", weight=3.0)
    with pytest.raises(TrainingError, match="exists already"):
        refit_normal(replace(request, out=tmp_path), site.scorer)
    with pytest.raises(TrainingError, match="that manifest with --data"):
        refit_normal(replace(request, rows=by_image(site.rows[1:])), site.scorer)
    monkeypatch.setattr(within_hospitals, "FEWEST", 1000)
    with pytest.raises(TrainingError, match="at least 1000 normals and 1000 others"):
        refit_normal(request, site.scorer)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(within_hospitals, "FEWEST", 2)
    refit_normal(request, site.scorer)
    again = replace(request, run=request.out, out=tmp_path / "again")
    with pytest.raises(TrainingError, match="refitted with weight 3 already"):
        refit_normal(again, site.scorer)
    written = json.loads((request.out / "run.json").read_text())
    assert written["normal_within_hospitals"] == 3.0
