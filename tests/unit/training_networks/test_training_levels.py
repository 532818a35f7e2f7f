"""The grey levels of a bundle's training: each hospital counts alike, images without lungs not."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import numpy as np
from numpy.typing import NDArray

from screening.domain.eligibility import Reason, Refusal
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.input_views import PreparedInput
from tests.training.image_rows import image_row
from training.release import training_levels
from training.release.training_levels import measure_training_levels

pytestmark = pytest.mark.tensorflow


class LevelOfFile(Ensemble):
    """An ensemble without networks: a file's number is its grey level, and 99 has no lungs."""

    def __init__(self) -> None:
        """Take no bundle."""

    def prepare(self, image: NDArray[np.uint8], curve: object = None) -> PreparedInput:
        """Prepare the level alone."""
        del curve
        none = Refusal(Reason.UNLIKE_CHEST_RADIOGRAPH, "none") if image[0, 0] == 99 else None
        return PreparedInput((image.astype(np.float32),), refusal=none)

    def level_quantiles(self, one: PreparedInput) -> tuple[float, ...]:
        """Return the level."""
        return (float(one.arrays[0][0, 0]),) * 3


def test_hospitals_count_alike_however_many_images_they_gave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half of the levels are those of each; one with too few images is left out."""
    monkeypatch.setattr(training_levels, "FEWEST_OF_A_HOSPITAL", 2)

    class Read:
        """A file that is read."""

        def __init__(self, path: Path) -> None:
            self.pixels = np.full((4, 4), int(path.stem.split()[0]), np.uint8)

    monkeypatch.setattr(training_levels, "read_radiograph", Read)
    images = {"dark": [50] * 9 + [99], "bright": [200] * 2, "few": [255]}
    rows = [
        image_row(f"{level} {hospital} {n}", hospital=hospital)
        for hospital, levels in images.items()
        for n, level in enumerate(levels)
    ]
    found = measure_training_levels(LevelOfFile(), rows)
    assert found[16] == pytest.approx(50, abs=1)
    assert found[48] == pytest.approx(200, abs=1)
    assert measure_training_levels(LevelOfFile(), rows[-1:]) == ()
