"""What the networks run on, by Keras's backend: precision, copies to the card, compiled functions.

Importing this module loads Keras and its backend alone: a host may have JAX or PyTorch in place of
TensorFlow.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import keras

Function = Callable[[Any], Any]
"""From an array on the card to what is computed there."""


class Backend(Protocol):
    """One of Keras's backends."""

    def card(self) -> str | None:
        """Return the GPU's name; None where there is none."""

    def set_tf32(self, *, on: bool) -> None:
        """Let products of float32 round their factors to 10 bits, or not."""

    def to_card(self, array: Any) -> Any:
        """Copy an array to the card, or to the processor where there is none."""

    def compiled(self, model: keras.Model) -> Function:
        """Compile a network's inference."""

    def compiled_function(self, function: Function) -> Function:
        """Compile a function of `keras.ops`."""

    def wait(self, outputs: Any) -> None:
        """Return when all is computed."""


class TensorFlow:
    """Graphs."""

    def __init__(self) -> None:
        import tensorflow as tf

        self._tf = tf

    def card(self) -> str | None:
        """Return the GPU's name; None where there is none."""
        gpus = self._tf.config.list_physical_devices("GPU")
        if not gpus:
            return None
        details = self._tf.config.experimental.get_device_details(gpus[0])
        return str(details.get("device_name", "unknown"))

    def set_tf32(self, *, on: bool) -> None:
        """Switch TF32."""
        self._tf.config.experimental.enable_tensor_float_32_execution(on)

    def to_card(self, array: Any) -> Any:
        """Copy an array."""
        return self._tf.identity(self._tf.constant(array))

    def compiled(self, model: keras.Model) -> Function:
        """Trace a network."""
        return self.compiled_function(lambda images: model(images, training=False))

    def compiled_function(self, function: Function) -> Function:
        """Trace a function."""
        traced: Function = self._tf.function(function)
        return traced

    def wait(self, outputs: Any) -> None:
        """Copy the outputs back, which waits for them."""
        for output in keras.tree.flatten(outputs):
            output.numpy()


class Jax:
    """XLA. The weights are arguments: constants of 300 MB would be folded for minutes."""

    def __init__(self) -> None:
        import jax

        self._jax = jax

    def card(self) -> str | None:
        """Return the GPU's name; None where there is none."""
        device = self._jax.devices()[0]
        return str(device.device_kind) if device.platform == "gpu" else None

    def set_tf32(self, *, on: bool) -> None:
        """Switch TF32."""
        precision = "tensorfloat32" if on else "highest"
        self._jax.config.update("jax_default_matmul_precision", precision)

    def to_card(self, array: Any) -> Any:
        """Copy an array."""
        return self._jax.device_put(array)

    def compiled(self, model: keras.Model) -> Function:
        """Compile a network."""
        weights = [variable.value for variable in model.trainable_variables]
        others = [variable.value for variable in model.non_trainable_variables]

        @self._jax.jit  # type: ignore[untyped-decorator]  # jax need not be installed
        def forward(trained: Any, rest: Any, images: Any) -> Any:
            return model.stateless_call(trained, rest, images, training=False)[0]

        return lambda images: forward(weights, others, images)

    def compiled_function(self, function: Function) -> Function:
        """Compile a function."""
        compiled: Function = self._jax.jit(function)
        return compiled

    def wait(self, outputs: Any) -> None:
        """Wait for the outputs."""
        self._jax.block_until_ready(outputs)


class Torch:
    """Eager: each layer is started by itself."""

    def __init__(self) -> None:
        import torch

        self._torch = torch

    def card(self) -> str | None:
        """Return the GPU's name; None where there is none."""
        cuda = self._torch.cuda
        return str(cuda.get_device_name(0)) if cuda.is_available() else None

    def set_tf32(self, *, on: bool) -> None:
        """Switch TF32, of products and of convolutions."""
        self._torch.backends.cuda.matmul.allow_tf32 = on
        self._torch.backends.cudnn.allow_tf32 = on

    def to_card(self, array: Any) -> Any:
        """Copy an array."""
        return self._torch.as_tensor(array, device="cuda" if self.card() else "cpu")

    def compiled(self, model: keras.Model) -> Function:
        """Return a network without gradients."""
        return self.compiled_function(lambda images: model(images, training=False))

    def compiled_function(self, function: Function) -> Function:
        """Return a function without gradients."""

        def run(given: Any) -> Any:
            with self._torch.no_grad():
                return function(given)

        return run

    def wait(self, outputs: Any) -> None:
        """Wait for the card."""
        del outputs
        if self.card():
            self._torch.cuda.synchronize()


BACKENDS: Mapping[str, Callable[[], Backend]] = {
    "tensorflow": TensorFlow,
    "jax": Jax,
    "torch": Torch,
}


def backend_in_use() -> Backend:
    """Return Keras's. Raises ValueError for one that is not known here."""
    name = keras.backend.backend()
    if name not in BACKENDS:
        raise ValueError(f"expected KERAS_BACKEND to be one of {', '.join(BACKENDS)}, found {name}")
    return BACKENDS[name]()
