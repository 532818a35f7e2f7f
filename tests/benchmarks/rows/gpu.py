"""Row 3: the ensemble's networks on a GPU, by batch size and precision, and what the card could do.

`tests.benchmarks.card` measures, in a process of its own, and runs by itself on a host that has
another of Keras's backends and none of the rest.
"""

import json
import os
import subprocess
import sys
from typing import Any

from screening.domain.scores import SCORE_TOLERANCE
from tests.benchmarks.figures import number
from tests.benchmarks.machine import ROOT
from tests.benchmarks.parts.sites import bundle_of
from tests.benchmarks.run import NotHereError, Run, WrongOutputError

TOLERANCES = {"float32": SCORE_TOLERANCE, "TF32": 1e-2, "bfloat16": 5e-2}
"""How far golden scores may be from the bundle's; mantissas of 24, 11 and 8 bits."""
HEAD = ["precision", "batch", "images/s", "of the card's rate", "copies and processor"]
SHORT = ("--batches", "1,2", "--side", "256")


def measure(run: Run) -> None:
    """Score batches of golden images. Raises NotHereError without a GPU."""
    measure_with(run)


def measure_with(run: Run, *options: str) -> None:
    """Measure with options of `tests.benchmarks.card`."""
    told, *lines = _lines(run, *options)
    if told["card"] is None and not lines:
        raise NotHereError(
            f"Keras finds no GPU on {told['backend']}; on a machine with one, install "
            "tensorflow[and-cuda] and run `screening bench ensemble-gpu`, or with JAX or PyTorch "
            "alone `KERAS_BACKEND=jax python -m tests.benchmarks.card`"
        )
    run.notes.append(f"The card: {told['card']}, on {told['backend']}.")
    table = [HEAD]
    for precision, tolerance in TOLERANCES.items():
        own = [line for line in lines if line["precision"] == precision]
        apart = own[0]["furthest_golden_score"]
        run.add(f"furthest score from the bundle's, {precision}", "probability", apart)
        run.expect(f"scores as in the bundle, {precision}", True, apart <= tolerance)
        rate = own[0]["matrix_rate"] / 1e12
        run.add(f"the card: matrix product, {precision}", "TFLOP/s", rate)
        for line in own:
            name = f"ensemble, {precision}, batch {line['batch']}"
            run.add(name, "images/s", line["images_a_second"])
            table.append(_row(line))
    run.tables["Batches"] = table


def _row(line: dict[str, Any]) -> list[str]:
    return [
        line["precision"],
        str(line["batch"]),
        number(line["images_a_second"]),
        f"{100 * line['share_of_matrix_rate']:.1f} %",
        f"{100 * line['copies_and_processor']:.0f} %",
    ]


def _lines(run: Run, *options: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.benchmarks.card"]
    command += ["--bundle", str(bundle_of(run).directory), *options]
    command += SHORT if run.is_short else ()
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env={"KERAS_BACKEND": "tensorflow"} | os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise WrongOutputError(f"the networks did not run: {ended.stderr[-2000:]}")
    return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
