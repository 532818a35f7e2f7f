"""The protocols are those of the papers, and every one has its passport."""

import pytest

from training.errors import TrainingError
from training.protocols import amini2021, khan2020, rahimzadeh2020, soares2020
from training.protocols.registry import PROTOCOLS, find_protocol

PASSPORT = ("Citation:", "Data:", "Expected", "Cost:", "Command", "Deviations:")
PAPER_VALUES = {
    "rahimzadeh2020-concatenated": (300, "nadam", 1e-4, 20, 100, 5, 8),
    "rahimzadeh2020-xception": (300, "nadam", 1e-4, 30, 100, 5, 8),
    "rahimzadeh2020-resnet50v2": (300, "nadam", 1e-4, 30, 100, 5, 8),
    "khan2020-4class": (150, "adam", 1e-4, 10, 80, 4, 1),
    "soares2020-vgg16": (237, "adam", 1e-3, 15, 80, 1, 1),
    "soares2020-xception": (237, "adam", 1e-3, 15, 80, 1, 1),
    "soares2020-resnet50": (237, "adam", 1e-3, 15, 80, 1, 1),
    "amini2021-vgg19": (224, "adam", 1e-4, 32, 10, 1, 1),
}


@pytest.mark.parametrize("module", [amini2021, khan2020, rahimzadeh2020, soares2020])
def test_every_paper_has_a_passport(module: object) -> None:
    """A protocol's docstring has citation, data, expected figures, cost, command, deviations."""
    text = module.__doc__ or ""
    assert [heading for heading in PASSPORT if f"\n{heading}" not in text] == []


@pytest.mark.parametrize("name", PAPER_VALUES)
def test_training_parameters_are_the_papers(name: str) -> None:
    """Size, optimizer, learning rate, batch, epochs, folds and phases are those of the tables."""
    protocol = PROTOCOLS[name]
    assert PAPER_VALUES[name] == (
        protocol.height,
        protocol.optimizer.value,
        protocol.learning_rate,
        protocol.batch_size,
        protocol.epochs,
        protocol.folds,
        protocol.phases,
    )


def test_a_mistyped_name_is_answered_with_a_near_one() -> None:
    """The error names what was probably meant and the command that lists all."""
    with pytest.raises(TrainingError, match=r"khan2020-4class.*screening train list"):
        find_protocol("khan2020-4clas")
