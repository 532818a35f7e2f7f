"""Stores the lung-field network that the members of a bundle were trained with."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from screening.bundles.parts import LungField
from screening.bundles.registry import describe_file
from screening.networks.weights import save_weights
from training.errors import TrainingError
from training.inputs.input_view import kept_lung_field
from training.networks.lung_field import load_network, load_spec
from training.runs.held_out_scores import TrainedFold

STEM = "lung-field"


def store_lung_field(directory: Path, members: Sequence[TrainedFold]) -> LungField | None:
    """Write the network's weights, float32, into a bundle's directory; return its section.

    None where no member sees the lung field. Raises TrainingError where members were trained with
    different ones.
    """
    seeing = [member for member in members if member.record.lung_field]
    if not seeing:
        return None
    if len({member.record.lung_field for member in seeing}) > 1:
        raise TrainingError(
            "expected one lung-field network for all members, found several "
            f"({', '.join(str(member.run) for member in seeing)}); train the members with the same "
            "--lung-field"
        )
    run = kept_lung_field(seeing[0].run)
    weights = save_weights(load_network(run), directory, STEM, dtype="float32")
    files = tuple(describe_file(path) for path in weights)
    return LungField(**asdict(load_spec(run)), weights=files)
