"""The ensemble in this process: loaded, verified, and timed by itself."""

import functools
import importlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from screening.bundles.registry import Bundle, load_bundle
from screening.logs import library_output_logged
from screening.settings import choose_runtime
from tests.benchmarks.parts.sites import bundle_of
from tests.benchmarks.run import Run, WrongOutputError

if TYPE_CHECKING:
    from screening.ensemble.ensemble import Ensemble
    from screening.ensemble.input_views import PreparedInput


RELEASED, PLAIN = "as released", "without test-time augmentation"
BY_VIEWS: Mapping[str, Mapping[str, Any]] = {
    RELEASED: {},
    PLAIN: {"mirrored": False, "inner": None},
}
"""By name: what differs of every member; docs/experiments says what each view brings."""


def load_tensorflow() -> None:
    """Load TensorFlow without the lines that its C++ part writes meanwhile."""
    load_runtime("tensorflow")


def load_runtime(name: Literal["tensorflow", "openvino"]) -> None:
    """Load Keras on a runtime without the lines that its C++ part writes meanwhile."""
    choose_runtime(name)
    with library_output_logged():
        importlib.import_module("keras")


def with_views(bundle: Bundle, views: str) -> Bundle:
    """Return a bundle whose members score the views of this name."""
    members = tuple(one.model_copy(update=BY_VIEWS[views]) for one in bundle.manifest.members)
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"members": members}))


def loaded_ensemble(run: Run) -> "Ensemble":
    """Load the bundle that is measured; its golden scores come out right.

    The rows of the short form share the ensemble of one process.
    """
    load_tensorflow()
    from screening.errors import BundleError

    ensemble = (_shared if run.is_short else _loaded)(bundle_of(run).directory)
    try:
        ensemble.verify_golden()
    except BundleError as error:
        raise WrongOutputError(str(error)) from error
    run.checked.append("the golden scores of the bundle")
    return ensemble


def _loaded(directory: Path) -> "Ensemble":
    from screening.ensemble.ensemble import Ensemble

    return Ensemble.load(load_bundle(directory))


_shared = functools.cache(_loaded)


def golden_batch(ensemble: "Ensemble", size: int) -> list["PreparedInput"]:
    """Return so many of the bundle's golden images in turn, prepared."""
    from screening.ensemble.golden_check import read_grey

    bundle = ensemble.bundle
    prepared = [
        ensemble.prepare(read_grey(bundle.directory / one.file)) for one in bundle.manifest.golden
    ]
    return [prepared[place % len(prepared)] for place in range(size)]


def images_a_second(ensemble: "Ensemble", batch: Sequence["PreparedInput"]) -> float:
    """Infer a batch once and return the rate."""
    started = time.perf_counter()
    ensemble.infer(batch)
    return len(batch) / (time.perf_counter() - started)
