"""The untrained bundle: random networks for demonstration and tests, until one is trained.

Importing this module loads TensorFlow.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from screening.bundles.manifest import (
    MANIFEST_NAME,
    Manifest,
    ManifestRule,
    Member,
    NetworkInput,
    manifest_bytes,
)
from screening.bundles.registry import Bundle, describe_file, load_bundle
from screening.domain.scores import Class
from screening.domain.triage import Priority
from screening.ensemble.device import set_up_runtime
from screening.ensemble.golden_images import (
    GOLDEN_IMAGES,
    GOLDEN_SEED,
    golden_images,
    golden_scores,
    write_golden,
)
from screening.ensemble.input_views import ViewExtractor
from screening.ensemble.members import EnsembleMember
from screening.errors import BundleError
from screening.imaging.fingerprint import fingerprint
from screening.imaging.network_input.preprocess import InputSpec, preprocess
from screening.networks.architectures import ARCHITECTURES, Architecture
from screening.networks.weights import load_weights, save_weights
from screening.whole_files import whole_folder

UNTRAINED_NAME = "untrained"
GOLDEN_TOLERANCE = 0.01
"""Random networks amplify rounding, and the scores are computed on a CPU but checked on a GPU."""
SPREAD_OF_LOGITS = 1.5
"""Standard deviation over the phantoms: some priorities of each kind on a demonstration list."""

_PHANTOMS = 6
_LIMITS_OF_USE = (
    "UNTRAINED: the weights are random and the scores mean nothing.",
    "For demonstration and tests of the data path only; never for a patient.",
)
_TRIAGE_RULES = (
    ManifestRule(priority=Priority.STAT, klass=Class.COVID19, at_least=0.9),
    ManifestRule(priority=Priority.HIGH, klass=Class.COVID19, at_least=0.5),
    ManifestRule(priority=Priority.HIGH, klass=Class.PNEUMONIA, at_least=0.9),
    ManifestRule(priority=Priority.MEDIUM, klass=Class.PNEUMONIA, at_least=0.5),
    ManifestRule(priority=Priority.MEDIUM, klass=Class.COVID19, at_least=0.2),
)


def make_untrained_bundle(directory: Path, seed: int = GOLDEN_SEED) -> Bundle:
    """Write a bundle of both architectures with random weights to `directory`.

    The same seed gives the same digest on the same machine. The bundle is written beside its place
    and renamed, so a process killed on the way leaves no half-made bundle there; where another
    process was faster, its bundle is returned. The scores differ from image to image: batch
    normalisation and the last layer are set from phantom images, or random networks of this depth
    would give every image the same third.
    Raises BundleError where `directory` exists already and is no bundle.
    """
    set_up_runtime()
    try:
        with whole_folder(directory) as unfinished, keras.device("cpu:0"):
            _write_bundle(unfinished, seed)  # GPU reductions may differ from run to run
    except OSError as error:
        if not directory.exists():
            raise
        if not (directory / MANIFEST_NAME).exists():
            raise BundleError(
                f"{directory}: expected a free place for the untrained bundle, found something "
                f"that is no bundle ({error.strerror}); move it away"
            ) from error
    return load_bundle(directory)


def _write_bundle(directory: Path, seed: int) -> None:
    images = golden_images(seed, _PHANTOMS)
    golden = images[:GOLDEN_IMAGES]
    members: list[Member] = []
    scores: dict[str, list[tuple[float, ...]]] = {}
    for index, (name, architecture) in enumerate(ARCHITECTURES.items()):
        model = _random_network(architecture, images, np.random.default_rng([seed, index]))
        member = _write_member(directory, name, architecture, model)
        members.append(member)
        scores[name] = golden_scores(EnsembleMember(member, model), golden, ViewExtractor())
    manifest = Manifest(
        schema_version=1,
        name=UNTRAINED_NAME,
        version="0",
        trained=False,
        members=tuple(members),
        triage_rules=_TRIAGE_RULES,
        preprocessing_fingerprint=fingerprint(),
        golden=write_golden(directory, golden, scores, GOLDEN_TOLERANCE),
        provenance={"seed": seed},
        limits_of_use=_LIMITS_OF_USE,
    )
    (directory / MANIFEST_NAME).write_bytes(manifest_bytes(manifest))


def _write_member(
    directory: Path, name: str, architecture: Architecture, model: keras.Model
) -> Member:
    """Save the weights and load them again, so that the model has them as stored."""
    paths = save_weights(model, directory, name)
    load_weights(model, paths)
    return Member(
        name=name,
        architecture=name,
        classes=architecture.classes,
        input=NetworkInput(
            height=architecture.height, width=architecture.width, value_range=(0.0, 1.0)
        ),
        weights=tuple(describe_file(path) for path in paths),
        weight=0.5,
    )


def _random_network(
    architecture: Architecture, images: Sequence[NDArray[np.uint8]], random: np.random.Generator
) -> keras.Model:
    spec = InputSpec(architecture.height, architecture.width)
    model = architecture.build((spec.height, spec.width, 3), len(architecture.classes))
    batch = np.stack([preprocess(image, spec) for image in images])
    _randomise_kernels(model, random)
    _settle_batch_normalisation(model, batch[:GOLDEN_IMAGES])
    _spread_outputs(model, batch)
    return model


def _randomise_kernels(model: keras.Model, random: np.random.Generator) -> None:
    """Give kernels normal values of variance 2 / inputs per output (He et al. 2015).

    Keras' own initialisers would take the process's global random state.
    """
    for weight in model.trainable_weights:
        if len(weight.shape) > 1:
            depthwise = "depthwise" in weight.name
            inputs = math.prod(weight.shape[:2] if depthwise else weight.shape[:-1])
            values = random.standard_normal(weight.shape, dtype=np.float32)
            weight.assign(values * np.float32(math.sqrt(2 / inputs)))


def _settle_batch_normalisation(model: keras.Model, batch: NDArray[np.float32]) -> None:
    """Take the moving statistics from one batch, as long training would leave them."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    model(batch, training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def _spread_outputs(model: keras.Model, batch: NDArray[np.float32]) -> None:
    """Scale the last layer so that its logits have mean 0 and `SPREAD_OF_LOGITS` over a batch."""
    logits = np.log(np.asarray(model(batch, training=False)))
    logits -= logits.mean(axis=1, keepdims=True)
    scale = SPREAD_OF_LOGITS / logits.std(axis=0).mean()
    last = model.layers[-1]
    last.kernel.assign(last.kernel * scale)
    last.bias.assign(-logits.mean(axis=0) * scale)
