"""Networks as TensorFlow graphs, whose weights are constants. Importing this loads TensorFlow."""

import contextlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from screening.networks.compiled import Compiled

_MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "OUT_OF_MEMORY", "out of memory", "ALLOC_FAILED")
"""In errors of CUDA, cuDNN and cuBLAS that TensorFlow passes on under other classes."""


class TensorFlowRuntime:
    """Graphs on a GPU where there is one, else on the processor."""

    def set_up(self) -> None:
        """Share the GPU's memory, and multiply in full float32.

        Ampere and later GPUs would round factors to 10 bits (TF32), and the same image would score
        differently on another device.
        """
        tf.config.experimental.enable_tensor_float_32_execution(False)
        for gpu in tf.config.list_physical_devices("GPU"):
            # Refused once the device is in use, as in training, which owns it then.
            with contextlib.suppress(RuntimeError):
                tf.config.experimental.set_memory_growth(gpu, True)

    def compiled(self, model: keras.Model, *, on_processor: bool = False) -> Compiled:
        """Trace a network once, for batches of any size."""
        signature = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in model.inputs]

        def forward(images: Any) -> Any:
            with tf.device("cpu:0") if on_processor else contextlib.nullcontext():
                return tf.nest.flatten(model(images, training=False))

        graph = tf.function(
            forward, input_signature=signature, autograph=False
        ).get_concrete_function()

        def run(images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
            with tf.device("cpu:0") if on_processor else contextlib.nullcontext():
                return [output.numpy() for output in graph(tf.constant(images))]

        return run

    def is_about_memory(self, error: Exception) -> bool:
        """Return whether the error says that the device's or the machine's memory is too small."""
        if isinstance(error, tf.errors.ResourceExhaustedError):
            return True
        return isinstance(error, tf.errors.OpError) and any(
            words in str(error.message) for words in _MEMORY_WORDS
        )
