"""Row 2: the ensemble on a CPU, with everything that the bundle asks for.

Its peer is `model.predict` of the same networks on the same arrays, without test-time augmentation,
calibration and outlier check: what somebody would write who has the weight files alone.
"""

import time
from dataclasses import astuple
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from screening.domain.scores import SCORE_TOLERANCE
from tests.benchmarks.machine import has_bfloat16_units
from tests.benchmarks.parts.ensembles import golden_batch, images_a_second, loaded_ensemble
from tests.benchmarks.run import Run

if TYPE_CHECKING:
    from screening.ensemble.ensemble import Ensemble
    from screening.ensemble.input_views import PreparedInput

OURS, PREDICT = "screening", "model.predict of the plain members"
BATCHES = (1, 8)
BFLOAT16 = "where the processor has bfloat16 units: "


def measure(run: Run) -> None:
    """Score the golden images alone and in batches, and predict them."""
    ensemble = loaded_ensemble(run)
    from screening.ensemble.members import load_network

    bundle = ensemble.bundle
    networks = [load_network(member, bundle.directory) for member in bundle.manifest.members]
    for size in BATCHES:
        batch = golden_batch(ensemble, size)
        contenders = {
            OURS: partial(images_a_second, ensemble, batch),
            PREDICT: partial(_predict, networks, batch),
        }
        for warm in contenders.values():
            warm()
        what = f"ensemble, batch {size}"
        run.compare(what, "images/s", contenders, run.size("rounds", full=7, short=1))
        if has_bfloat16_units():
            ratio = next(one for one in run.figures if one.name == f"{what} / {PREDICT}")
            run.add(f"{BFLOAT16}{ratio.name}", "x", ratio.values)
    _compare(run, ensemble, networks)


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
