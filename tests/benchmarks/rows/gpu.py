"""Row 3: the ensemble on a GPU, by batch size and precision, and what the card could do.

The card's rate is that of a matrix product in the same precision; the ensemble's share of it
follows from the operations of its networks, which TensorFlow counts. The part of a batch that is
spent on copies and on the processor is the whole without the networks on arrays that lie on the
card.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from functools import partial
from typing import Any

import numpy as np

from screening.domain.scores import SCORE_TOLERANCE
from tests.benchmarks.figures import number
from tests.benchmarks.parts.ensembles import golden_batch, load_tensorflow
from tests.benchmarks.parts.sites import bundle_of
from tests.benchmarks.run import NotHereError, Run

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FLOAT32, TF32, BFLOAT16 = "float32", "TF32", "bfloat16"
TOLERANCES = {FLOAT32: SCORE_TOLERANCE, TF32: 1e-2, BFLOAT16: 5e-2}
"""How far scores may be from the processor's; mantissas of 24, 11 and 8 bits."""
FULL_SIDE, SHORT_SIDE = 8192, 256
"""Of the square matrices that the card multiplies."""
HEAD = ["precision", "batch", "images/s", "of the card's rate", "copies and processor"]


def measure(run: Run) -> None:
    """Score batches of golden images. Raises NotHereError without a GPU."""
    load_tensorflow()
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        raise NotHereError(
            "TensorFlow finds no GPU; on a machine with one, install tensorflow[and-cuda] and run "
            "`screening bench ensemble-gpu`"
        )
    details = tf.config.experimental.get_device_details(gpus[0])
    run.notes.append(f"The card: {details.get('device_name', 'unknown')}.")
    measure_on(run, "gpu:0")


def measure_on(run: Run, device: str) -> None:
    """Measure on one of TensorFlow's devices."""
    import tensorflow as tf

    with tf.device("cpu:0"), _precision(FLOAT32) as load:
        expected = _scores(load(run))
    lines = [HEAD]
    for precision, tolerance in TOLERANCES.items():
        with tf.device(device), _precision(precision) as load:
            ensemble = load(run)
            apart = float(np.abs(_scores(ensemble) - expected).max())
            run.add(f"furthest score from the processor's, {precision}", "probability", apart)
            run.expect(f"scores as on the processor, {precision}", True, apart <= tolerance)
            lines += _batches(run, precision, ensemble)
    run.tables["Batches"] = lines


def _batches(run: Run, precision: str, ensemble: Any) -> Iterator[list[str]]:
    rounds = run.size("rounds", full=5, short=1)
    card = _matrix_rate(precision, SHORT_SIDE if run.is_short else FULL_SIDE)
    run.add(f"the card: matrix product, {precision}", "TFLOP/s", card / 1e12)
    operations = sum(_operations(member) for member in ensemble._members)
    for size in BATCHES[:2] if run.is_short else BATCHES:
        batch = golden_batch(ensemble, size)
        whole_s = _median_s(partial(ensemble.infer, batch), rounds)
        networks_s = _median_s(_on_the_card(ensemble, batch), rounds)
        run.add(f"ensemble, {precision}, batch {size}", "images/s", size / whole_s)
        share = size * operations / whole_s / card
        outside = max(0.0, 1 - networks_s / whole_s)
        shown = [number(size / whole_s), f"{100 * share:.1f} %", f"{100 * outside:.0f} %"]
        yield [precision, str(size), *shown]


@contextmanager
def _precision(name: str) -> Iterator[Callable[[Run], Any]]:
    """Yield what loads the ensemble in a precision; everything is as before at the end."""
    import keras
    import tensorflow as tf

    from screening.ensemble.ensemble import Ensemble

    set_tf32 = tf.config.experimental.enable_tensor_float_32_execution

    def load(run: Run) -> Any:
        ensemble = Ensemble.load(bundle_of(run))  # which switches TF32 off
        set_tf32(name == TF32)
        return ensemble

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if name == BFLOAT16 else "float32")
    try:
        yield load
    finally:
        keras.config.set_dtype_policy(before)
        set_tf32(False)


def _scores(ensemble: Any) -> Any:
    count = len(ensemble.bundle.manifest.golden)
    inferred = ensemble.infer(golden_batch(ensemble, count))
    return np.array([astuple(one.scores.ensemble) for one in inferred])


def _on_the_card(ensemble: Any, batch: Sequence[Any]) -> Callable[[], None]:
    """Return what runs the networks alone, on arrays that are on the device already."""
    import tensorflow as tf

    arrays = [
        tf.identity(tf.constant(np.stack([one.arrays[place] for one in batch])))
        for place in range(len(ensemble._members))
    ]

    def run_networks() -> None:
        outputs = [
            tf.nest.flatten(member._forward(images))
            for member, images in zip(ensemble._members, arrays, strict=True)
        ]
        for output in tf.nest.flatten(outputs):
            output.numpy()  # waits for the device

    return run_networks


def _operations(member: Any) -> int:
    """Return the floating-point operations of a member's graph for one image."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )
    from tensorflow.python.profiler import model_analyzer, option_builder

    spec = tf.TensorSpec((1, member.spec.height, member.spec.width, 3), tf.float32)
    graph = tf.function(member._forward).get_concrete_function(spec)
    frozen = convert_variables_to_constants_v2(graph)
    options = option_builder.ProfileOptionBuilder(
        option_builder.ProfileOptionBuilder.float_operation()
    ).with_empty_output()
    counted = model_analyzer.profile(frozen.graph, cmd="op", options=options.build())
    return int(counted.total_float_ops)


def _matrix_rate(precision: str, side: int) -> float:
    """Return the operations a second of a square matrix product."""
    import tensorflow as tf

    dtype = tf.bfloat16 if precision == BFLOAT16 else tf.float32
    first, second = (tf.cast(tf.random.normal((side, side)), dtype) for _ in range(2))
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(first, second)))
    return 2 * side**3 / _median_s(lambda: float(product()), 5)


def _median_s(work: Callable[[], object], times: int) -> float:
    work()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))
