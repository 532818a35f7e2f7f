"""A network as one function of a batch, compiled once by what Keras runs on.

A graph with a fixed signature is made once: any number of threads may run it, and a long-lived
worker's memory stays as it is. `model.predict` would build new objects at each call.
"""

from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Any, Protocol, cast

import keras
import numpy as np
from numpy.typing import NDArray

Compiled = Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]
"""From (batch, ...) to each of the network's outputs, (batch, ...)."""
RUNTIMES: Mapping[str, str] = {
    "tensorflow": "screening.networks.tensorflow_graph:TensorFlowRuntime",
    "openvino": "screening.networks.openvino_graph:OpenVINORuntime",
}
"""By Keras's backend: what compiles networks for it, loaded when it is needed."""


class Runtime(Protocol):
    """What each of `RUNTIMES` can do."""

    def set_up(self) -> None:
        """Prepare the device; before the first network is built."""

    def compiled(self, model: keras.Model, *, on_processor: bool = False) -> Compiled:
        """Compile a network for batches of any size.

        on_processor: for the CPU, also where there is a GPU. Raises what `is_about_memory` knows.
        """

    def is_about_memory(self, error: Exception) -> bool:
        """Return whether the error says that the device's or the machine's memory is too small."""


def runtime() -> Runtime | None:
    """Return what compiles networks for Keras's backend; None for one that no bundle runs on."""
    place = RUNTIMES.get(keras.backend.backend())
    return cast("Runtime", resolve_name(place)()) if place else None


def compiled(model: keras.Model, *, on_processor: bool = False) -> Compiled:
    """Return a network as a function of batches of any size; safe in any thread.

    on_processor: on the CPU, also where there is a GPU. On a backend that no bundle runs on, which
    trains alone, the network is called as it is.
    """
    found = runtime()
    if found is None:
        return lambda images: _called(model, images)
    return found.compiled(model, on_processor=on_processor)


def _called(model: keras.Model, images: NDArray[np.float32]) -> list[Any]:
    outputs = keras.tree.flatten(model(images, training=False))
    return [np.asarray(keras.ops.convert_to_numpy(output), np.float32) for output in outputs]
