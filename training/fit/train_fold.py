"""Trains one fold of a protocol, once the data are known to be sound."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from screening.domain.scores import Class
from screening.networks.architectures import Architecture
from training.data.findings import FINDINGS, finding_targets
from training.fit.devices import Replicas, is_on_cpu
from training.fit.loop import CHECKPOINT, FitSettings, Objective, PhasePlan, fit
from training.fit.objective import (
    Layout,
    objective,
    packed_targets,
    training_network,
)
from training.fit.time_estimate import expected_duration_s, in_words
from training.inference.outputs import predict
from training.inputs.batches import RadiographBatches
from training.inputs.cached_features import FeatureBatches, keep_features
from training.inputs.fold_images import DecodedImages, ImageSet, allowed_targets, batches_of
from training.metrics.curves import roc_curve
from training.networks.initial import (
    StartNetwork,
    fine_tuned_network,
    fresh_network,
    released_network,
)
from training.networks.split_at_block import above, below
from training.protocols.composition import Composition
from training.protocols.plan import FoldPlan
from training.protocols.protocol import LearningLayers, Protocol
from training.runs.checkpoint import read_position
from training.runs.folder import fold_directory, write_split
from training.runs.request import RunReport, RunRequest

VERSIONS = 3
"""Changed copies of each training image whose lower blocks' features are cached."""
SHORTEST_TIMED_IMAGES = 1000
"""Fewer images in the whole run are trained sooner than their time is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldTraining:
    """What all folds of a run share."""

    protocol: Protocol
    request: RunRequest
    report: RunReport
    architectures: Mapping[str, Architecture]
    drawn: Composition
    """The images that the protocol uses."""
    identity: str
    """The run's."""
    released: tuple[Path, ...]
    """Weight files of the bundle's member that goes on; none where there is no bundle."""
    images: DecodedImages


@dataclass(frozen=True, slots=True)
class _Learner:
    """The network that learns, the targets of all its images, and its own loss, if any."""

    network: keras.Model
    targets: NDArray[np.float32]
    objective: Objective | None = None


@dataclass(frozen=True, slots=True)
class _Shown:
    """The part of the network that is trained, and what it is shown: images, or cached features.

    lower: whose features are cached, below `folder`; None where images are shown.
    """

    network: keras.Model
    lower: keras.Model | None = None
    folder: Path = Path()
    report: RunReport | None = None

    def __call__(
        self, batches: RadiographBatches, part: str, versions: int = 1
    ) -> RadiographBatches:
        """Return batches of what is shown."""
        if self.lower is None or self.report is None:
            return batches
        self.report.begin(
            f"caching the lower blocks' features, {part}", versions * len(batches.rows)
        )
        features = keep_features(
            self.lower,
            batches,
            self.folder / f"{part}.npy",
            versions=versions,
            on_kept=self.report.advance,
        )
        return FeatureBatches(batches, features)


def train_fold(training: FoldTraining, plan: FoldPlan, replicas: Replicas) -> None:
    """Build the fold's network and train it through its phases."""
    protocol, request, report = training.protocol, training.request, training.report
    folder = fold_directory(request.out, plan.fold)
    classes = [protocol.strata[stratum].klass for stratum in training.drawn.strata]
    write_split(folder, training.drawn.rows, classes, plan)
    keras.utils.set_random_seed(request.seed + plan.fold)
    with replicas.scope():
        start = _start_network(training, plan.fold)
    _account(report, protocol, start)
    shown = _Shown(start.model)
    if request.cache_below:
        block = request.cache_below
        lower, upper = below(start.model, block), above(start.model, block)
        shown = _Shown(upper, lower, folder / "kept", report)
    with replicas.scope():
        learner = _learner(training, start.model)
    phases = [_phase(training, start, learner, rows, shown) for rows in plan.phases]
    watched = shown(_watched(training, training.images.watched, plan.watched), "watched")
    requested = phases[: request.phase]
    total = sum(phase.epochs * phase.batches.size for phase in requested)
    left = total - _finished_images(folder, phases)
    # Another backend would compile every step once more to time it.
    if left >= SHORTEST_TIMED_IMAGES and keras.backend.backend() == "tensorflow":
        expected_s = (
            expected_duration_s(learner.network, requested, watched, replicas) * left / total
        )
        where = "this CPU" if is_on_cpu() else "this GPU"
        report.say(f"fold {plan.fold}: {left} images, about {in_words(expected_s)} on {where}")
    report.begin(f"fold {plan.fold} of {protocol.folds}", left)
    settings = FitSettings(
        identity=f"{training.identity} fold {plan.fold}",
        kept=protocol.kept,
        resume=request.resume,
        last_phase=request.phase,
        workers=request.workers,
        learner=learner.network,
        scorer=shown.network,
        left_out_area=_left_out_area(training, plan, shown),
        patience=request.patience if request.stop_by else None,
        replicas=replicas,
        on_step=report.advance,
        on_epoch=report.epoch,
    )
    fit(start.model, phases, watched, folder, settings)


