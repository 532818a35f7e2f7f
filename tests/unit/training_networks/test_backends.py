"""The same networks and the same steps on TensorFlow, and on JAX where it is there."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the backend that others are compared with")

from tests.training.backend_step import LAYOUT, build
from training.fit.objective import packed_targets, training_network

pytestmark = pytest.mark.tensorflow
ROOT = Path(__file__).parents[3]
TOLERANCE = 3e-4
"""After one step: sums of float32 in another order, which Adam makes as large as its rate."""
SUMS_TOLERANCE = 1e-5
"""Of an output before it."""


def python_with_jax() -> str:
    """Return a Python that has JAX: this one, or the one that SCREENING_JAX_PYTHON names."""
    named = os.environ.get("SCREENING_JAX_PYTHON", "")
    if not named and importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed; name a Python that has it in SCREENING_JAX_PYTHON")
    return named or sys.executable


def run(python: str, backend: str, *arguments: object) -> str:
    """Run a script of the tests on a backend; return what it prints."""
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    command = [python, *map(str, arguments)]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def given(folder: Path) -> Path:
    """Write a batch of three hospitals, and weights to start from."""
    random = np.random.default_rng(0)
    allowed = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2, 0, 2]]
    findings = random.integers(0, 2, (8, 2, 2)).astype(np.float32)
    targets = packed_targets(allowed, findings, list("aaabbbcc"))
    images = random.random((8, 64, 64, 3), dtype=np.float32)
    learner = training_network(build(), LAYOUT)
    weights = {f"weight {n}": np.asarray(w) for n, w in enumerate(learner.weights)}
    path = folder / "given.npz"
    np.savez(path, images=images, targets=targets, **weights)
    return path


def test_a_step_is_the_same_on_jax(tmp_path: Path) -> None:
    """With every term on, one step changes each weight as it does on TensorFlow."""
    python = python_with_jax()
    start = given(tmp_path)
    found = {}
    for backend, chosen in (("tensorflow", sys.executable), ("jax", python)):
        written = tmp_path / f"{backend}.npz"
        run(chosen, backend, "tests/training/backend_step.py", start, written)
        found[backend] = dict(np.load(written))
    ours, theirs = found["tensorflow"], found["jax"]
    assert ours.keys() == theirs.keys()
    assert ours["names"].tolist() == theirs["names"].tolist()
    moved = 0
    with np.load(start) as before:
        for name in before.files:
            if name.startswith("weight"):
                moved += not np.array_equal(before[name], ours[name])
    assert moved > 15
    assert theirs["before"] == pytest.approx(ours["before"], abs=SUMS_TOLERANCE)
    for name in ours.keys() - {"names"}:
        assert theirs[name] == pytest.approx(ours[name], abs=TOLERANCE), name


def test_the_papers_networks_have_the_same_weights_on_jax() -> None:
    """Names, order and shapes are equal, so that weights may go from one backend to the other."""
    python = python_with_jax()
    ours = json.loads(run(sys.executable, "tensorflow", "tests/training/backend_names.py"))
    theirs = json.loads(run(python, "jax", "tests/training/backend_names.py"))
    assert ours == theirs
    assert {name: len(weights) for name, weights in ours.items()} == {
        "concatenated": 508,
        "coronet": 238,
    }
