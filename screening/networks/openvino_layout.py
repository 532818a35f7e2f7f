"""Keeps channels first throughout an OpenVINO model, as its kernels want them.

Keras puts a transposition before and after every convolution and normalisation, and OpenVINO leaves
most of them where they are: it then neither fuses a convolution with what follows nor keeps its
blocked layout. Here they sink through what works on each element, until they meet and cancel.
"""

from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino._offline_transformations import apply_moc_transformations

SINKS_THROUGH = frozenset({"Add", "Multiply", "Pad", "Relu", "Sigmoid"})
"""Operations that may come before a transposition as well as after it."""
_AXES = 4
_PAD_VALUE = 3
"""The place of a padding's value among its inputs, after what it adds before and behind."""


def without_transpositions(model: ov.Model) -> None:
    """Change a model of images in place: the same outputs, few transpositions."""
    apply_moc_transformations(model, cf=True)  # normalisations become products and sums
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Transpose":
            _join(node)
        elif node.get_type_name() in SINKS_THROUGH:
            _sink(node)
    model.validate_nodes_and_infer_types()


def _order(output: Any) -> list[int] | None:
    """Return the order of axes that a transposition gives; None for anything else."""
    node = output.get_node()
    if node.get_type_name() != "Transpose":
        return None
    order = node.input_value(1).get_node()
    if order.get_type_name() != "Constant" or order.get_data().size != _AXES:
        return None
    return [int(axis) for axis in order.get_data()]


def _join(node: Any) -> None:
    """Replace a transposition of a transposition by one, or by none."""
    inner, outer = _order(node.input_value(0)), _order(node.output(0))
    if inner is None or outer is None:
        return
    both = [inner[axis] for axis in outer]
    source = node.input_value(0).get_node().input_value(0)
    if both != list(range(_AXES)):
        source = ov.opset16.transpose(source, both).output(0)
    for target in node.output(0).get_target_inputs():
        target.replace_source_output(source)


def _sink(node: Any) -> None:
    """Transpose what an operation gives in place of what it takes."""
    order = next(filter(None, map(_order, node.input_values())), None)
    if order is None:
        return
    back = [order.index(axis) for axis in range(_AXES)]
    if node.get_type_name() == "Pad" and not _has_fixed_padding(node):
        return
    for place, taken in enumerate(node.inputs()):
        value = taken.get_source_output()
        if node.get_type_name() == "Pad" and place > 0:
            if place < _PAD_VALUE:
                taken.replace_source_output(_constant(value.get_node().get_data()[back]))
            continue
        taken.replace_source_output(_in_order(value, order, back))
    node.constructor_validate_and_infer_types()
    targets = node.output(0).get_target_inputs()
    transposed = ov.opset16.transpose(node.output(0), order).output(0)
    for target in targets:
        target.replace_source_output(transposed)


def _in_order(value: Any, order: list[int], back: list[int]) -> Any:
    """Return what, transposed to `order`, is `value`."""
    node = value.get_node()
    if _order(value) == order:
        return node.input_value(0)
    if node.get_type_name() != "Constant":
        return ov.opset16.transpose(value, back).output(0)
    data = node.get_data()
    whole = data.reshape((1,) * (_AXES - data.ndim) + data.shape)
    return _constant(whole.transpose(back))


def _has_fixed_padding(node: Any) -> bool:
    widths = [node.input_value(place).get_node() for place in range(1, _PAD_VALUE)]
    return all(one.get_type_name() == "Constant" for one in widths)


def _constant(data: NDArray[Any]) -> Any:
    return ov.opset16.constant(np.ascontiguousarray(data)).output(0)
