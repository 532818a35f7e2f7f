"""The networks a bundle's manifest may name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import keras

from screening.networks.concatenated import build_concatenated
from screening.networks.coronet import build_coronet


class Builder(Protocol):
    """Makes a network with fresh weights."""

    def __call__(self, input_shape: tuple[int, int, int], classes: int) -> keras.Model:
        """Return a network from (batch, *input_shape) to (batch, classes) probabilities."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network and what its paper says of it."""

    build: Builder
    height: int
    """The paper's input height and width in pixels."""
    width: int
    classes: tuple[str, ...]
    """The paper's classes in our names, in the order of the outputs we use."""
    parameters: int
    """Trainable or not, at the paper's input size and number of classes."""
    source: str


ARCHITECTURES: Mapping[str, Architecture] = {
    "concatenated": Architecture(
        build=build_concatenated,
        height=300,
        width=300,
        classes=("covid19", "pneumonia", "normal"),
        parameters=48_928_811,
        source=(
            "Rahimzadeh and Attar 2020, A modified deep convolutional neural network for detecting "
            "COVID-19 and pneumonia from chest X-ray images based on the concatenation of Xception "
            "and ResNet50V2, section 2.1"
        ),
    ),
    "coronet": Architecture(
        build=build_coronet,
        height=150,
        width=150,
        classes=("covid19", "bacterial_pneumonia", "viral_pneumonia", "normal"),
        parameters=33_969_964,
        source=(
            "Khan, Shah and Bhat 2020, CoroNet: a deep neural network for detection and diagnosis "
            "of COVID-19 from chest x-ray images, table II"
        ),
    ),
}
