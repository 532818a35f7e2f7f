"""Trains one fold of a protocol, once the data are known to be sound."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from screening.networks.architectures import Architecture
from training.balance import balanced_chances
from training.checkpoint import read_position
from training.devices import Replicas, is_on_cpu
from training.fit import CHECKPOINT, FitSettings, PhasePlan, fit
from training.pace import expected_duration_s, in_words
from training.pictures import load_pictures
from training.pipeline import Drawn, RadiographBatches
from training.protocols.composition import Composition
from training.protocols.plan import FoldPlan
from training.protocols.protocol import LearningLayers, Protocol
from training.run_directory import fold_directory, write_split
from training.run_request import RunReport, RunRequest
from training.seen_part import input_spec, seen_part
from training.start_network import StartNetwork, fine_tuned_network, fresh_network, released_network

SHORTEST_TIMED_IMAGES = 1000
"""Fewer images in the whole run are trained sooner than their time is measured."""


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Decoded pictures and the rows of the composition that they are of."""

    pictures: NDArray[Any]
    rows: tuple[int, ...]

    def places(self, rows: Sequence[int]) -> list[int]:
        """Return where the pictures of some rows are."""
        place = {row: n for n, row in enumerate(self.rows)}
        return [place[row] for row in rows]


@dataclass(frozen=True, slots=True)
class DecodedPictures:
    """learning: for training, in whole grey levels if they are augmented. watched: exact."""

    learning: PictureSet
    watched: PictureSet


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldTraining:
    """What all folds of a run share.

    released: weight files of the bundle's member that goes on; none where there is no bundle.
    """

    protocol: Protocol
    request: RunRequest
    report: RunReport
    architectures: Mapping[str, Architecture]
    drawn: Composition
    identity: str
    released: tuple[Path, ...]
    pictures: DecodedPictures


def decode_pictures(
    protocol: Protocol,
    request: RunRequest,
    drawn: Composition,
    plans: Sequence[FoldPlan],
    report: RunReport,
) -> DecodedPictures:
    """Decode everything that some fold uses, once; raises DataError naming unreadable files."""
    spec = input_spec(protocol)
    seen = seen_part(protocol.view, request.lung_field)
    learning = sorted({row for plan in plans for row in plan.training})
    watched = sorted({row for plan in plans for row in plan.watched})
    report.begin("decoding", len(learning) + len(watched))

    def decoded(rows: Sequence[int], *, exact: bool) -> PictureSet:
        pictures = load_pictures(
            [drawn.rows[row].path for row in rows],
            spec,
            exact=exact,
            seen=seen,
            workers=request.workers,
            cache_dir=request.cache_dir,
            on_decoded=report.advance,
        )
        return PictureSet(pictures, tuple(rows))

    return DecodedPictures(
        learning=decoded(learning, exact=not protocol.augments),
        watched=decoded(watched, exact=True),
    )


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
    phases = [_phase(training, start, plan, number) for number in range(len(plan.phases))]
    watched = _batches(training, training.pictures.watched, plan.watched, learning=False)
    asked = phases[: request.phase]
    total = sum(phase.epochs * phase.batches.size for phase in asked)
    left = total - _finished_images(folder, phases)
    if left >= SHORTEST_TIMED_IMAGES:
        expected_s = expected_duration_s(start.model, asked, watched, replicas) * left / total
        where = "this CPU" if is_on_cpu() else "this GPU"
        report.say(f"fold {plan.fold}: {left} images, about {in_words(expected_s)} on {where}")
    report.begin(f"fold {plan.fold} of {protocol.folds}", left)
    settings = FitSettings(
        identity=f"{training.identity} fold {plan.fold}",
        kept=protocol.kept,
        resume=request.resume,
        last_phase=request.phase,
        workers=request.workers,
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
    if start.fresh_layers and not start.accounts:
        report.say(
            f"the backbone starts from random weights; the paper started from ImageNet's "
            f"({', '.join(protocol.backbones)}): name a file with --backbone-weights"
        )
    elif start.fresh_layers:
        report.say(f"{len(start.fresh_layers)} layers of the backbone start from random weights")
    if start.fresh_layers and protocol.learning is LearningLayers.HEAD:
        report.say("layers that start from random weights are not frozen")


def _phase(training: FoldTraining, start: StartNetwork, plan: FoldPlan, number: int) -> PhasePlan:
    protocol = training.protocol
    rows = plan.phases[number]
    return PhasePlan(
        batches=_batches(training, training.pictures.learning, rows, learning=True),
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


def _batches(
    training: FoldTraining, decoded: PictureSet, rows: Sequence[int], *, learning: bool
) -> RadiographBatches:
    protocol, drawn = training.protocol, training.drawn
    classes = [protocol.strata[drawn.strata[row]].klass for row in decoded.rows]
    answers = protocol.classes[: protocol.outputs]
    allowed = [protocol.allowed(klass or "") for klass in classes]
    targets = np.array([[answer in names for answer in answers] for names in allowed])
    places = decoded.places(rows)
    return RadiographBatches(
        decoded.pictures,
        targets.astype(np.float32),
        input_spec(protocol),
        batch_size=protocol.batch_size,
        rows=places,
        keys=decoded.rows,
        augment=protocol.augment(decoded.pictures[places]) if learning else None,
        shuffle=learning,
        drawn=_drawn(training, rows) if learning else None,
        seed=training.request.seed,
    )


def _drawn(training: FoldTraining, rows: Sequence[int]) -> Drawn | None:
    protocol, drawn = training.protocol, training.drawn
    if protocol.draw is None:
        return None
    chances = balanced_chances(
        [drawn.strata[row] for row in rows],
        [drawn.rows[row].source for row in rows],
        [stratum.share for stratum in protocol.strata],
    )
    return Drawn(chances, protocol.draw.images_per_epoch)
