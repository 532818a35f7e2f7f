"""A trained network in the form in which it scores, the same for training and the stations."""

from dataclasses import dataclass

import keras

from screening.networks.against_normal import with_against_normal
from screening.networks.test_time_augmentation import with_test_time_augmentation


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringForm:
    """What is done around a network's probabilities; nothing of it is trained."""

    classes: tuple[str, ...]
    """In the order of the outputs."""
    mirrored: bool = False
    """See `with_test_time_augmentation`."""
    inner: float | None = None
    """See `with_test_time_augmentation`."""
    against_normal: float = 0.0
    """See `with_against_normal`; of each view alone."""

    def of(self, model: keras.Model) -> keras.Model:
        """Return a network on the same weights; further outputs than probabilities stay."""
        model = with_against_normal(model, self.classes, self.against_normal)
        return with_test_time_augmentation(model, mirrored=self.mirrored, inner=self.inner)
