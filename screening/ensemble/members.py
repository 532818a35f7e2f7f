"""One member of an ensemble: its network, compiled, its outputs and their calibration.

Importing this module loads Keras, and what it runs on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from screening.bundles.manifest import Member
from screening.domain.scores import MemberScores, member_scores
from screening.ensemble.device import memory_for
from screening.errors import BundleError
from screening.networks.architectures import ARCHITECTURES, Architecture
from screening.networks.compiled import compiled
from screening.networks.feature_maps import with_features
from screening.networks.scoring_form import ScoringForm
from screening.networks.weights import load_weights


@dataclass(frozen=True, slots=True)
class MemberOutputs:
    """What a member's network gives for a batch."""

    probabilities: NDArray[np.float32]
    """(batch, classes), 0 to 1, before calibration."""
    features: NDArray[np.float32] | None
    """(batch, features) of the layer that the outlier check uses; None for other members."""


class EnsembleMember:
    """One member's network, compiled once for batches of any size."""

    def __init__(
        self, member: Member, model: keras.Model, feature_layer: str | None = None
    ) -> None:
        """Compile the network, with test-time augmentation where the manifest asks for it.

        feature_layer: it gives this layer's features, too. Raises BundleError where the
        network has no such layer.
        """
        self.member = member
        self.network = model
        """Without test-time augmentation, for what looks inside it."""
        self.gives_features = feature_layer is not None
        if feature_layer is not None:
            model = with_features(model, feature_layer)
        model = ScoringForm(
            classes=member.classes,
            mirrored=member.mirrored,
            inner=member.inner,
            against_normal=member.against_normal,
        ).of(model)
        self.spec = member.input.spec
        self._forward = compiled(model)

    def outputs(self, images: NDArray[np.float32]) -> MemberOutputs:
        """Return what the network gives for (batch, height, width, 3) images, in one pass.

        Raises OutOfMemoryError where the memory is too small for so many, and BundleError where a
        number is not finite, which would otherwise pass as the lowest priority.
        """
        with memory_for(
            f"member {self.member.name}: {len(images)} x {self.spec.height} x "
            f"{self.spec.width} pixels"
        ):
            outputs = self._forward(images)
        probabilities, *features = [self._checked(output) for output in outputs]
        return MemberOutputs(probabilities, features[0] if features else None)

    def scores(self, probabilities: NDArray[np.float32]) -> list[MemberScores]:
        """Return the calibrated scores of (batch, classes) probabilities, in order."""
        rows: list[list[Any]] = probabilities.tolist()
        name, classes, temperature = self.member.name, self.member.classes, self.member.temperature
        return [member_scores(name, classes, row, temperature) for row in rows]

    def _checked(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        if not np.isfinite(outputs).all():
            raise BundleError(
                f"member {self.member.name}: expected finite probabilities, found others; "
                "verify the bundle, then check the device"
            )
        return outputs


def load_network(
    member: Member, directory: Path, architectures: Mapping[str, Architecture] = ARCHITECTURES
) -> keras.Model:
    """Build a member's network and load its weights from the bundle's directory.

    Raises BundleError where the architecture is unknown or the weights do not fit.
    """
    if member.architecture not in architectures:
        raise BundleError(
            f"member {member.name}: expected one of the architectures {', '.join(architectures)}, "
            f"found {member.architecture}; a newer version may know it"
        )
    build = architectures[member.architecture].build
    model = build((member.input.height, member.input.width, 3), len(member.classes))
    load_weights(model, [directory / file.file for file in member.weights])
    return model
