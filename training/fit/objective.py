"""The network that learns with further terms, and its loss, on any of Keras's backends.

Keras gives a loss one array of targets and one of outputs; both are packed, part after part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from screening.networks.feature_maps import last_feature_map
from training.fit.partial_label import allowed_accuracy, partial_label_loss
from training.protocols.loss_terms import Terms

EMBEDDING = 128
TEMPERATURE = 0.1
"""Of the contrast, as in its paper."""
WORST_SHARPNESS = 1.0
_NEVER = -1e9
_CLOSEST = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How many outputs there are of each part.

    Outputs: probabilities of classes, logits of findings, logits of hospitals, an embedding.
    Targets: allowed classes, findings known, findings there, the hospital, and its rivals.
    """

    classes: int
    findings: int
    hospitals: int

    def of_outputs(self, outputs: Any) -> tuple[Any, Any, Any, Any]:
        """Return probabilities, logits of findings and of hospitals, and embedding."""
        first, second = self.classes, self.classes + self.findings
        third = second + self.hospitals
        return (
            outputs[:, :first],
            outputs[:, first:second],
            outputs[:, second:third],
            outputs[:, third:],
        )

    def of_targets(self, targets: Any) -> tuple[Any, Any, Any, Any, Any]:
        """Return allowed classes, known findings, findings there, hospital, and rivals."""
        ends = np.cumsum(
            [self.classes, self.findings, self.findings, self.hospitals, self.hospitals]
        ).tolist()
        starts = [0, *ends[:-1]]
        allowed, known, there, hospital, rivals = (
            targets[:, start:end] for start, end in zip(starts, ends, strict=True)
        )
        return allowed, known, there, hospital, rivals


def packed_targets(
    allowed: NDArray[np.float32], findings: NDArray[np.float32], hospitals: Sequence[str]
) -> NDArray[np.float32]:
    """Return the targets of `objective`, (images, ...), as `Layout` says.

    allowed: (images, classes). findings: (images, 2, findings). hospitals: of each image. Rivals
    of an image are the hospitals that have images of the same allowed classes.
    """
    names, place = np.unique(np.array(hospitals, dtype=np.str_), return_inverse=True)
    own = np.eye(len(names), dtype=np.float32)[place]
    _, kind = np.unique(allowed, axis=0, return_inverse=True)
    of_kind = np.zeros((int(kind.max()) + 1, len(names)), np.float32)
    of_kind[kind, place] = 1.0
    parts = (allowed, findings[:, 0], findings[:, 1], own, of_kind[kind])
    return np.concatenate(parts, axis=1).astype(np.float32)


def training_network(model: keras.Model, layout: Layout) -> keras.Model:
    """Return a network on the same weights that gives all parts, for training alone.

    The features are the means of the last feature map. The hospital is told from features whose
    gradient is reversed, so that they learn to tell it less.
    Source: Ganin et al. 2016, JMLR 17:59 (reversed gradients); Khosla et al. 2020, NeurIPS
    (embedding of two layers).
    """
    layer = model.get_layer(last_feature_map(model))
    features = keras.layers.GlobalAveragePooling2D(dtype="float32", name="term_features")(
        layer.output
    )
    findings = keras.layers.Dense(layout.findings, dtype="float32", name="term_findings")(features)
    reversed_features = 2 * keras.ops.stop_gradient(features) - features
    hospitals = keras.layers.Dense(layout.hospitals, dtype="float32", name="term_hospitals")(
        reversed_features
    )
    embedding = keras.layers.Dense(
        EMBEDDING, activation="relu", dtype="float32", name="term_hidden"
    )(features)
    embedding = keras.layers.Dense(EMBEDDING, dtype="float32", name="term_embedding")(embedding)
    embedding = keras.layers.UnitNormalization(dtype="float32", name="term_unit")(embedding)
    parts = [model.output, findings, hospitals, embedding]
    packed = keras.layers.Concatenate(dtype="float32", name="term_parts")(parts)
    return keras.Model(model.input, packed, name=model.name)


