"""What training the lung-field network leaves, and how it is loaded again.

LUNG/weights.npz       the network's weights, float32
LUNG/lung-field.json   its specification and figures
"""

import json
from pathlib import Path

from screening.errors import BundleError
from screening.imaging.lung_field import LungFieldSpec
from screening.networks.lung_field import LungFieldFinder, build_lung_field
from screening.networks.weights import load_weights
from training.errors import TrainingError

RECORD = "lung-field.json"


def lung_field_weights(run: Path) -> Path:
    """Return where a lung-field run has its weights."""
    return run / "weights.npz"


def load_lung_field(run: Path) -> LungFieldFinder:
    """Return the trained finder of a run; raises TrainingError where there is none."""
    try:
        spec = LungFieldSpec(**json.loads((run / RECORD).read_text(encoding="utf-8"))["spec"])
        model = build_lung_field(spec.height, spec.width)
        load_weights(model, [lung_field_weights(run)])
    except (OSError, ValueError, TypeError, KeyError, BundleError) as error:
        raise TrainingError(
            f"expected a trained lung-field network in {run}, cannot read it "
            f"({type(error).__name__}: {error}); train it with `screening train lung-field`"
        ) from error
    return LungFieldFinder(model, spec)
