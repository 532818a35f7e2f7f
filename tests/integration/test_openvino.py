"""The released bundle on OpenVINO gives what it gives on TensorFlow, without TensorFlow."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from screening.bundles.registry import RELEASED_DIRECTORY, Bundle, find_bundles
from screening.domain.scores import SCORE_TOLERANCE

pytest.importorskip("tensorflow", reason="its scores are compared with TensorFlow's")
if importlib.util.find_spec("openvino") is None:
    pytest.skip("OpenVINO is not installed: pip install -e .[openvino]", allow_module_level=True)

from screening.ensemble.ensemble import Ensemble, Inference
from screening.ensemble.golden_check import read_grey

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Return the released bundle."""
    (found,) = find_bundles([RELEASED_DIRECTORY])
    return found


@pytest.fixture(scope="module")
def on_openvino() -> dict[str, Any]:
    """Return what `tests.bundles.openvino_run` prints, which also verifies the golden scores."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bundles.openvino_run"],
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def on_tensorflow(bundle: Bundle) -> list[Inference]:
    """Return what the golden images give in this process."""
    ensemble = Ensemble.load(bundle)
    golden = [read_grey(bundle.directory / one.file) for one in bundle.manifest.golden]
    return ensemble.infer([ensemble.prepare(image) for image in golden])


def test_scores_refusals_and_features_are_those_of_tensorflow(
    on_openvino: dict[str, Any], on_tensorflow: list[Inference]
) -> None:
    """Every member with all its views, the lungs, the out-of-distribution check."""
    assert on_openvino["lungs"] == [True] * len(on_tensorflow)
    for told, ours in zip(on_openvino["together"], on_tensorflow, strict=True):
        for found, member in zip(told["raw"], ours.scores.members, strict=True):
            np.testing.assert_allclose(found, list(member.raw.values()), atol=SCORE_TOLERANCE)
        assert told["refused"] == (ours.refusal is not None)
        assert told["distance"] == pytest.approx(ours.statistics.feature_distance, abs=0.002)
        np.testing.assert_allclose(told["features"], ours.statistics.features, atol=0.01)


def test_an_image_alone_scores_as_in_a_batch(on_openvino: dict[str, Any]) -> None:
    """One network takes batches of any size."""
    alone, together = on_openvino["alone"]["raw"], on_openvino["together"][-1]["raw"]
    for found, expected in zip(alone, together, strict=True):
        np.testing.assert_allclose(found, expected, atol=SCORE_TOLERANCE)


def test_a_batch_that_does_not_fit_into_memory_is_halved(on_openvino: dict[str, Any]) -> None:
    """OpenVINO tells of too little memory in words of its own."""
    assert on_openvino["most at once"] < on_openvino["batch"]


def test_neither_tensorflow_nor_telemetry_is_loaded(on_openvino: dict[str, Any]) -> None:
    """OpenVINO would tell its makers over the internet that it is used."""
    assert on_openvino["loaded"] == ["openvino"]
