"""How long a run will take, measured before it starts."""

import time
from collections.abc import Sequence

import keras

from training.fit.devices import Replicas
from training.fit.loop import PhasePlan, prepare, train_step
from training.inputs.batches import RadiographBatches
from training.runs.checkpoint import restore, snapshot

TIMED_STEPS = 2


def expected_duration_s(
    model: keras.Model,
    phases: Sequence[PhasePlan],
    watched: RadiographBatches,
    replicas: Replicas,
) -> float:
    """Time a few steps of the first phase; return seconds for all epochs of all phases.

    The network is left as it was. The first step, which builds the graph, is not counted.
    """
    first = phases[0]
    prepare(model, first, replicas)
    before = snapshot(model)
    batch = first.batches.batch(0)
    train_step(model, batch, replicas)
    model.predict_on_batch(batch.images)
    start_s = time.perf_counter()
    for _ in range(TIMED_STEPS):
        train_step(model, batch, replicas)
    trained_s = time.perf_counter()
    model.predict_on_batch(batch.images)
    predicted_s = time.perf_counter() - trained_s
    restore(model, before)
    images = len(batch.images)
    train_image_s = (trained_s - start_s) / TIMED_STEPS / images
    seen = sum(phase.epochs * phase.batches.size for phase in phases)
    scored = sum(phase.epochs for phase in phases) * watched.size
    return seen * train_image_s + scored * predicted_s / images


def in_words(duration_s: float) -> str:
    """Return a duration for people: seconds, minutes, hours or days."""
    for unit, seconds in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if duration_s >= 2 * seconds:
            return f"{duration_s / seconds:.0f} {unit}"
    return f"{duration_s:.0f} seconds"
