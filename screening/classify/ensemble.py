"""The ensemble of a bundle, loaded and ready to score.

Importing this module loads TensorFlow. TensorFlow reads its log level from the environment when it
is loaded, so whoever starts the worker sets TF_CPP_MIN_LOG_LEVEL beforehand.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from screening.bundles.manifest import Member
from screening.bundles.picture_distance import PictureDistance
from screening.bundles.registry import Bundle, verify_files
from screening.classify.examine import Failed
from screening.classify.golden_check import compare_golden, no_lung_field, read_grey
from screening.classify.memory_limit import MemoryLimit, in_parts
from screening.classify.picture_views import PictureViewer
from screening.domain.eligibility import Refusal
from screening.domain.scores import EnsembleScores, MemberScores, combine, member_scores
from screening.errors import BundleError, OutOfMemoryError, SettingsError
from screening.imaging.fingerprint import fingerprint
from screening.imaging.lung_field import Box
from screening.imaging.preprocess import preprocess
from screening.networks.architectures import ARCHITECTURES
from screening.networks.feature_maps import with_features
from screening.networks.test_time_augmentation import with_test_time_augmentation
from screening.networks.weights import load_weights

_MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "OUT_OF_MEMORY", "out of memory", "ALLOC_FAILED")
"""In errors of CUDA, cuDNN and cuBLAS that TensorFlow passes on under other classes."""


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """One radiograph as each member takes it."""

    arrays: tuple[NDArray[np.float32], ...]
    """In the order of the members: (height, width, 3), in the member's value range."""
    box: Box | None = None
    """Where the lung field lies in the picture; None where the bundle looks for none."""
    refusal: Refusal | None = None
    """Why there is no plausible lung field; the arrays then show the whole picture."""


@dataclass(frozen=True, slots=True)
class MemberAnswers:
    """probabilities: (batch, classes); features: (batch, features), None where none are asked."""

    probabilities: NDArray[np.float32]
    features: NDArray[np.float32] | None


