"""Networks as OpenVINO models on the processor, without TensorFlow. Importing this loads OpenVINO.

Keras builds the network on its OpenVINO backend, which is a graph from the first layer on: nothing
is converted, and nothing is kept on disk.
"""

import threading

import keras
import numpy as np
import openvino as ov
from keras.src.backend.openvino.core import OpenVINOKerasTensor
from numpy.typing import NDArray

from screening.networks.compiled import Compiled
from screening.networks.openvino_layout import without_transpositions

OPTIONS = {
    "INFERENCE_PRECISION_HINT": "f32",
    "PERFORMANCE_HINT": "LATENCY",
}
"""OpenVINO would multiply in bfloat16 where the processor can: scores would differ by machine."""
_MEMORY_WORDS = ("bad_alloc", "Cannot allocate memory", "Failed to allocate")


class OpenVINORuntime:
    """Models on the processor."""

    def set_up(self) -> None:
        """There is no device to prepare."""

    def compiled(self, model: keras.Model, *, on_processor: bool = False) -> Compiled:
        """Compile a network for batches of any size; each thread has buffers of its own."""
        del on_processor  # it always is
        [image] = model.inputs
        shape = [-1 if side is None else side for side in image.shape]
        parameter = ov.opset16.parameter(shape, ov.Type.f32)
        outputs = keras.tree.flatten(
            model(OpenVINOKerasTensor(parameter.output(0)), training=False)
        )
        results = [ov.opset16.result(output.output) for output in outputs]
        network = ov.Model(results, [parameter])
        without_transpositions(network)
        graph = ov.compile_model(network, "CPU", OPTIONS)
        own = threading.local()

        def run(images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
            if not hasattr(own, "request"):
                own.request = graph.create_infer_request()
            found = own.request.infer([np.ascontiguousarray(images)])
            return [np.array(found[place], np.float32) for place in range(len(results))]

        return run

    def is_about_memory(self, error: Exception) -> bool:
        """Return whether the error says that the machine's memory is too small."""
        return isinstance(error, RuntimeError) and any(word in str(error) for word in _MEMORY_WORDS)
