"""Sizes of what operators compute that arrange numbers: reshaping, cutting, joining, constants.

Rules follow https://onnx.ai/onnx/operators.
"""

from __future__ import annotations

import math

import numpy as np

from core.artifacts.onnx_check.call import (
    Call,
    Shape,
    UnknownSizeError,
    Value,
    broadcast,
    in_rank,
)
from core.artifacts.onnx_check.graph import MAX_RANK, MAX_SMALL_ELEMENTS, Constant


def _reshaped(value: Value, shape: Shape) -> Value:
    if math.prod(shape) != math.prod(value.shape):
        raise UnknownSizeError(f"shape {shape} of {math.prod(value.shape)} numbers")
    integers = value.integers
    return Value(shape, None if integers is None else integers.reshape(shape))


def reshape(call: Call) -> list[Value]:
    """Return the output shape of `Reshape`, and its whole numbers where they are known."""
    shape, target = call.shape(), call.integers(1)
    keeps_zeros = call.option("allowzero", 0)
    sizes = [
        shape[i] if n == 0 and not keeps_zeros and i < len(shape) else n
        for i, n in enumerate(target)
    ]
    if sizes.count(-1) > 1 or min([*sizes, 0]) < -1:
        raise UnknownSizeError(f"shape {target}")
    if -1 in sizes:
        others = math.prod(n for n in sizes if n != -1)
        sizes[sizes.index(-1)] = math.prod(shape) // others if others else 0
    return [_reshaped(call.value(0), tuple(sizes))]


