"""The form in which every protocol is written down."""

from dataclasses import dataclass, field
from enum import StrEnum

from training.augment import GeometricAugmentation
from training.data_manifest import Label


class OptimizerName(StrEnum):
    """Optimizers of the papers, with Keras's defaults but for the learning rate."""

    ADAM = "adam"
    NADAM = "nadam"


class Loss(StrEnum):
    """Of a softmax over classes, and of one sigmoid for the first class."""

    CATEGORICAL_CROSSENTROPY = "categorical_crossentropy"
    BINARY_CROSSENTROPY = "binary_crossentropy"


class KeptWeights(StrEnum):
    """Which epoch's weights a run is known by."""

    BEST_VALIDATION_ACCURACY = "best_validation_accuracy"
    LAST_EPOCH = "last_epoch"


class LearningLayers(StrEnum):
    """HEAD: only the layers after the backbone, and those of it that no weight file gave."""

    ALL = "all"
    HEAD = "head"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Images that are drawn together.

    klass: what the network is to answer; None: drawn and split with the others, then left out, so
    that a fine-tuned network's folds are those of the network it starts from. labels: of the data
    manifest. sources: how names of the manifest's sources begin; empty: any. at_most: random
    under-sampling to this number, different split groups first.
    """

    klass: str | None
    labels: frozenset[Label]
    sources: tuple[str, ...] = ()
    at_most: int | None = None


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
    normals_per_phase: int
    pneumonias_per_phase: int
    fold_with_one_more: int | None = None
    """This fold (from 1) trains on one more COVID-19 image."""


SplitPlan = GroupFolds | GroupHoldout | PhasedFolds


@dataclass(frozen=True, slots=True)
class ExpectedFigure:
    """A figure of the paper, in percent."""

    name: str
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One network trained one paper's way.

    architecture: of `TRAINING_ARCHITECTURES`. classes: in the order of the outputs; a sigmoid
    answers the first. height, width: pixels. epochs: in each phase, where there are phases.
    watched_per_class: at most so many validation images of a class are scored after each epoch;
    None: all. fine_tune_from: the protocol whose run gives all weights but the last layer's.
    backbones: whose ImageNet weights the paper started from.
    """

    name: str
    paper: str
    architecture: str
    classes: tuple[str, ...]
    strata: tuple[Stratum, ...]
    split: SplitPlan
    height: int
    width: int
    value_range: tuple[float, float] = (0.0, 1.0)
    optimizer: OptimizerName
    learning_rate: float
    batch_size: int
    epochs: int
    loss: Loss = Loss.CATEGORICAL_CROSSENTROPY
    learning: LearningLayers = LearningLayers.ALL
    augmentation: GeometricAugmentation | None = None
    kept: KeptWeights = KeptWeights.LAST_EPOCH
    watched_per_class: int | None = None
    fine_tune_from: str | None = None
    backbones: tuple[str, ...] = ()
    expected: tuple[ExpectedFigure, ...] = field(default=())

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