def _finished_images(folder: Path, phases: Sequence[PhasePlan]) -> int:
    """Return how many images the run in this folder has seen already."""
    if not (folder / CHECKPOINT).exists():
        return 0
    position = read_position(folder / CHECKPOINT)
    epochs = [*(phase.epochs for phase in phases[: position.phase]), position.epochs]
    return sum(n * phase.batches.size for n, phase in zip(epochs, phases, strict=False))


def _start_network(training: FoldTraining, fold: int) -> StartNetwork:
    protocol, request = training.protocol, training.request
    if request.fine_tune_from:
        return fine_tuned_network(
            protocol, training.architectures, request.precision, request.fine_tune_from, fold
        )
    if training.released:
        return released_network(
            protocol, training.architectures, request.precision, training.released
        )
    return fresh_network(
        protocol, training.architectures, request.precision, request.backbone_weights
    )


def _account(report: RunReport, protocol: Protocol, start: StartNetwork) -> None:
    for account in start.accounts:
        report.say(str(account))
    if start.fresh_layers and not start.accounts and protocol.backbones:
        report.say(
            f"the backbone starts from random weights; the paper started from ImageNet's "
            f"({', '.join(protocol.backbones)}): name a file with --backbone-weights"
        )
    elif start.fresh_layers:
        report.say(f"{len(start.fresh_layers)} layers of the backbone start from random weights")
    if start.fresh_layers and protocol.learning is LearningLayers.HEAD:
        report.say("layers that start from random weights are not frozen")


def _phase(
    training: FoldTraining,
    start: StartNetwork,
    learner: _Learner,
    rows: Sequence[int],
    shown: _Shown,
) -> PhasePlan:
    protocol = training.protocol
    batches = batches_of(
        protocol,
        training.drawn,
        training.images.learning,
        rows,
        targets=learner.targets,
        seed=training.request.seed,
        learning=True,
    )
    return PhasePlan(
        batches=shown(batches, "learning", versions=VERSIONS),
        objective=learner.objective,
        epochs=protocol.epochs,
        learning_rate=protocol.learning_rate,
        optimizer=protocol.optimizer,
        loss=protocol.loss,
        learning=protocol.learning,
        schedule=protocol.schedule,
        fresh_layers=start.fresh_layers,
        frozen=protocol.frozen,
        keeps_statistics=protocol.keeps_statistics,
    )


def _learner(training: FoldTraining, model: keras.Model) -> _Learner:
    """Return what learns: the network, or one with further outputs, or its upper part alone."""
    protocol, drawn, decoded = training.protocol, training.drawn, training.images.learning
    block = training.request.cache_below
    allowed = allowed_targets(protocol, drawn, decoded)
    if protocol.terms is None:
        return _Learner(above(model, block) if block else model, allowed)
    rows = [drawn.rows[row] for row in decoded.rows]
    hospitals = [row.hospital for row in rows]
    layout = Layout(classes=protocol.outputs, findings=len(FINDINGS), hospitals=len(set(hospitals)))
    network = training_network(model, layout)
    return _Learner(
        above(network, block) if block else network,
        packed_targets(allowed, finding_targets(rows), hospitals),
        objective(layout, protocol.terms),
    )


def _left_out_area(
    training: FoldTraining, plan: FoldPlan, shown: _Shown
) -> Callable[[keras.Model], float | None]:
    """Return what measures COVID-19 against normal on images of hospitals left out."""
    decoded, rows = training.images.watched, training.drawn.rows
    requested = [
        i for i in plan.monitored if rows[i].screening_class in {Class.COVID19, Class.NORMAL}
    ]
    positive = np.array([rows[i].screening_class is Class.COVID19 for i in requested], dtype=bool)
    if not requested or positive.all() or not positive.any():
        return lambda _model: None
    batches = shown(_watched(training, decoded, requested), "monitored")
    place = training.protocol.classes.index("covid19")

    def area(model: keras.Model) -> float | None:
        scores = predict(model, batches, workers=training.request.workers)[:, place]
        curve = roc_curve(positive, scores.astype(np.float64))
        return curve.area if curve else None

    return area


def _watched(training: FoldTraining, decoded: ImageSet, rows: Sequence[int]) -> RadiographBatches:
    return batches_of(
        training.protocol,
        training.drawn,
        decoded,
        rows,
        targets=allowed_targets(training.protocol, training.drawn, decoded),
        seed=training.request.seed,
        learning=False,
    )
