"""One operator with what is known of its inputs before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.artifacts.onnx_check.graph import Node

Shape = tuple[int, ...]
Integers = NDArray[np.int64]
MAX_INT32 = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a tensor before anything runs.

    Attributes:
        shape: of the tensor.
        integers: its numbers, where they are few, whole and the same for every input; else None.
        depends_on_input: False where it is the same for every input, so that it is computed once.
    """

    shape: Shape
    integers: Integers | None = None
    depends_on_input: bool = False


class UnknownSizeError(Exception):
    """The sizes of an operator's result are not known before it runs."""


class Call:
    """One operator with what is known of its inputs.

    All methods but `has` raise UnknownSizeError where what they should return is not known.
    """

    def __init__(self, node: Node, inputs: Sequence[Value | None]) -> None:
        self.node, self.inputs = node, inputs

    def value(self, index: int) -> Value:
        """Return an input."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is None:
            raise UnknownSizeError(f"input {index}")
        return value

    def shape(self, index: int = 0) -> Shape:
        """Return the sizes of an input."""
        return self.value(index).shape

    def has(self, index: int) -> bool:
        """Return whether an input is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def integers(self, index: int) -> list[int]:
        """Return the numbers of an input."""
        numbers = self.value(index).integers
        if numbers is None:
            raise UnknownSizeError(f"the numbers of input {index}")
        return [int(n) for n in numbers.ravel()]

    def option(self, name: str, default: int) -> int:
        """Return a whole number among the attributes."""
        value = self.node.attributes.get(name, default)
        if not isinstance(value, int):
            raise UnknownSizeError(name)
        return value

    def options(self, name: str) -> list[int] | None:
        """Return a list of whole numbers among the attributes; None where it is not there."""
        value = self.node.attributes.get(name)
        if value is not None and not isinstance(value, tuple):
            raise UnknownSizeError(name)
        return None if value is None else list(value)

    def list_of(self, name: str, index: int) -> list[int] | None:
        """Return a list that older opsets take as an attribute and newer ones as an input."""
        return self.integers(index) if self.has(index) else self.options(name)

    def axis(self, name: str, default: int, rank: int) -> int:
        """Return an axis among the attributes, counted from the first one."""
        return in_rank(self.option(name, default), rank)


def in_rank(axis: int, rank: int) -> int:
    """Return an axis of a tensor, counted from the first one.

    Raises:
        UnknownSizeError: there is no such axis.
    """
    if not -rank <= axis < max(rank, 1):
        raise UnknownSizeError(f"axis {axis} of {rank}")
    return axis + rank if axis < 0 else axis


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """Return the sizes of operands of these shapes, put together element by element.

    Raises:
        UnknownSizeError: they do not match.
    """
    try:
        return tuple(int(n) for n in np.broadcast_shapes(*shapes))
    except ValueError:
        raise UnknownSizeError(f"shapes {str(shapes)[:200]} that do not match") from None


def within_32_bits(numbers: Integers) -> Integers | None:
    """Return computed numbers, None where they would not fit into 32 bits, and wrap somewhere."""
    numbers = np.asarray(numbers)
    return numbers if np.abs(numbers).max(initial=0) <= MAX_INT32 else None
