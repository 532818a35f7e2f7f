"""On how many devices a run trains."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError
from training.runs.request import Devices


class Replicas:
    """Copies of the network that learn together; one by default."""

    def __init__(self, strategy: Any | None = None) -> None:
        self._strategy = strategy
        self.count: int = 1 if strategy is None else strategy.num_replicas_in_sync

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which network and optimizer must be made."""
        return contextlib.nullcontext() if self._strategy is None else self._strategy.scope()

    def spread(self, *arrays: NDArray[np.float32]) -> tuple[Any, ...]:
        """Give every replica its part of the rows, as evenly as may be."""
        if self._strategy is None:
            return arrays
        return tuple(self._spread(self._strategy, array) for array in arrays)

    def _spread(self, strategy: Any, array: NDArray[np.float32]) -> Any:
        if len(array) < self.count:
            raise TrainingError(
                f"expected a batch of at least {self.count} images for {self.count} devices, found "
                f"{len(array)}; use --devices one, or another batch size"
            )
        parts = np.array_split(array, self.count)

        def part(context: Any) -> Any:
            return keras.ops.convert_to_tensor(parts[context.replica_id_in_sync_group])

        return strategy.experimental_distribute_values_from_function(part)


@contextlib.contextmanager
def replicas_on(devices: Devices) -> Iterator[Replicas]:
    """Prepare the devices: GPU memory is taken as needed, more GPUs hold mirrored networks.

    Raises TrainingError for ALL where Keras runs on another backend than TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        if devices is Devices.ALL:
            raise TrainingError(
                "expected the TensorFlow backend for --devices all, found "
                f"{keras.backend.backend()}; set KERAS_BACKEND=tensorflow or use --devices one"
            )
        yield Replicas()
        return
    import tensorflow as tf  # noqa: PLC0415  another backend trains without it

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        with contextlib.suppress(RuntimeError):  # the process has used the GPU already
            tf.config.experimental.set_memory_growth(gpu, True)
    mirrored = devices is Devices.ALL and len(gpus) > 1
    yield Replicas(tf.distribute.MirroredStrategy() if mirrored else None)


def make_deterministic() -> None:
    """Let the same seeds give the same weights on the same machine, for the rest of the process.

    Otherwise TensorFlow adds up gradients in the order in which its threads finish.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf  # noqa: PLC0415  another backend trains without it

        tf.config.experimental.enable_op_determinism()


def is_on_cpu() -> bool:
    """Return whether Keras sees no accelerator."""
    return not keras.distribution.list_devices("gpu") if _lists_devices() else True


def _lists_devices() -> bool:
    return keras.backend.backend() in {"tensorflow", "jax"}
