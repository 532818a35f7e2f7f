"""Small networks with the layer names that training relies on."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras

from screening.bundles.registry import Bundle
from screening.imaging.network_input.lung_field import LungFieldSpec
from screening.networks.architectures import Architecture
from screening.networks.lung_field import build_lung_field
from tests.training.trained_runs import Site
from training.networks.catalogue import TRAINING_ARCHITECTURES
from training.networks.lung_field import RECORD, WEIGHTS
from training.runs.checkpoint import save_network


def build_tiny(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build a network of a few hundred weights: one convolution, normalisation, dropout, head."""
    image = keras.Input(input_shape, name="image")
    x = keras.layers.Conv2D(4, 3, strides=2, name="conv")(image)
    x = keras.layers.BatchNormalization(name="conv_bn")(x)
    x = keras.layers.GlobalAveragePooling2D(name="averaged")(x)
    x = keras.layers.Dropout(0.5, name="dropout")(x)
    x = keras.layers.Dense(8, activation="relu", name="hidden")(x)
    last = "sigmoid" if classes == 1 else "softmax"
    x = keras.layers.Dense(classes, activation=last, name="probabilities")(x)
    return keras.Model(image, x, name="tiny")


@pytest.fixture(scope="session")
def tiny_architectures() -> dict[str, Architecture]:
    """Return a small network in place of every one that a protocol names."""
    return {
        name: Architecture(build_tiny, 32, 32, found.classes, 0, "a test")
        for name, found in TRAINING_ARCHITECTURES.items()
    }


@pytest.fixture(scope="session")
def lung_field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a lung-field network that was never trained."""
    run = tmp_path_factory.mktemp("lung-field")
    spec = LungFieldSpec(height=32, width=32)
    (run / RECORD).write_text(json.dumps({"spec": asdict(spec)}), encoding="utf-8")
    save_network(run / WEIGHTS, build_lung_field(spec.height, spec.width))
    return run


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory, tiny_architectures: dict[str, Architecture]
) -> Site:
    """Return two small trained runs."""
    return Site(tmp_path_factory.mktemp("site"), tiny_architectures)


@pytest.fixture(scope="session")
def released(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the bundle of both runs."""
    return site.export(tmp_path_factory.mktemp("released") / "chest-1")
