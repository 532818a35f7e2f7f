"""A network's answers, made up, for tests of what is computed from them."""

from collections.abc import Sequence

import numpy as np

from tests.training.image_rows import digest
from training.runs.held_out_scores import Predictions, Question

THREE = ("covid19", "pneumonia", "normal")


def question(name: str, klass: str, **changes: object) -> Question:
    """Return a picture of its own group, of a source that was trained on, with changes."""
    values = {
        "pixels_sha256": digest(name),
        "split_group": name,
        "source": "site",
        "klass": klass,
        "training_images_of_source": 10,
        "group_in_training": False,
    }
    return Question(**(values | changes))  # type: ignore[arg-type]  # values of the fields' types


def answers(
    true: Sequence[str], rows: Sequence[Sequence[float]], classes: tuple[str, ...] = THREE
) -> Predictions:
    """Return answers to pictures named by their place."""
    questions = tuple(question(str(n), klass) for n, klass in enumerate(true))
    return Predictions(classes, questions, np.array(rows, dtype=np.float64))
