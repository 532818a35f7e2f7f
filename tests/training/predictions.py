"""A network's scores, made up, for tests of what is computed from them."""

from collections.abc import Sequence

import numpy as np

from tests.training.image_rows import digest
from training.runs.held_out_scores import Example, Predictions

THREE = ("covid19", "pneumonia", "normal")


def example(name: str, klass: str, **changes: object) -> Example:
    """Return an image of its own group, of a source that was trained on, with changes."""
    values = {
        "pixels_sha256": digest(name),
        "split_group": name,
        "source": "site",
        "klass": klass,
        "training_images_of_source": 10,
        "group_in_training": False,
    }
    return Example(**(values | changes))  # type: ignore[arg-type]  # values of the fields' types


def predictions(
    true: Sequence[str], rows: Sequence[Sequence[float]], classes: tuple[str, ...] = THREE
) -> Predictions:
    """Return scores of images that are named by their place."""
    examples = tuple(example(str(n), klass) for n, klass in enumerate(true))
    return Predictions(classes, examples, np.array(rows, dtype=np.float64))
