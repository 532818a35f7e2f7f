"""A bundle's networks on a GPU, on whatever backend Keras has: needs no TensorFlow, SCP, database.

`KERAS_BACKEND=jax python -m tests.benchmarks.card` prints a JSON line for each precision and each
size of batch: images a second from arrays in memory, the share of that time which is not the
networks' (copies and processor), the networks' operations as a share of the rate at which the card
multiplies matrices in the same precision, and how far the golden scores are from the manifest's.
`--on-processor` measures without a GPU, `--batches 1,2 --side 256` makes it short.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from screening.bundles.manifest import Member
from screening.bundles.registry import RELEASED_DIRECTORY, Bundle, find_bundles, load_bundle
from screening.ensemble.golden_check import read_grey
from screening.ensemble.input_views import ViewExtractor
from screening.ensemble.members import load_network
from screening.imaging.network_input.preprocess import preprocess
from screening.networks.test_time_augmentation import augmented_views, with_test_time_augmentation
from tests.benchmarks.parts.backends import Backend, Function, backend_in_use

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FLOAT32, TF32, BFLOAT16 = PRECISIONS = ("float32", "TF32", "bfloat16")
MATRIX_SIDE = 8192
REPETITIONS = 5


@dataclass(frozen=True, slots=True)
class Work:
    """What is measured, on what."""

    bundle: Bundle
    backend: Backend
    batches: Sequence[int]
    matrix_side: int
    golden: Sequence[NDArray[np.float32]]
    """Of each member: the golden images as it takes them."""


def measure(work: Work) -> Iterator[dict[str, Any]]:
    """Yield what each precision and each size of batch gives."""
    before = keras.config.dtype_policy()
    try:
        for precision in PRECISIONS:
            policy = "mixed_bfloat16" if precision == BFLOAT16 else "float32"
            keras.config.set_dtype_policy(policy)
            work.backend.set_tf32(on=precision == TF32)
            yield from _of_precision(work, precision)
    finally:
        keras.config.set_dtype_policy(before)
        work.backend.set_tf32(on=False)


def golden_inputs(bundle: Bundle) -> list[NDArray[np.float32]]:
    """Return the golden images as each member takes them, (images, height, width, 3)."""
    extractor = ViewExtractor.load(bundle.manifest.lung_field, bundle.directory)
    views = [
        extractor.views(read_grey(bundle.directory / one.file)) for one in bundle.manifest.golden
    ]
    return [
        np.stack([preprocess(one.pixels[member.input.view], member.input.spec) for one in views])
        for member in bundle.manifest.members
    ]


def operations(model: keras.Model) -> int:
    """Return the additions and multiplications of convolutions and dense layers for one image."""
    return sum(_operations(layer) for layer in model.layers)


def _operations(layer: Any) -> int:
    if isinstance(layer, keras.layers.Dense):
        return 2 * math.prod(layer.kernel.shape)
    places = math.prod(layer.output.shape[1:3]) if hasattr(layer, "kernel_size") else 0
    if isinstance(layer, keras.layers.SeparableConv2D):
        weights = math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape)
        return int(2 * places * weights)
    if isinstance(layer, keras.layers.Conv2D):
        return int(2 * places * math.prod(layer.kernel.shape))
    return 0


def _of_precision(work: Work, precision: str) -> Iterator[dict[str, Any]]:
    members = work.bundle.manifest.members
    plain = [load_network(member, work.bundle.directory) for member in members]
    networks = [_compiled(work, member, net) for member, net in zip(members, plain, strict=True)]
    card = _matrix_rate(work, precision)
    counted = sum(_views(one) * operations(net) for one, net in zip(members, plain, strict=True))
    apart = _apart(work, networks)
    for size in work.batches:
        arrays = [np.resize(one, (size, *one.shape[1:])) for one in work.golden]
        there = [work.backend.to_card(one) for one in arrays]
        whole_s = median_s(lambda a=arrays: _run(work, networks, map(work.backend.to_card, a)))
        networks_s = median_s(lambda t=there: _run(work, networks, t))
        yield {
            "precision": precision,
            "batch": size,
            "images_a_second": size / whole_s,
            "share_of_matrix_rate": size * counted / whole_s / card,
            "copies_and_processor": max(0.0, 1 - networks_s / whole_s),
            "matrix_rate": card,
            "furthest_golden_score": apart,
        }


def _compiled(work: Work, member: Member, network: keras.Model) -> Function:
    augmented = with_test_time_augmentation(network, mirrored=member.mirrored, inner=member.inner)
    return work.backend.compiled(augmented)


def _views(member: Member) -> int:
    nothing = np.zeros((1, 32, 32, 3), np.float32)
    return len(augmented_views(nothing, mirrored=member.mirrored, inner=member.inner))


def _run(work: Work, networks: Sequence[Function], arrays: Any) -> None:
    work.backend.wait([run(images) for run, images in zip(networks, arrays, strict=True)])


def _apart(work: Work, networks: Sequence[Function]) -> float:
    """Return how far a golden probability is from the manifest's."""
    furthest = 0.0
    for member, run, images in zip(
        work.bundle.manifest.members, networks, work.golden, strict=True
    ):
        output = keras.ops.convert_to_numpy(run(work.backend.to_card(images)))
        expected = [one.member_scores[member.name] for one in work.bundle.manifest.golden]
        furthest = max(furthest, float(np.abs(output.astype(np.float32) - expected).max()))
    return furthest


def _matrix_rate(work: Work, precision: str) -> float:
    """Return the operations a second of a square matrix product."""
    side = work.matrix_side
    dtype = BFLOAT16 if precision == BFLOAT16 else FLOAT32
    drawn = np.random.default_rng(0).standard_normal((side, side), np.float32)
    matrix = keras.ops.cast(work.backend.to_card(drawn), dtype)
    product = work.backend.compiled_function(lambda one: keras.ops.sum(keras.ops.matmul(one, one)))
    return float(2 * side**3 / median_s(lambda: work.backend.wait(product(matrix))))


def median_s(work: Callable[[], object], times: int = REPETITIONS) -> float:
    """Return the seconds that work takes, once it has been done."""
    work()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


def main() -> None:
    """Print the card's name and a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, help="folder; default: the newest released one")
    parser.add_argument("--batches", default=",".join(map(str, BATCHES)))
    parser.add_argument("--side", type=int, default=MATRIX_SIDE, help="of the matrices")
    parser.add_argument("--on-processor", action="store_true", help="also without a GPU")
    given = parser.parse_args()
    bundle = load_bundle(given.bundle) if given.bundle else find_bundles([RELEASED_DIRECTORY])[-1]
    backend = backend_in_use()
    card = backend.card()
    print(json.dumps({"card": card, "backend": keras.backend.backend()}), flush=True)
    if card is None and not given.on_processor:
        return
    batches = [int(size) for size in given.batches.split(",")]
    for line in measure(Work(bundle, backend, batches, given.side, golden_inputs(bundle))):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