def objective(layout: Layout, terms: Terms) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the loss of a packed batch, (batch,), and the share of right classes, (batch,)."""

    def loss(targets: Any, outputs: Any) -> Any:
        targets = keras.ops.cast(targets, "float32")
        allowed, known, there, hospital, rivals = layout.of_targets(targets)
        probabilities, findings, hospitals, embedding = layout.of_outputs(outputs)
        own = partial_label_loss(allowed, probabilities)
        total = terms.classes * own
        if terms.findings:
            total += terms.findings * known_findings_loss(known, there, findings)
        if terms.adversary:
            total += terms.adversary * among_rivals_loss(hospital, rivals, hospitals)
        if terms.contrast:
            total += terms.contrast * contrast_loss(allowed, hospital, embedding)
        if terms.matched:
            total += terms.matched * matched_loss(allowed, hospital, probabilities)
        if terms.variance or terms.worst:
            losses, shown = losses_by_hospital(own, hospital)
            total += terms.variance * variance_of(losses, shown)
            total += terms.worst * worst_of(losses, shown)
        return total

    def accuracy(targets: Any, outputs: Any) -> Any:
        return allowed_accuracy(layout.of_targets(targets)[0], layout.of_outputs(outputs)[0])

    return loss, accuracy


def known_findings_loss(known: Any, there: Any, logits: Any) -> Any:
    """Return the mean binary cross-entropy over the findings that are known, (batch,)."""
    each = keras.ops.maximum(logits, 0) - logits * there
    each += keras.ops.log1p(keras.ops.exp(-keras.ops.abs(logits)))
    count = keras.ops.maximum(keras.ops.sum(known, axis=-1), 1.0)
    return keras.ops.sum(known * each, axis=-1) / count


def among_rivals_loss(hospital: Any, rivals: Any, logits: Any) -> Any:
    """Return the cross-entropy of the hospital among those that have the image's class, (batch,).

    Others are no rivals: telling them apart would be telling the class.
    Source: Li et al. 2018, ECCV (conditional invariant adversarial network), its idea.
    """
    rival_logits = keras.ops.where(rivals > 0, logits, _NEVER)
    own = keras.ops.sum(hospital * logits, axis=-1)
    return keras.ops.logsumexp(rival_logits, axis=-1) - own


def contrast_loss(allowed: Any, hospital: Any, embedding: Any) -> Any:
    """Return how unlike an image is those of its class at other hospitals, (batch,).

    0 where the batch has none. Source: Khosla et al. 2020, NeurIPS, Supervised Contrastive
    Learning, equation 2, with the positives of other hospitals alone.
    """
    likeness = keras.ops.matmul(embedding, keras.ops.transpose(embedding)) / TEMPERATURE
    itself = keras.ops.eye(keras.ops.shape(embedding)[0], dtype="float32")
    differing = keras.ops.abs(allowed[:, None, :] - allowed[None, :, :])
    same_class = keras.ops.cast(keras.ops.max(differing, axis=-1) < 0.5, "float32")  # noqa: PLR2004
    same_place = keras.ops.matmul(hospital, keras.ops.transpose(hospital))
    positive = same_class * (1 - same_place)
    others = keras.ops.where(itself > 0, _NEVER, likeness)
    log_share = likeness - keras.ops.logsumexp(others, axis=-1, keepdims=True)
    count = keras.ops.sum(positive, axis=-1)
    return -keras.ops.sum(positive * log_share, axis=-1) / keras.ops.maximum(count, 1.0)


def matched_loss(allowed: Any, hospital: Any, probabilities: Any) -> Any:
    """Return how far an image ranks below those of its hospital that lack its class, (batch,).

    0 where its class is not certain, or the batch has no such image. What identifies the hospital
    shifts both scores of a pair alike, so that it lowers no loss.
    Source: Breslow and Day 1980, chapter VII (matched cases and controls); Burges et al. 2005,
    ICML (the logistic loss of a pair's difference).
    """
    probabilities = keras.ops.clip(probabilities, _CLOSEST, 1 - _CLOSEST)
    log_odds = keras.ops.log(probabilities) - keras.ops.log1p(-probabilities)
    certain = keras.ops.cast(keras.ops.sum(allowed, axis=-1, keepdims=True) < 2, "float32")  # noqa: PLR2004
    same_place = keras.ops.matmul(hospital, keras.ops.transpose(hospital))
    pairs = (allowed * certain)[:, None, :] * (1 - allowed)[None, :, :] * same_place[:, :, None]
    below = keras.ops.softplus(log_odds[None, :, :] - log_odds[:, None, :])
    count = keras.ops.sum(pairs, axis=(1, 2))
    return keras.ops.sum(pairs * below, axis=(1, 2)) / keras.ops.maximum(count, 1.0)


def losses_by_hospital(own: Any, hospital: Any) -> tuple[Any, Any]:
    """Return each hospital's mean loss, (hospitals,), and 1 where the batch shows it, else 0."""
    count = keras.ops.sum(hospital, axis=0)
    losses = keras.ops.sum(hospital * own[:, None], axis=0) / keras.ops.maximum(count, 1.0)
    return losses, keras.ops.cast(count > 0, "float32")


def variance_of(losses: Any, shown: Any) -> Any:
    """Return the variance of the losses of the hospitals shown.

    Source: Krueger et al. 2021, ICML, Out-of-Distribution Generalization via Risk Extrapolation.
    """
    count = keras.ops.maximum(keras.ops.sum(shown), 1.0)
    mean = keras.ops.sum(shown * losses) / count
    return keras.ops.sum(shown * keras.ops.square(losses - mean)) / count


def worst_of(losses: Any, shown: Any) -> Any:
    """Return the mean of the losses of the hospitals shown, larger ones weighing more.

    Source: Sagawa et al. 2020, ICLR (group DRO); here the weights are those of the batch, as in
    Li et al. 2021, ICLR, Tilted Empirical Risk Minimization, so that nothing need be remembered.
    """
    tilted = keras.ops.where(shown > 0, WORST_SHARPNESS * losses, _NEVER)
    weights = keras.ops.stop_gradient(keras.ops.softmax(tilted))
    return keras.ops.sum(weights * losses)
