"""Pictures that the ensemble does not know are not applicable, by the bundle's own statistics."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the ensemble needs TensorFlow")

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.bundles.manifest import MANIFEST_NAME, manifest_bytes, parse_manifest
from screening.bundles.parts import OutlierCheckMethod, OutlierCheckSection
from screening.bundles.registry import Bundle, describe_file, load_bundle
from screening.domain.eligibility import EligibilityRules, Reason, Refusal
from screening.domain.scores import EnsembleScores
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.feature_statistics import (
    choose_threshold,
    fit_statistics,
    write_statistics,
)
from screening.ensemble.outlier_check import OutlierCheck
from screening.ensemble.score_files import score_files
from screening.errors import BundleError
from screening.imaging.fingerprint import fingerprint
from screening.imaging.network_input.preprocess import InputSpec, preprocess
from screening.imaging.phantoms.phantom_image import phantom_image
from screening.networks.architectures import ARCHITECTURES, Architecture
from screening.networks.feature_maps import with_features
from screening.networks.weights import save_weights
from tests.bundles.manifests import SHA256, valid_manifest
from tests.bundles.same_scores import assert_same_scores, scores_of

pytestmark = pytest.mark.tensorflow

LAYER = "pooled"
SPEC = InputSpec(64, 64)
RULES = EligibilityRules()


@cache
def known() -> list[NDArray[np.uint8]]:
    """Return the images whose features the bundle's statistics describe."""
    return [phantom_image(seed, 240, 220) for seed in range(40)]


@cache
def unknown() -> list[NDArray[np.uint8]]:
    """Return three of them, turned."""
    return [np.rot90(image) for image in known()[:3]]


