"""A bundle with two tiny networks and an outlier check that knows phantoms standing upright."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from screening.bundles.manifest import MANIFEST_NAME, manifest_bytes, parse_manifest
from screening.bundles.registry import Bundle, describe_file, load_bundle
from screening.ensemble.feature_statistics import (
    choose_threshold,
    fit_statistics,
    write_statistics,
)
from screening.imaging.fingerprint import fingerprint
from screening.imaging.network_input.preprocess import InputSpec, preprocess
from screening.imaging.phantoms.phantom_image import phantom_image
from screening.networks.architectures import ARCHITECTURES, Architecture
from screening.networks.feature_maps import with_features
from screening.networks.weights import save_weights
from tests.bundles.manifests import valid_manifest

LAYER = "pooled"
SPEC = InputSpec(64, 64)
Make = Callable[..., Bundle]


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


def know_tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let manifests name the small network."""
    tiny = Architecture(build_tiny, 64, 64, ("covid19", "pneumonia", "normal"), 0, "a test")
    monkeypatch.setitem(dict_of(ARCHITECTURES), "tiny", tiny)


def dict_of(architectures: object) -> dict[str, Architecture]:
    """Return the table as what it is."""
    assert isinstance(architectures, dict)
    return architectures


def write_bundle(
    directory: Path, *, checked: bool, layer: str = LAYER, features: int | None = None
) -> Bundle:
    """Write a tiny bundle, with an outlier check or without."""
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
                describe_file(path).model_dump() for path in save_weights(model, directory, name)
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
