"""Row 2: the ensemble on a CPU, with everything that the bundle asks for, on both runtimes.

Its peer is `model.predict` of the same networks on the same arrays, without test-time augmentation,
calibration and outlier check: what somebody would write who has the weight files alone.
"""

import time
from dataclasses import astuple
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from screening.domain.scores import SCORE_TOLERANCE
from screening.ensemble.runtime_comparison import LARGEST_DIFFERENCE
from tests.benchmarks.figures import ratios
from tests.benchmarks.machine import has_bfloat16_units
from tests.benchmarks.parts.ensembles import (
    PLAIN,
    RELEASED,
    golden_batch,
    images_a_second,
    loaded_ensemble,
    with_views,
)
from tests.benchmarks.parts.other_runtime import OtherRuntime, running
from tests.benchmarks.run import Run

if TYPE_CHECKING:
    from screening.ensemble.ensemble import Ensemble
    from screening.ensemble.input_views import PreparedInput

OURS, PREDICT = "screening", "model.predict of the plain members"
OPENVINO = "on OpenVINO"
BATCHES = (1, 8)
BFLOAT16 = "where the processor has bfloat16 units: "


def measure(run: Run) -> None:
    """Score the golden images alone and in batches, on both runtimes, and predict them."""
    ensemble = loaded_ensemble(run)
    from screening.ensemble.ensemble import Ensemble
    from screening.ensemble.members import load_network

    bundle = ensemble.bundle
    networks = [load_network(member, bundle.directory) for member in bundle.manifest.members]
    with running("openvino", bundle.directory) as other:
        for views in (RELEASED,) if run.is_short else (RELEASED, PLAIN):
            ours = ensemble if views == RELEASED else Ensemble.load(with_views(bundle, views))
            for size in BATCHES:
                _contend(run, (views, size), ours, networks, other)
            _compare_runtimes(run, views, ours, other)
    _compare(run, ensemble, networks)


def what_is_scored(views: str, size: int) -> str:
    """Return the name of a figure: of the released views unless it says otherwise."""
    return f"ensemble, batch {size}" + ("" if views == RELEASED else f", {views}")


def _contend(
    run: Run, work: tuple[str, int], ours: "Ensemble", networks: list[Any], other: OtherRuntime
) -> None:
    """Measure one batch. Ratios are over model.predict, of both runtimes."""
    views, size = work
    batch, what = golden_batch(ours, size), what_is_scored(*work)
    on_openvino = f"{OURS} {OPENVINO}"
    contenders = {
        OURS: partial(images_a_second, ours, batch),
        PREDICT: partial(_predict, networks, batch),
        on_openvino: partial(other.infer, views, size),
    }
    for warm in contenders.values():
        warm()
    values = run.compare(what, "images/s", contenders, run.size("rounds", full=7, short=1))
    over = ratios(values[on_openvino], values[PREDICT])
    run.add(f"{what}, {OPENVINO} / {PREDICT}", "x", over)
    if has_bfloat16_units() and views == RELEASED:
        ratio = next(one for one in run.figures if one.name == f"{what} / {PREDICT}")
        run.add(f"{BFLOAT16}{ratio.name}", "x", ratio.values)


def _compare_runtimes(run: Run, views: str, ours: "Ensemble", other: OtherRuntime) -> None:
    """Look whether both runtimes give the same scores."""
    size = max(BATCHES)
    here = [astuple(one.scores.ensemble) for one in ours.infer(golden_batch(ours, size))]
    apart = float(np.abs(np.subtract(here, other.scores(views, size))).max())
    run.add(f"furthest score {OPENVINO} from TensorFlow's, {views}", "probability", apart)
    run.expect(
        f"the scores {OPENVINO} are TensorFlow's, {views}", True, apart <= LARGEST_DIFFERENCE
    )


def _predict(networks: list[Any], batch: list["PreparedInput"]) -> float:
    stacked = _stacked(batch, len(networks))
    started = time.perf_counter()
    for network, images in zip(networks, stacked, strict=True):
        network.predict(images, batch_size=len(batch), verbose=0)
    return len(batch) / (time.perf_counter() - started)


def _compare(run: Run, ensemble: "Ensemble", networks: list[Any]) -> None:
    """Look whether a batch scores as its images do alone, and the peer as its networks do."""
    batch = golden_batch(ensemble, max(BATCHES))
    together = [astuple(inferred.scores.ensemble) for inferred in ensemble.infer(batch)]
    alone = [astuple(ensemble.infer([one])[0].scores.ensemble) for one in batch[:3]]
    furthest = np.abs(np.subtract(together[:3], alone)).max()
    run.expect("a batch scores as each image alone", True, float(furthest) <= SCORE_TOLERANCE)
    for network, images in zip(networks, _stacked(batch, len(networks)), strict=True):
        predicted = network.predict(images, batch_size=len(batch), verbose=0)
        called = np.asarray(network(images, training=False))
        run.expect(
            "model.predict gives what the network gives",
            True,
            float(np.abs(predicted - called).max()) <= SCORE_TOLERANCE,
        )


def _stacked(batch: list["PreparedInput"], members: int) -> list[Any]:
    return [np.stack([one.arrays[place] for one in batch]) for place in range(members)]
