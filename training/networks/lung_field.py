"""What training the lung-field network leaves, and how it is loaded again.

RUN/weights.npz       the network's weights, float32
RUN/lung-field.json   its specification and figures
"""

import json
from pathlib import Path

import keras

from screening.errors import BundleError
from screening.imaging.network_input.lung_field import LungFieldSpec
from screening.networks.lung_field import LungFieldFinder, build_lung_field
from screening.networks.weights import load_weights
from training.errors import TrainingError

WEIGHTS = "weights.npz"
RECORD = "lung-field.json"


def load_spec(run: Path) -> LungFieldSpec:
    """Return what a run's network takes; raises TrainingError where there is none."""
    try:
        return LungFieldSpec(**json.loads((run / RECORD).read_text(encoding="utf-8"))["spec"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _unreadable(run, error) from error


def load_network(run: Path) -> keras.Model:
    """Return the trained network of a run; raises TrainingError where there is none."""
    spec = load_spec(run)
    model = build_lung_field(spec.height, spec.width)
    try:
        load_weights(model, [run / WEIGHTS])
    except (OSError, BundleError) as error:
        raise _unreadable(run, error) from error
    return model


def load_lung_field(run: Path) -> LungFieldFinder:
    """Return the trained finder of a run; raises TrainingError where there is none."""
    return LungFieldFinder(load_network(run), load_spec(run))


def _unreadable(run: Path, error: Exception) -> TrainingError:
    return TrainingError(
        f"expected a trained lung-field network in {run}, cannot read it "
        f"({type(error).__name__}: {error}); train it with `screening train lung-field`"
    )
