"""The training loop: phases of epochs, a checkpoint after each, resumable at any time."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.errors import TrainingError
from training.fit.devices import Replicas
from training.fit.partial_label import allowed_accuracy, partial_label_loss
from training.fit.weight_averaging import AVERAGE, add_to_average, save_average
from training.inference.outputs import score
from training.inputs.batches import Batch, Prefetched, RadiographBatches
from training.networks.freezing import freeze_convolutions, freeze_named, freeze_statistics
from training.protocols.protocol import (
    KeptWeights,
    LearningLayers,
    Loss,
    OptimizerName,
    Schedule,
)
from training.runs.checkpoint import (
    Position,
    check_space,
    load_checkpoint,
    read_position,
    save_checkpoint,
    save_network,
)
from training.runs.folder import HISTORY, WEIGHTS
from training.runs.history import EpochRecord, append_record, keep_until

CHECKPOINT = "checkpoint.npz"

_OPTIMIZERS: dict[OptimizerName, Callable[..., keras.optimizers.Optimizer]] = {
    OptimizerName.ADAM: keras.optimizers.Adam,
    OptimizerName.NADAM: keras.optimizers.Nadam,
}
_LOSSES: dict[Loss, tuple[Any, Any]] = {
    Loss.CATEGORICAL_CROSSENTROPY: ("categorical_crossentropy", "categorical_accuracy"),
    Loss.PARTIAL_LABEL: (partial_label_loss, allowed_accuracy),
    Loss.BINARY_CROSSENTROPY: ("binary_crossentropy", "binary_accuracy"),
}
"""What each loss and its accuracy are for Keras."""
Objective = tuple[Callable[..., Any], Callable[..., Any]]
"""Loss and accuracy, of targets and outputs."""
_DIVERGED = (
    "training has diverged: go on with --resume from the epoch before, lower the learning rate, or "
    "use --precision float32"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """What one phase trains on and how; it starts with a fresh optimizer."""

    batches: RadiographBatches
    epochs: int
    learning_rate: float
    optimizer: OptimizerName = OptimizerName.ADAM
    loss: Loss = Loss.CATEGORICAL_CROSSENTROPY
    learning: LearningLayers = LearningLayers.ALL
    schedule: Schedule = Schedule.CONSTANT
    fresh_layers: tuple[str, ...] = ()
    """Layers of the backbone that learn even where only the head does."""
    frozen: tuple[str, ...] = ()
    """See `Protocol`."""
    keeps_statistics: bool = False
    """See `Protocol`."""
    objective: Objective | None = None
    """Loss and accuracy in place of `loss`."""

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0."""
        if self.schedule is Schedule.CONSTANT:
            return self.learning_rate
        return self.learning_rate * (1 + math.cos(math.pi * epoch / self.epochs)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How a run goes, whatever it trains."""

    identity: str
    """Says what is trained; a checkpoint of another identity is refused."""
    kept: KeptWeights = KeptWeights.BEST_VALIDATION_ACCURACY
    resume: bool = False
    last_phase: int | None = None
    """Stop after this phase, counted from 1."""
    workers: int = 2
    """Threads that prepare images."""
    learner: keras.Model | None = None
    """Network on the same weights that learns in place of the one that is kept."""
    scorer: keras.Model | None = None
    """Network on the same weights that is validated in place of the one that is kept."""
    left_out_area: Callable[[keras.Model], float | None] = lambda _model: None
    """Area under the ROC of a network on hospitals left out."""
    patience: int | None = None
    """Stop after so many epochs without a higher area, and keep the best."""
    replicas: Replicas = field(default_factory=Replicas)
    on_step: Callable[[int], None] = lambda _images: None
    """Called with the number of images of each finished step."""
    on_epoch: Callable[[EpochRecord], None] = lambda _record: None


def fit(
    model: keras.Model,
    phases: Sequence[PhasePlan],
    watched: RadiographBatches,
    directory: Path,
    settings: FitSettings,
) -> None:
    """Train through the phases, keeping the weights from one to the next.

    directory: takes history.jsonl, checkpoint.npz and weights.npz, the weights that count by
    `settings.kept` (of all phases and epochs). With `settings.resume` it goes on after the last
    finished epoch; the network may come with any weights then.
    Raises TrainingError where the directory has another run or, without resume, any; where the
    disk is full; and where the loss is no number any more.
    """
    directory.mkdir(parents=True, exist_ok=True)
    position = _start(directory, settings)
    last_phase = settings.last_phase or len(phases)
    if position.phase >= last_phase:
        raise TrainingError(
            f"expected a run in phase {last_phase} or before, found {directory} in phase "
            f"{position.phase + 1}; ask for a later phase, or name another --out"
        )
    check_space(directory, model)
    keep_until(directory / HISTORY, position.phase + 1, position.epochs)
    resumed = (directory / CHECKPOINT).exists()
    learner = settings.learner or model
    run = _Run(
        model=model, learner=learner, watched=watched, directory=directory, settings=settings
    )
    for number in range(position.phase, last_phase):
        prepare(learner, phases[number], settings.replicas)
        finished = 0
        if resumed:
            finished = load_checkpoint(directory / CHECKPOINT, learner).epochs
            resumed = False
        before = sum(earlier.epochs for earlier in phases[:number])
        for epoch in range(finished, phases[number].epochs):
            if _is_out_of_patience(position, settings):
                break
            phases[number].batches.begin_epoch(before + epoch)
            learner.optimizer.learning_rate = phases[number].rate(epoch)
            position = replace(position, phase=number, epochs=epoch + 1)
            position = _epoch(run, phases[number], position)
    if settings.patience is not None and (directory / WEIGHTS).exists():
        return
    if settings.kept is KeptWeights.MEAN_OF_EPOCHS and (directory / AVERAGE).exists():
        save_average(directory, directory / WEIGHTS)
    elif settings.kept is not KeptWeights.BEST_VALIDATION_ACCURACY:
        save_network(directory / WEIGHTS, model)


def _is_out_of_patience(position: Position, settings: FitSettings) -> bool:
    waited = position.epochs - position.best_epoch
    return settings.patience is not None and waited >= settings.patience


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What stays the same from epoch to epoch."""

    model: keras.Model
    learner: keras.Model
    watched: RadiographBatches
    directory: Path
    settings: FitSettings


def prepare(model: keras.Model, phase: PhasePlan, replicas: Replicas) -> None:
    """Set what learns, and give the network the phase's optimizer, built, and loss."""
    model.trainable = True
    if phase.learning is LearningLayers.HEAD:
        freeze_convolutions(model, phase.fresh_layers)
    freeze_named(model, phase.frozen)
    if phase.keeps_statistics:
        freeze_statistics(model, phase.fresh_layers)
    loss, accuracy = phase.objective or _LOSSES[phase.loss]
    with replicas.scope():
        optimizer = _OPTIMIZERS[phase.optimizer](learning_rate=phase.learning_rate)
        # Compiling whole steps takes minutes for these networks and gains TensorFlow little on a
        # CPU; JAX does nothing else.
        model.compile(
            optimizer=optimizer,
            loss=loss,
            weighted_metrics=[accuracy],
            jit_compile=keras.backend.backend() == "jax",
        )
        optimizer.build(model.trainable_variables)
    if replicas.count > 1:
        # Keras builds losses and metrics from the first batch, and cannot from a spread one.
        shapes = (model.input_shape[1:], model.output_shape[1:])
        model.test_on_batch(*(np.zeros((1, *shape), np.float32) for shape in shapes))


def train_step(model: keras.Model, batch: Batch, replicas: Replicas) -> tuple[float, float]:
    """Train on one batch; return its loss and accuracy."""
    arrays = replicas.spread(batch.images, batch.targets)
    logs = model.train_on_batch(*arrays, return_dict=True)
    loss = float(logs["loss"])
    if not math.isfinite(loss):
        raise TrainingError(f"the loss is {loss}; {_DIVERGED}")
    return loss, float(next(value for name, value in logs.items() if name != "loss"))


def _start(directory: Path, settings: FitSettings) -> Position:
    checkpoint = directory / CHECKPOINT
    if not checkpoint.exists():
        return Position(identity=settings.identity)
    position = read_position(checkpoint)
    if position.identity != settings.identity:
        raise TrainingError(
            f"{checkpoint} belongs to another run (expected {settings.identity}, found "
            f"{position.identity}); name another --out, or repeat the first command's options"
        )
    if not settings.resume:
        raise TrainingError(
            f"{directory} has a run already, {position.epochs} epoch(s) into phase "
            f"{position.phase + 1}; go on with --resume, or name another --out"
        )
    return position


def _epoch(run: _Run, phase: PhasePlan, position: Position) -> Position:
    start_s = time.perf_counter()
    losses = accuracies = 0.0
    prefetched = Prefetched(phase.batches, workers=run.settings.workers)
    for batch in prefetched:
        images = len(batch.images)
        loss, accuracy = train_step(run.learner, batch, run.settings.replicas)
        losses, accuracies = losses + images * loss, accuracies + images * accuracy
        run.settings.on_step(images)
    scorer = run.settings.scorer or run.model
    validation = score(scorer, run.watched, phase.loss, workers=run.settings.workers)
    area = run.settings.left_out_area(scorer)
    is_best = position.best_accuracy is None or validation.accuracy > position.best_accuracy
    record = EpochRecord(
        phase=position.phase + 1,
        epoch=position.epochs,
        images=phase.batches.size,
        loss=losses / phase.batches.size,
        accuracy=accuracies / phase.batches.size,
        validation_loss=validation.loss,
        validation_accuracy=validation.accuracy,
        duration_s=time.perf_counter() - start_s,
        wait_s=prefetched.wait_s,
        best=is_best,
        left_out_area=area,
    )
    if area is not None and area > (position.best_area or 0.0):
        position = replace(position, best_area=area, best_epoch=position.epochs)
    if is_best:
        position = replace(position, best_accuracy=validation.accuracy)
    _write_down(run, phase, position, record)
    return position


def _write_down(run: _Run, phase: PhasePlan, position: Position, record: EpochRecord) -> None:
    """Write what an epoch leaves; the checkpoint last, since resuming makes all else again."""
    # A ReLU turns what is no number into 0, so that the loss alone does not tell.
    if not all(np.isfinite(weight.numpy()).all() for weight in run.model.weights):
        raise TrainingError(f"weights are no finite numbers any more; {_DIVERGED}")
    if _is_kept(run.settings, position, record):
        save_network(run.directory / WEIGHTS, run.model)
    if run.settings.kept is KeptWeights.MEAN_OF_EPOCHS:
        anew = position.epochs <= phase.epochs // 2 + 1
        add_to_average(run.directory, run.model, position.epochs, anew=anew)
    append_record(run.directory / HISTORY, record)
    save_checkpoint(run.directory / CHECKPOINT, run.learner, position)
    run.settings.on_epoch(record)


def _is_kept(settings: FitSettings, position: Position, record: EpochRecord) -> bool:
    """Return whether the weights after an epoch are the best so far, where the best are kept."""
    if settings.patience is not None:
        return record.left_out_area is not None and position.best_epoch == position.epochs
    return record.best and settings.kept is KeptWeights.BEST_VALIDATION_ACCURACY
