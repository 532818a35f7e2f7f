"""The form in which every protocol is written down."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from screening.imaging.network_input.contrast import Contrast
from screening.imaging.network_input.lung_field import View
from training.augmentation.appearance import AppearanceAugmentation
from training.augmentation.contrast_exchange import LevelExchange, black_and_white
from training.augmentation.geometry import Augment, GeometricAugmentation, in_turn
from training.augmentation.spectrum_exchange import SpectrumExchange, radial_profiles
from training.data.manifest import Label
from training.protocols.loss_terms import Terms

REFERENCE_IMAGES = 1500
"""At most so many give levels and sharpness to the others."""


class OptimizerName(StrEnum):
    """Optimizers of the papers, with Keras's defaults but for the learning rate."""

    ADAM = "adam"
    NADAM = "nadam"


class Loss(StrEnum):
    """Of a softmax over classes, and of one sigmoid for the first class.

    PARTIAL_LABEL: the negative logarithm of the sum of the outputs that an image's label allows, so
    that a pneumonia of unknown kind teaches what it can; with one allowed output the categorical
    cross-entropy.
    """

    CATEGORICAL_CROSSENTROPY = "categorical_crossentropy"
    PARTIAL_LABEL = "partial_label"
    BINARY_CROSSENTROPY = "binary_crossentropy"


class KeptWeights(StrEnum):
    """Which epoch's weights a run is known by.

    MEAN_OF_EPOCHS: the mean of those after each epoch of the second half.
    """

    BEST_VALIDATION_ACCURACY = "best_validation_accuracy"
    LAST_EPOCH = "last_epoch"
    MEAN_OF_EPOCHS = "mean_of_epochs"


class Schedule(StrEnum):
    """The learning rate over a phase's epochs. COSINE falls from the protocol's rate towards 0."""

    CONSTANT = "constant"
    COSINE = "cosine"


class LearningLayers(StrEnum):
    """HEAD: only the layers after the backbone, and those of it that no weight file gave."""

    ALL = "all"
    HEAD = "head"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Images that are drawn together.

    klass: the true class; None: drawn and split with the others, then left out, so
    that a fine-tuned network's folds are those of the network it starts from. labels: of the data
    manifest. sources: how names of the manifest's sources begin; empty: any. at_most: random
    under-sampling to this number, different split groups first. share: of a `BalancedDraw`, in
    proportion to the other strata's.
    """

    klass: str | None
    labels: frozenset[Label]
    sources: tuple[str, ...] = ()
    at_most: int | None = None
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFolds:
    """Cross-validation by split group; the held-out fold is validation and test in one."""

    folds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupHoldout:
    """Fractions of training, validation and test by split group; without a test part, 0."""

    train: float
    validation: float
    test: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasedFolds:
    """Few COVID-19 images with ever other normals and pneumonias. Source: rahimzadeh2020 2.2.

    Each phase has all of a fold's COVID-19 training images, the same pneumonias from the COVID-19
    repository, and normals and further pneumonias that no other phase has. What no phase has is
    validation. Where a manifest has less than the paper, counts shrink so that a fifth of the
    normals and pneumonias stays for validation.
    """

    folds: int
    phases: int
    repository: tuple[str, ...]
    """How names of the COVID-19 repository's sources begin."""
    covid19_share: float
    """Part of the COVID-19 images that is trained on."""
    repository_pneumonia_share: float
    """Part of the repository's pneumonias that is trained on."""
    normals_per_phase: int
    """Of the paper; fewer where a manifest has less."""
    pneumonias_per_phase: int
    """Of the paper; fewer where a manifest has less."""
    fold_with_one_more: int | None = None
    """This fold (from 1) trains on one more COVID-19 image."""


@dataclass(frozen=True, slots=True)
class BalancedDraw:
    """Each epoch draws so many images anew: strata by share, sources by the root of their number.

    Without it a class is the source that most of it comes from. hospital_pairs: hospitals in place
    of sources, and two images at a time, see `training.inputs.hospital_pairs`; shares are
    then those of a pair's first.
    """

    images_per_epoch: int
    hospital_pairs: bool = False


SplitPlan = GroupFolds | GroupHoldout | PhasedFolds


