"""Shapes of the outputs of operators on numbers: elementwise, products, windows.

Rules follow https://onnx.ai/onnx/operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from core.artifacts.onnx_check.call import (
    Call,
    Integers,
    Shape,
    UnknownSizeError,
    Value,
    broadcast,
    in_rank,
    within_32_bits,
)
from core.artifacts.onnx_check.graph import MAX_SMALL_ELEMENTS, WHOLE_TYPES


def same(call: Call) -> list[Value]:
    """Return the shape of the first input, and its whole numbers where the operator keeps them."""
    operator, source = call.node.operator, call.value(0)
    keeps = operator == "Identity" or (operator == "Cast" and call.option("to", 0) in WHOLE_TYPES)
    return [Value(source.shape, source.integers if keeps else None)]


ARITHMETIC: Mapping[str, Callable[[Integers, Integers], Integers]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Max": np.maximum,
    "Min": np.minimum,
}


def elementwise(call: Call) -> list[Value]:
    """Return the shape of an operator on pairs of elements, with broadcasting."""
    values = [v for v in call.inputs if v is not None]
    shape = broadcast([v.shape for v in values])
    compute = ARITHMETIC.get(call.node.operator)
    if compute and len(values) == 2 and math.prod(shape) <= MAX_SMALL_ELEMENTS:
        a, b = values[0].integers, values[1].integers
        if a is not None and b is not None:
            return [Value(shape, within_32_bits(compute(a, b)))]
    return [Value(shape)]


def matmul(call: Call) -> list[Value]:
    """Return the output shape of `MatMul`."""
    a, b = call.shape(0), call.shape(1)
    left, right = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    if len(left) < 2 or len(right) < 2 or left[-1] != right[-2]:
        raise UnknownSizeError(f"shapes {a} and {b} that do not match")
    shape = (*broadcast([left[:-2], right[:-2]]), left[-2], right[-1])
    if len(a) == 1:
        shape = (*shape[:-2], shape[-1])
    return [Value(shape[:-1] if len(b) == 1 else shape)]


def gemm(call: Call) -> list[Value]:
    """Return the output shape of `Gemm`."""
    a, b = call.shape(0), call.shape(1)
    if len(a) != 2 or len(b) != 2:
        raise UnknownSizeError(f"shapes {a} and {b}")
    a = a[::-1] if call.option("transA", 0) else a
    b = b[::-1] if call.option("transB", 0) else b
    if a[1] != b[0]:
        raise UnknownSizeError(f"shapes {a} and {b} that do not match")
    return [Value((a[0], b[1]))]


def _window(call: Call, kernel: Sequence[int], *, rounds_up: bool = False) -> Shape:
    """Return how many places a window of `kernel` has in the picture, by axis."""
    sizes = call.shape()[2:]
    rank = len(sizes)
    strides = call.options("strides") or [1] * rank
    dilations = call.options("dilations") or [1] * rank
    pads = call.options("pads") or [0] * (2 * rank)
    mode = call.node.attributes.get("auto_pad", b"NOTSET")
    if not (len(kernel) == len(strides) == len(dilations) == rank and len(pads) == 2 * rank):
        raise UnknownSizeError("a window of another rank")
    if min([*kernel, *strides, *dilations, 1]) < 1 or min([*pads, 0]) < 0:
        raise UnknownSizeError("a window of no size")
    places = []
    for i, size in enumerate(sizes):
        if mode in (b"SAME_UPPER", b"SAME_LOWER"):
            places.append(-(-size // strides[i]))
            continue
        padding = 0 if mode == b"VALID" else pads[i] + pads[i + rank]
        room = size + padding - dilations[i] * (kernel[i] - 1) - 1
        if room < 0:
            raise UnknownSizeError("a window larger than the picture")
        count = (-(-room // strides[i]) if rounds_up else room // strides[i]) + 1
        begins_outside = rounds_up and (count - 1) * strides[i] >= size + pads[i]
        places.append(count - begins_outside)
    return tuple(places)


def convolution(call: Call) -> list[Value]:
    """Return the output shape of `Conv`."""
    image, weights = call.shape(0), call.shape(1)
    groups = call.option("group", 1)
    if len(image) < 3 or len(weights) != len(image) or image[1] != weights[1] * groups:
        raise UnknownSizeError(f"shapes {image} and {weights} that do not match")
    return [Value((image[0], weights[0], *_window(call, weights[2:])))]


def pool(call: Call) -> list[Value]:
    """Return the output shape of pooling in windows."""
    if len(call.node.outputs) > 1:
        raise UnknownSizeError("indices")
    shape = call.shape()
    kernel = call.options("kernel_shape") or []
    rounds_up = bool(call.option("ceil_mode", 0))
    return [Value((*shape[:2], *_window(call, kernel, rounds_up=rounds_up)))]


def global_pool(call: Call) -> list[Value]:
    """Return the output shape of pooling of the whole picture."""
    shape = call.shape()
    return [Value((*shape[:2], *[1] * (len(shape) - 2)))]


def reduce_(call: Call) -> list[Value]:
    """Return the output shape of a reduction over axes."""
    shape = call.shape()
    axes = call.list_of("axes", 1)
    if not axes:
        if call.option("noop_with_empty_axes", 0):
            return [Value(shape)]
        axes = list(range(len(shape)))
    reduced = {in_rank(axis, len(shape)) for axis in axes}
    if call.option("keepdims", 1):
        return [Value(tuple(1 if i in reduced else n for i, n in enumerate(shape)))]
    return [Value(tuple(n for i, n in enumerate(shape) if i not in reduced))]


def normalisation(call: Call) -> list[Value]:
    """Return the output shape of a normalisation, without its statistics as outputs."""
    if len([name for name in call.node.outputs if name]) > 1:
        raise UnknownSizeError("its statistics")
    return [Value(call.shape())]