def build_tiny(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build a network whose feature map tells where a picture is bright."""
    image = keras.Input(input_shape, name="image")
    x = keras.layers.AveragePooling2D(16, name="means")(image)
    x = keras.layers.Reshape((1, 1, -1), name="places")(x)
    x = keras.layers.Activation("linear", name=LAYER)(x)
    x = keras.layers.Flatten(name="flattened")(x)
    answers = keras.layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(image, answers, name="tiny")


@pytest.fixture(autouse=True)
def tiny_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let manifests name the small network."""
    tiny = Architecture(build_tiny, 64, 64, ("covid19", "pneumonia", "normal"), 0, "a test")
    monkeypatch.setitem(dict_of(ARCHITECTURES), "tiny", tiny)


def dict_of(architectures: object) -> dict[str, Architecture]:
    """Return the table as what it is."""
    assert isinstance(architectures, dict)
    return architectures


Make = Callable[..., Bundle]


@pytest.fixture
def make_bundle(tmp_path: Path) -> Make:
    """Return a function that writes a tiny bundle, with a outlier check or without."""

    def make(*, checked: bool, layer: str = LAYER, features: int | None = None) -> Bundle:
        directory = tmp_path / "bundle"
        directory.mkdir()
        keras.utils.set_random_seed(1)
        model = build_tiny((64, 64, 3), 3)
        members = [
            {
                "name": name,
                "architecture": "tiny",
                "classes": ["covid19", "pneumonia", "normal"],
                "input": {"height": 64, "width": 64, "value_range": [0, 1]},
                "weights": [
                    describe_file(path).model_dump()
                    for path in save_weights(model, directory, name)
                ],
            }
            for name in ("first", "second")
        ]
        golden = directory / "golden-1.png"
        Image.fromarray(unknown()[0]).save(golden)
        scores = np.asarray(model(preprocess(unknown()[0], SPEC)[np.newaxis]))[0].tolist()
        content = valid_manifest() | {
            "members": members,
            "preprocessing_fingerprint": fingerprint(),
            "golden": [
                describe_file(golden).model_dump()
                | {"member_scores": {"first": scores, "second": scores}, "tolerance": 0.01}
            ],
        }
        if checked:
            content["picture_check"] = section(directory, model, layer, features)
        (directory / MANIFEST_NAME).write_bytes(manifest_of(content, directory))
        return load_bundle(directory)

    return make


def manifest_of(content: dict[str, object], directory: Path) -> bytes:
    """Return a manifest as a release writes it."""
    return manifest_bytes(parse_manifest(json.dumps(content).encode(), directory))


def section(
    directory: Path, model: keras.Model, layer: str, features: int | None
) -> dict[str, object]:
    """Fit statistics as training does: half of the known pictures for them, half to choose by."""
    batch = np.stack([preprocess(image, SPEC) for image in known()])
    found = np.asarray(with_features(model, LAYER)(batch)[1])[:, :features]
    path = directory / "known-pictures.npz"
    statistics = fit_statistics(found[:20], ["all"] * 20)
    write_statistics(path, statistics)
    return {
        "member": "second",
        "layer": layer,
        "method": "mahalanobis",
        "threshold": 1.2 * choose_threshold(statistics.distances(found[20:])),
        "statistics": describe_file(path).model_dump(),
    }


def prepared_and_screened(
    bundle: Bundle, images: list[NDArray[np.uint8]]
) -> list[EnsembleScores | Refusal]:
    """Screen pictures as the worker does."""
    ensemble = Ensemble.load(bundle)
    return ensemble.screen([ensemble.prepare(image) for image in images])


def test_unknown_pictures_are_refused_in_their_place(make_bundle: Make) -> None:
    """Rotated phantoms among upright ones: a reason with numbers, and scores for the others."""
    images = [known()[0], unknown()[0], known()[1], unknown()[1]]
    first, second, third, fourth = prepared_and_screened(make_bundle(checked=True), images)
    assert isinstance(first, EnsembleScores)
    assert isinstance(third, EnsembleScores)
    for refusal in (second, fourth):
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.UNLIKE_CHEST_RADIOGRAPH
        assert refusal.found.startswith("distance ")
        assert "accepted" in refusal.found


def test_without_the_section_every_picture_is_scored(make_bundle: Make) -> None:
    """A bundle without a outlier check knows no unknown pictures."""
    answers = prepared_and_screened(make_bundle(checked=False), unknown())
    assert all(isinstance(answer, EnsembleScores) for answer in answers)


def test_the_check_changes_no_score(make_bundle: Make) -> None:
    """`score` and golden images go past the check: a golden image may be a phantom."""
    ensemble = Ensemble.load(make_bundle(checked=True))
    ensemble.verify_golden()
    (answer,) = ensemble.screen([ensemble.prepare(known()[0])])
    assert_same_scores(scores_of(ensemble, [known()[0], unknown()[0]])[:1], [answer])
    assert ensemble.screen([]) == []


def test_members_still_run_once(make_bundle: Make) -> None:
    """Features come out of the graph that gives the probabilities, traced once."""
    ensemble = Ensemble.load(make_bundle(checked=True))
    for size in (1, 3, 2):
        ensemble.screen([ensemble.prepare(image) for image in known()[:size]])
    assert [m._forward.experimental_get_tracing_count() for m in ensemble._members] == [1, 1]


def test_files_are_refused_too(make_bundle: Make, tmp_path: Path) -> None:
    """`screening score` says not applicable, with the reason, and gives no scores."""
    for name, image in (("known.png", known()[0]), ("unknown.png", unknown()[0])):
        Image.fromarray(image).save(tmp_path / name)
    ensemble = Ensemble.load(make_bundle(checked=True))
    files = [tmp_path / "unknown.png", tmp_path / "known.png"]
    refused, scored = score_files(ensemble, files, RULES)
    assert (refused.state, refused.reason) == ("not_applicable", "unlike_chest_radiograph")
    assert refused.scores is None
    assert refused.priority is None
    assert scored.state == "classified"
    assert scored.scores is not None


def test_changed_statistics_stop_the_bundle(make_bundle: Make) -> None:
    """Their digest is checked like that of the weights."""
    bundle = make_bundle(checked=True)
    path = bundle.directory / "known-pictures.npz"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(BundleError, match=r"known-pictures\.npz: expected"):
        Ensemble.load(bundle)


def test_a_layer_that_is_not_there_stops_the_bundle(make_bundle: Make) -> None:
    """Before the first picture."""
    with pytest.raises(BundleError, match="expected a layer named absent"):
        Ensemble.load(make_bundle(checked=True, layer="absent"))


def test_statistics_of_another_layer_stop_the_bundle(make_bundle: Make) -> None:
    """Numbers of features that differ are told by the golden images, before any picture."""
    ensemble = Ensemble.load(make_bundle(checked=True, features=7))
    with pytest.raises(BundleError, match="expected 7 features of each image"):
        ensemble.verify_golden()


def test_a_picture_at_the_threshold_is_accepted(tmp_path: Path) -> None:
    """Only what is further away is refused."""
    random = np.random.default_rng(0)
    features = random.standard_normal((50, 4)).astype(np.float32)
    statistics = fit_statistics(features, ["all"] * 50)
    write_statistics(tmp_path / "known.npz", statistics)
    threshold = float(statistics.distances(features[:1])[0])
    check = OutlierCheckSection(
        member="any",
        layer="any",
        method=OutlierCheckMethod.MAHALANOBIS,
        threshold=threshold,
        statistics={"file": "known.npz", "sha256": SHA256, "bytes": 1},
    )
    distance = OutlierCheck(check, tmp_path)
    near, far = distance.answers(np.stack([features[0], features[0] + 9]))
    assert near.refusal is None
    assert far.refusal is not None
    assert f"at most {threshold:.2f}" in far.refusal.found
    assert near.distance is not None
    assert far.distance is not None
    assert near.distance <= threshold < far.distance