@dataclass(frozen=True, slots=True)
class ExpectedFigure:
    """A figure of the paper, in percent."""

    name: str
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One network trained one paper's way."""

    name: str
    """In the words of `screening train list`."""
    paper: str
    """Short citation."""
    architecture: str
    """A name of `TRAINING_ARCHITECTURES`."""
    classes: tuple[str, ...]
    """In the order of the outputs; a sigmoid scores the first."""
    strata: tuple[Stratum, ...]
    """Images that are drawn together."""
    split: SplitPlan
    height: int
    """Of the input, in pixels."""
    width: int
    """Of the input, in pixels."""
    value_range: tuple[float, float] = (0.0, 1.0)
    """Of the input: black and white."""
    optimizer: OptimizerName
    learning_rate: float
    batch_size: int
    epochs: int
    """In each phase, where there are phases."""
    loss: Loss = Loss.CATEGORICAL_CROSSENTROPY
    learning: LearningLayers = LearningLayers.ALL
    """Which layers learn."""
    view: View = View.WHOLE
    """The part of a radiograph that is the input."""
    contrast: Contrast = Contrast.AS_RENDERED
    """How grey values are stretched before they are the input."""
    mirrored: bool = False
    """Test-time augmentation: the mirror image is scored, too."""
    inner: float | None = None
    """Test-time augmentation: the middle is scored, too, this fraction of height and width."""
    detail_pixels: int | None = None
    """Height and width that the view is reduced to before it is enlarged to the input."""
    against_normal: float = 0.0
    """When scored: see `screening.networks.against_normal`."""
    augmentation: GeometricAugmentation | None = None
    """Random changes of a training image's geometry."""
    appearance: AppearanceAugmentation | None = None
    """Random changes of how a training image looks."""
    levels_chance: float = 0.0
    """Of a training image to get black and white of another one, 0 to 1."""
    spectrum_chance: float = 0.0
    """Of a training image to get the sharpness of another one, 0 to 1."""
    draw: BalancedDraw | None = None
    """None: every image once an epoch."""
    schedule: Schedule = Schedule.CONSTANT
    """Of the learning rate."""
    frozen: tuple[str, ...] = ()
    """How names of layers begin that never learn."""
    keeps_statistics: bool = False
    """Whether batch normalisations from a weight file keep its statistics and parameters."""
    coarser: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Classes that each coarser label allows, by label."""
    terms: Terms | None = None
    """Further terms of the loss; None: the classes' own loss alone."""
    kept: KeptWeights = KeptWeights.LAST_EPOCH
    """Which epoch's weights are the run's."""
    watched_per_class: int | None = None
    """At most so many validation images of a class are scored after each epoch; None: all."""
    fine_tune_from: str | None = None
    """The protocol whose run gives all weights but the last layer's."""
    backbones: tuple[str, ...] = ()
    """Whose ImageNet weights the paper started from."""
    expected: tuple[ExpectedFigure, ...] = field(default=())
    """The paper's figures."""

    @property
    def augments(self) -> bool:
        """Whether training images are changed."""
        looks = self.appearance or self.levels_chance or self.spectrum_chance
        return bool(self.augmentation or looks)

    def augment(self, images: NDArray[np.uint8]) -> Augment | None:
        """Return what is done to each training image, None where nothing is.

        images: that are trained on, (images, rows, columns), which levels and sharpness are of;
        of more than 1,500 every n-th gives its own.
        """
        steps: list[Augment] = []
        given = images[:: max(1, math.ceil(len(images) / REFERENCE_IMAGES))]
        if self.levels_chance:
            steps.append(LevelExchange(black_and_white(given), self.levels_chance))
        steps += [self.augmentation] if self.augmentation else []
        if self.spectrum_chance:
            steps.append(SpectrumExchange(radial_profiles(given), self.spectrum_chance))
        steps += [self.appearance] if self.appearance else []
        return in_turn(steps) if steps else None

    def allowed(self, klass: str) -> tuple[str, ...]:
        """Return the classes that an image of a class, or of a coarser one, may be of."""
        return self.coarser.get(klass, (klass,))

    @property
    def folds(self) -> int:
        """Number of folds; 1 for a holdout."""
        return 1 if isinstance(self.split, GroupHoldout) else self.split.folds

    @property
    def phases(self) -> int:
        """Number of phases of each fold."""
        return self.split.phases if isinstance(self.split, PhasedFolds) else 1

    @property
    def outputs(self) -> int:
        """Number of the network's outputs."""
        return 1 if self.loss is Loss.BINARY_CROSSENTROPY else len(self.classes)