class ServingMember:
    """One member's network as a single graph that takes any batch size.

    `model.predict` would build new objects at each call, which a long-lived worker never gets
    back; a graph with a fixed signature is traced once.
    """

    def __init__(
        self, member: Member, model: keras.Model, feature_layer: str | None = None
    ) -> None:
        """Make the graph; with `feature_layer` it gives that layer's features, too.

        Raises BundleError where the network has no such layer.
        """
        self.member = member
        if feature_layer is not None:
            model = with_features(model, feature_layer)
        model = with_test_time_augmentation(model, mirrored=member.mirrored, inner=member.inner)
        self.spec = member.input.spec
        shape = (None, self.spec.height, self.spec.width, 3)
        signature = [tf.TensorSpec(shape, tf.float32)]
        self._forward = tf.function(
            lambda images: model(images, training=False), input_signature=signature
        )

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (batch, classes) probabilities; see `answers`."""
        return self.answers(images).probabilities

    def answers(self, images: NDArray[np.float32]) -> MemberAnswers:
        """Return what the network gives for (batch, height, width, 3) images, in one pass.

        Raises OutOfMemoryError where the memory is too small for so many, and BundleError where a
        number is not finite, which would otherwise pass as the lowest priority.
        """
        with _memory_for(
            f"member {self.member.name}: {len(images)} x {self.spec.height} x "
            f"{self.spec.width} pixels"
        ):
            outputs = [out.numpy() for out in tf.nest.flatten(self._forward(tf.constant(images)))]
        probabilities, *features = [self._checked(output) for output in outputs]
        return MemberAnswers(probabilities, features[0] if features else None)

    def _checked(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        if not np.isfinite(outputs).all():
            raise BundleError(
                f"member {self.member.name}: expected finite probabilities, found others; "
                "verify the bundle, then check the device"
            )
        return outputs


class Ensemble:
    """The members of a bundle, their calibration and their combination, and its picture checks."""

    def __init__(
        self,
        bundle: Bundle,
        members: Sequence[ServingMember],
        picture_distance: PictureDistance | None = None,
        viewer: PictureViewer | None = None,
    ) -> None:
        self.bundle = bundle
        self._members = tuple(members)
        self._viewer = viewer or PictureViewer()
        self._picture_distance = picture_distance
        self._memory_limit = MemoryLimit()

    @classmethod
    def load(cls, bundle: Bundle) -> Self:
        """Verify a bundle's files, build its networks and load their weights.

        Raises BundleError where a file differs, the preprocessing is another, an architecture is
        unknown or weights do not fit. `verify_golden` checks that the scores come out right.
        """
        set_up_tensorflow()
        _refuse_other_preprocessing(bundle)
        verify_files(bundle)
        check = bundle.manifest.picture_check
        members = [
            ServingMember(
                member,
                _network(member, bundle.directory),
                check.layer if check and check.member == member.name else None,
            )
            for member in bundle.manifest.members
        ]
        distance = PictureDistance(check, bundle.directory) if check else None
        viewer = PictureViewer.load(bundle.manifest.lung_field, bundle.directory)
        return cls(bundle, members, distance, viewer)

    def prepare(self, image: NDArray[np.uint8]) -> PreparedInput:
        """Crop and resize one radiograph for each member; safe in any thread.

        image: (rows, columns) uint8, 0 = black, MONOCHROME2 sense.
        Raises UndecodablePixelsError where a side is too short, OutOfMemoryError where the memory
        is.
        """
        with _memory_for("one radiograph's views"):
            views = self._viewer.views(image)
            arrays = tuple(
                preprocess(views.pixels[member.member.input.view], member.spec)
                for member in self._members
            )
        return PreparedInput(arrays, views.box, views.refusal)

    def screen_prepared(
        self, batch: Sequence[PreparedInput]
    ) -> list[EnsembleScores | Refusal | Failed]:
        """Score prepared radiographs as `score_prepared`, but refuse what the bundle does not know.

        Returns scores or a refusal of each, in order: pictures without a plausible lung field, and
        what the picture check refuses; without either section in the manifest scores alone. Where
        the memory is too small for the batch it is halved, down to one picture, which then fails.
        """
        known = [one for one in batch if one.refusal is None]
        answers = iter(in_parts(known, self._memory_limit, self._screened))
        return [one.refusal or next(answers) for one in batch]

    def score_prepared(self, batch: Sequence[PreparedInput]) -> list[EnsembleScores]:
        """Score prepared radiographs, in order, known pictures or not.

        What else is in the batch moves a probability by rounding alone, less than
        `SCORE_TOLERANCE`. Raises OutOfMemoryError and BundleError as `ServingMember.answers` does.
        """
        scores, _ = self._answers(batch)
        return scores

    def _screened(self, part: Sequence[PreparedInput]) -> list[EnsembleScores | Refusal]:
        scores, refusals = self._answers(part)
        return [refused or scored for scored, refused in zip(scores, refusals, strict=True)]

    def _answers(
        self, batch: Sequence[PreparedInput]
    ) -> tuple[list[EnsembleScores], list[Refusal | None]]:
        if not batch:
            return [], []
        refusals: list[Refusal | None] = [None] * len(batch)
        by_member = []
        for index, member in enumerate(self._members):
            with _memory_for(f"a batch of {len(batch)}"):
                images = np.stack([prepared.arrays[index] for prepared in batch])
            answers = member.answers(images)
            by_member.append(_member_scores(member.member, answers.probabilities))
            if answers.features is not None and self._picture_distance:
                refusals = self._picture_distance.refusals(answers.features)
        weights = self.bundle.manifest.combination_weights
        return [combine(scores, weights) for scores in zip(*by_member, strict=True)], refusals

    def score(self, images: Sequence[NDArray[np.uint8]]) -> list[EnsembleScores]:
        """Prepare and score radiographs, (rows, columns) uint8 each, in order."""
        return self.score_prepared([self.prepare(image) for image in images])

    def verify_golden(self) -> None:
        """Score the bundle's golden images and compare with the scores in its manifest.

        Raises BundleError with expected and found scores where they differ beyond the tolerance,
        and where a golden image has no plausible lung field.
        """
        golden = self.bundle.manifest.golden
        prepared = [self.prepare(read_grey(self.bundle.directory / one.file)) for one in golden]
        for expected, one in zip(golden, prepared, strict=True):
            if one.refusal is not None:
                raise no_lung_field(self.bundle, expected, one.refusal)
        for expected, scores in zip(golden, self.score_prepared(prepared), strict=True):
            for member in scores.members:
                compare_golden(self.bundle, expected, member)


@contextlib.contextmanager
def _memory_for(what: str) -> Iterator[None]:
    """Raise OutOfMemoryError where the block runs out of memory, the device's or the machine's."""
    try:
        yield
    except (MemoryError, tf.errors.OpError) as error:
        if isinstance(error, tf.errors.OpError) and not _is_about_memory(error):
            raise
        raise OutOfMemoryError(
            f"expected memory for {what}, found too little; stop what else uses the device, "
            "or lower SCREENING_BATCH_SIZE"
        ) from error


def _is_about_memory(error: tf.errors.OpError) -> bool:
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return True
    return any(words in str(error.message) for words in _MEMORY_WORDS)


def set_up_tensorflow() -> None:
    """Share the GPU's memory, and multiply in full float32.

    Ampere and later GPUs would round factors to 10 bits (TF32), and the same picture would score
    differently on another device.
    """
    if keras.backend.backend() != "tensorflow":
        raise SettingsError(
            "expected Keras to use tensorflow, found "
            f"{keras.backend.backend()}; unset KERAS_BACKEND"
        )
    tf.config.experimental.enable_tensor_float_32_execution(False)
    for gpu in tf.config.list_physical_devices("GPU"):
        # Refused once the device is in use, as in training, which owns it then.
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)


def _refuse_other_preprocessing(bundle: Bundle) -> None:
    expected, found = bundle.manifest.preprocessing_fingerprint, fingerprint()
    if expected != found:
        raise BundleError(
            f"bundle {bundle.identity}: expected preprocessing {expected}, found {found} in this "
            "version; use the version the bundle was made with, or a bundle made with this one"
        )


def _network(member: Member, directory: Path) -> keras.Model:
    if member.architecture not in ARCHITECTURES:
        raise BundleError(
            f"member {member.name}: expected one of the architectures {', '.join(ARCHITECTURES)}, "
            f"found {member.architecture}; a newer version may know it"
        )
    build = ARCHITECTURES[member.architecture].build
    model = build((member.input.height, member.input.width, 3), len(member.classes))
    load_weights(model, [directory / file.file for file in member.weights])
    return model


def _member_scores(member: Member, probabilities: NDArray[np.float32]) -> list[MemberScores]:
    rows: list[list[Any]] = probabilities.tolist()
    return [member_scores(member.name, member.classes, row, member.temperature) for row in rows]
