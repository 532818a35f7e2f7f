"""The networks are the papers' networks, and every build of them has the same names."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras
import numpy as np

from screening.domain.scores import CLASS_OF_MEMBER_CLASS
from screening.networks.architectures import ARCHITECTURES, Architecture

pytestmark = pytest.mark.tensorflow


Builds = dict[str, tuple[keras.Model, keras.Model]]
PAPER_COUNTS = {"concatenated": 48_928_811, "coronet": 33_969_964}


@pytest.fixture(scope="module")
def builds() -> Builds:
    """Return two builds of every network at its paper's size."""
    return {
        name: (paper_size(architecture), paper_size(architecture))
        for name, architecture in ARCHITECTURES.items()
    }


def paper_size(architecture: Architecture) -> keras.Model:
    """Build a network at its paper's size."""
    shape = (architecture.height, architecture.width, 3)
    return architecture.build(shape, len(architecture.classes))


def test_parameters_are_those_of_the_papers(builds: Builds) -> None:
    """The number of parameters of every network is its paper's and the table's."""
    assert {name: model.count_params() for name, (model, _) in builds.items()} == PAPER_COUNTS
    assert {name: a.parameters for name, a in ARCHITECTURES.items()} == PAPER_COUNTS


def test_coronet_has_the_layers_of_table_2(builds: Builds) -> None:
    """CoroNet's layers count as in table II, 54,528 of its parameters are batch statistics."""
    model, _ = builds["coronet"]
    assert sum(weight.numpy().size for weight in model.non_trainable_weights) == 54_528
    assert model.get_layer("flattened").output.shape == (None, 51_200)
    assert model.get_layer("hidden").count_params() == 13_107_456
    assert model.get_layer("probabilities").count_params() == 1_028


def test_the_concatenated_features_are_those_of_figure_1(builds: Builds) -> None:
    """Two backbones of 10 x 10 x 2048 meet in 1024 filters before the classifier."""
    model, _ = builds["concatenated"]
    assert model.get_layer("concatenated_features").output.shape == (None, 10, 10, 4096)
    assert model.get_layer("fused_features").output.shape == (None, 10, 10, 1024)
    assert model.get_layer("flattened").output.shape == (None, 102_400)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_names_do_not_depend_on_earlier_builds(builds: Builds, name: str) -> None:
    """A second build in one process has the same layer and weight names."""
    first_names, second_names = (
        [(layer.name, weight.name) for layer in model.layers for weight in layer.weights]
        for model in builds[name]
    )
    assert first_names == second_names
    assert [layer.name for layer in builds[name][0].layers] == [
        layer.name for layer in builds[name][1].layers
    ]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_residual_layers_are_named_as_in_published_weights(builds: Builds, name: str) -> None:
    """Xception's four residual convolutions are conv2d_1 to conv2d_4, narrow to wide."""
    model, _ = builds[name]
    filters = [model.get_layer(f"conv2d_{number}").filters for number in range(1, 5)]
    assert filters == [128, 256, 728, 1024]


@pytest.mark.parametrize(
    ("name", "file", "arrays"),
    [
        ("concatenated", "xception_imagenet_block1-13_keras.npz", 222),
        ("concatenated", "resnet50v2_slim_imagenet_conv1-conv4_keras.npz", 225),
        ("coronet", "xception_imagenet_block1-13_keras.npz", 222),
    ],
)
def test_published_imagenet_weights_fit_by_key(
    builds: Builds, data_dir: Path, name: str, file: str, arrays: int
) -> None:
    """Every array of the ImageNet files has a weight of the same key and shape."""
    model, _ = builds[name]
    shapes = {
        f"{layer.name}/{weight.name}": tuple(weight.shape)
        for layer in model.layers
        for weight in layer.weights
    }
    with np.load(data_dir / "weights" / file, allow_pickle=False) as published:
        assert len(published.files) == arrays
        for key in published.files:
            assert shapes[key] == published[key].shape


def test_classes_are_known_to_the_ensemble() -> None:
    """Every architecture's classes are classes that the ensemble can fold into its own."""
    for architecture in ARCHITECTURES.values():
        assert set(architecture.classes) <= CLASS_OF_MEMBER_CLASS.keys()
