"""TensorFlow's device: how it is set up, and how its lack of memory is told.

Importing this module loads TensorFlow.
"""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from screening.errors import OutOfMemoryError, SettingsError

_MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "OUT_OF_MEMORY", "out of memory", "ALLOC_FAILED")
"""In errors of CUDA, cuDNN and cuBLAS that TensorFlow passes on under other classes."""


def set_up_tensorflow() -> None:
    """Share the GPU's memory, and multiply in full float32.

    Ampere and later GPUs would round factors to 10 bits (TF32), and the same image would score
    differently on another device. Raises SettingsError where Keras uses another backend.
    """
    if keras.backend.backend() != "tensorflow":
        raise SettingsError(
            "expected Keras to use tensorflow, found "
            f"{keras.backend.backend()}; unset KERAS_BACKEND"
        )
    tf.config.experimental.enable_tensor_float_32_execution(False)
    for gpu in tf.config.list_physical_devices("GPU"):
        # Refused once the device is in use, as in training, which owns it then.
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)


@contextlib.contextmanager
def memory_for(what: str) -> Iterator[None]:
    """Raise OutOfMemoryError where the block runs out of memory, the device's or the machine's."""
    try:
        yield
    except (MemoryError, tf.errors.OpError) as error:
        if isinstance(error, tf.errors.OpError) and not _is_about_memory(error):
            raise
        raise OutOfMemoryError(
            f"expected memory for {what}, found too little; stop what else uses the device, "
            "or lower SCREENING_BATCH_SIZE"
        ) from error


def _is_about_memory(error: tf.errors.OpError) -> bool:
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return True
    return any(words in str(error.message) for words in _MEMORY_WORDS)