def flatten(call: Call) -> list[Value]:
    """Return the output shape of `Flatten`, and its whole numbers where they are known."""
    shape = call.shape()
    axis = call.option("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    return [_reshaped(call.value(0), (math.prod(shape[:axis]), math.prod(shape[axis:])))]


def squeeze(call: Call) -> list[Value]:
    """Return the output shape of `Squeeze`, and its whole numbers where they are known."""
    shape = call.shape()
    axes = call.list_of("axes", 1)
    dropped = (
        {i for i, n in enumerate(shape) if n == 1}
        if axes is None
        else {in_rank(axis, len(shape)) for axis in axes}
    )
    return [_reshaped(call.value(0), tuple(n for i, n in enumerate(shape) if i not in dropped))]


def unsqueeze(call: Call) -> list[Value]:
    """Return the output shape of `Unsqueeze`, and its whole numbers where they are known."""
    axes = call.list_of("axes", 1) or []
    rank = len(call.shape()) + len(axes)
    added, sizes = {in_rank(axis, rank) for axis in axes}, iter(call.shape())
    if len(added) != len(axes):
        raise UnknownSizeError(f"axes {axes}")
    shape = tuple(1 if i in added else next(sizes) for i in range(rank))
    return [_reshaped(call.value(0), shape)]


def transpose(call: Call) -> list[Value]:
    """Return the output shape of `Transpose`, and its whole numbers where they are known."""
    shape = call.shape()
    order = call.options("perm") or list(range(len(shape)))[::-1]
    if sorted(order) != list(range(len(shape))):
        raise UnknownSizeError(f"order {order}")
    return [Value(tuple(shape[i] for i in order))]


def concat(call: Call) -> list[Value]:
    """Return the output shape of `Concat`, and its whole numbers where they are known."""
    shapes = [call.shape(i) for i in range(len(call.inputs))]
    axis = call.axis("axis", 0, len(shapes[0]))
    rest = {(*s[:axis], *s[axis + 1 :]) for s in shapes}
    if len(rest) != 1 or len({len(s) for s in shapes}) != 1:
        raise UnknownSizeError(f"shapes {str(shapes)[:200]} that do not match")
    total = sum(s[axis] for s in shapes)
    shape = (*shapes[0][:axis], total, *shapes[0][axis + 1 :])
    parts = [v.integers for v in call.inputs if v is not None and v.integers is not None]
    if len(parts) == len(shapes) and math.prod(shape) <= MAX_SMALL_ELEMENTS:
        return [Value(shape, np.concatenate(parts, axis))]
    return [Value(shape)]


def slice_(call: Call) -> list[Value]:
    """Return the output shape of `Slice`, and its whole numbers where they are known."""
    shape = list(call.shape())
    starts, ends = call.list_of("starts", 1), call.list_of("ends", 2)
    if starts is None or ends is None:
        raise UnknownSizeError("no ends")
    axes = call.list_of("axes", 3) or list(range(len(starts)))
    steps = (call.integers(4) if call.has(4) else None) or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise UnknownSizeError("lists of other lengths")
    integers = call.value(0).integers
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        i = in_rank(axis, len(shape))
        places = _places(start, end, step, shape[i])
        shape[i] = len(places)
        integers = None if integers is None else np.take(integers, list(places), i)
    return [Value(tuple(shape), integers)]


def _places(start: int, end: int, step: int, size: int) -> range:
    """Return what `Slice` takes of an axis; unlike Python's it begins inside if `step` < 0."""
    if size == 0:
        return range(0)
    start, end = (n + size if n < 0 else n for n in (start, end))
    if step > 0:
        return range(min(max(start, 0), size), min(max(end, 0), size), step)
    return range(min(max(start, 0), size - 1), min(max(end, -1), size), step)


def split(call: Call) -> list[Value]:
    """Return the output shapes of `Split`."""
    shape, n = call.shape(), len(call.node.outputs)
    axis = call.axis("axis", 0, len(shape))
    sizes = call.list_of("split", 1)
    if sizes is None:
        step = -(-shape[axis] // n)
        sizes = [min(step, max(0, shape[axis] - i * step)) for i in range(n)]
    if len(sizes) != n or sum(sizes) != shape[axis] or min([*sizes, 0]) < 0:
        raise UnknownSizeError(f"parts {sizes} of {shape[axis]}")
    return [Value((*shape[:axis], size, *shape[axis + 1 :])) for size in sizes]


def gather(call: Call) -> list[Value]:
    """Return the output shape of `Gather`, and its whole numbers where they are known."""
    shape, indices = call.shape(0), call.shape(1)
    axis = call.axis("axis", 0, len(shape))
    result = (*shape[:axis], *indices, *shape[axis + 1 :])
    source, places = call.value(0).integers, call.value(1).integers
    if source is not None and places is not None and math.prod(result) <= MAX_SMALL_ELEMENTS:
        if places.size and not -shape[axis] <= places.min() <= places.max() < shape[axis]:
            raise UnknownSizeError("an index outside")
        return [Value(result, np.take(source, places, axis))]
    return [Value(result)]


def expand(call: Call) -> list[Value]:
    """Return the output shape of `Expand`."""
    return [Value(broadcast([call.shape(), _sizes(call, 1)]))]


def pad(call: Call) -> list[Value]:
    """Return the output shape of `Pad`."""
    shape = call.shape()
    pads = call.list_of("pads", 1) or []
    axes = call.integers(3) if call.has(3) else list(range(len(shape)))
    if len(pads) != 2 * len(axes):
        raise UnknownSizeError(f"{len(pads)} margins")
    sizes = list(shape)
    for i, axis in enumerate(axes):
        sizes[in_rank(axis, len(shape))] += pads[i] + pads[i + len(axes)]
    if min([*sizes, 0]) < 0:
        raise UnknownSizeError("margins that leave nothing")
    return [Value(tuple(sizes))]


def _sizes(call: Call, index: int) -> Shape:
    sizes = tuple(call.integers(index))
    if len(sizes) > MAX_RANK or min([*sizes, 0]) < 0:
        raise UnknownSizeError(f"sizes {sizes}")
    return sizes


def shape(call: Call) -> list[Value]:
    """Return the output shape of `Shape`, and its whole numbers where they are known."""
    shape = call.shape()
    part = shape[call.option("start", 0) :]
    if "end" in call.node.attributes:
        part = shape[call.option("start", 0) : call.option("end", 0)]
    return [Value((len(part),), np.array(part, np.int64))]


def constant(call: Call) -> list[Value]:
    """Return the output shape of `Constant`, and its whole numbers where they are known."""
    constant = call.node.attributes.get("value")
    if isinstance(constant, Constant):
        return [Value(constant.shape, constant.integers)]
    numbers, number = call.options("value_ints"), call.node.attributes.get("value_int")
    if numbers is not None:
        return [Value((len(numbers),), np.array(numbers, np.int64))]
    if isinstance(number, int):
        return [Value((), np.array(number, np.int64))]
    if "value_float" in call.node.attributes:
        return [Value(())]
    raise UnknownSizeError("its form")


def constant_of_shape(call: Call) -> list[Value]:
    """Return the output shape of `ConstantOfShape`, and its whole numbers where they are known."""
    shape = _sizes(call, 0)
    fill = call.node.attributes.get("value")
    numbers = fill.integers if isinstance(fill, Constant) else None
    if numbers is None or numbers.size != 1 or math.prod(shape) > MAX_SMALL_ELEMENTS:
        return [Value(shape)]
    return [Value(shape, np.full(shape, int(numbers.ravel()[0]), np.int64))]
