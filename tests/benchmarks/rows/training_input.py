"""Row 10: whether training's pipeline keeps the device busy, and what our loop adds to a step.

The network and the random changes are those of the released CoroNet's protocol, the radiographs
phantoms. The peer is a bare Keras loop: `train_on_batch` on arrays that lie ready, the same ones.
"""

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from screening.imaging.network_input.preprocess import InputSpec
from screening.imaging.phantoms.phantom_image import phantom_image
from tests.benchmarks.parts.ensembles import load_tensorflow
from tests.benchmarks.run import Run

if TYPE_CHECKING:
    from training.inputs.batches import Batch, RadiographBatches

OURS, BARE = "screening", "bare Keras loop"
WORKERS = 4
"""Threads that prepare images, by default."""
SMALL_SIDE = 71
"""The smallest input that the network takes."""
LOSS_TOLERANCE = 1e-3


def measure(run: Run) -> None:
    """Train some steps in both loops, in shuffled rounds, from the same weights."""
    load_tensorflow()
    from training.protocols.release import CORONET

    side = SMALL_SIDE if run.is_short else CORONET.height
    steps = run.size("steps", full=6, short=2)
    size = 2 if run.is_short else CORONET.batch_size
    batches = _batches(steps * size, side, size)
    ready = [batches.batch(index) for index in range(len(batches))]
    run.add("the pipeline alone", "images/s", _pipeline_rate(batches))
    model = _network(side, short=run.is_short)
    start = [variable.numpy() for variable in model.variables]  # and what dropout drops
    losses: dict[str, list[float]] = {OURS: [], BARE: []}
    waits: list[float] = []
    contenders = {
        OURS: partial(_our_loop, model, start, batches, losses[OURS], waits),
        BARE: partial(_bare_loop, model, start, ready, losses[BARE]),
    }
    contenders[BARE]()  # builds the graph
    values = run.compare("time of a step", "s", contenders, run.size("rounds", full=3, short=1))
    run.add("the device eats", "images/s", [size / one for one in values[BARE]])
    run.add("the device waits", "%", waits)
    apart = abs(losses[OURS][0] - losses[BARE][0])
    run.expect("both loops have the same first loss", True, apart < LOSS_TOLERANCE)
    run.expect("every image is in the epoch once", steps * size, sum(len(b.images) for b in ready))


def _batches(count: int, side: int, size: int) -> "RadiographBatches":
    from training.inputs.batches import BatchOptions, RadiographBatches
    from training.protocols.release import CORONET

    distinct = np.stack([phantom_image(seed, side, side) for seed in range(min(count, 16))])
    images = distinct[np.arange(count) % len(distinct)]
    targets = np.eye(len(CORONET.classes), dtype=np.float32)[np.arange(count) % 4]
    options = BatchOptions(batch_size=size, augment=CORONET.augment(images), shuffle=True)
    return RadiographBatches(images, targets, InputSpec(side, side, CORONET.value_range), options)


def _network(side: int, *, short: bool) -> Any:
    import keras

    from screening.networks.architectures import ARCHITECTURES

    keras.utils.set_random_seed(1)
    if short:
        model = keras.Sequential([
            keras.Input((side, side, 3)),
            keras.layers.Conv2D(4, 3, strides=4, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, activation="softmax"),
        ])  # fmt: skip
    else:
        model = ARCHITECTURES["coronet"].build((side, side, 3), 4)
    model.compile(optimizer=keras.optimizers.Adam(1e-4), loss="categorical_crossentropy",
                  weighted_metrics=["categorical_accuracy"], jit_compile=False)  # fmt: skip
    return model


def _begin_again(model: Any, start: list[Any]) -> None:
    for variable, value in zip(model.variables, start, strict=True):
        variable.assign(value)


def _our_loop(
    model: Any,
    start: list[Any],
    batches: "RadiographBatches",
    losses: list[float],
    waits: list[float],
) -> float:
    from training.fit.devices import Replicas
    from training.fit.loop import train_step
    from training.inputs.batches import Prefetched

    _begin_again(model, start)
    prefetched = Prefetched(batches, workers=WORKERS)
    started = time.perf_counter()
    found = [train_step(model, batch, Replicas())[0] for batch in prefetched]
    taken_s = time.perf_counter() - started
    losses.append(found[0])
    waits.append(100 * prefetched.wait_s / taken_s)
    return taken_s / len(found)


def _bare_loop(model: Any, start: list[Any], ready: list["Batch"], losses: list[float]) -> float:
    _begin_again(model, start)
    started = time.perf_counter()
    found = [model.train_on_batch(one.images, one.targets, return_dict=True) for one in ready]
    taken_s = time.perf_counter() - started
    losses.append(float(found[0]["loss"]))
    return taken_s / len(found)


def _pipeline_rate(batches: "RadiographBatches") -> float:
    from training.inputs.batches import Prefetched

    started = time.perf_counter()
    images = sum(len(batch.images) for batch in Prefetched(batches, workers=WORKERS))
    return images / (time.perf_counter() - started)
