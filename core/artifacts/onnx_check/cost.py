"""What a graph takes to run: sizes of all tensors and the work, without running anything.

An operator that is not in `RULES` is refused, and so is one whose sizes depend on the values of its
input. `python -m train export` writes no others for the shipped architectures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from core.artifacts.onnx_check import layers, layout
from core.artifacts.onnx_check.call import Call, UnknownSizeError, Value
from core.artifacts.onnx_check.graph import MAX_RANK, Graph, Node
from core.errors import ModelError

Rule = Callable[[Call], list[Value]]

UNARY = (
    "Abs Cast Ceil Clip DequantizeLinear Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish "
    "Identity LeakyRelu Log LogSoftmax Mish Neg Not QuantizeLinear Reciprocal Relu Round Selu "
    "Sigmoid Sign Softmax Softplus Softsign Sqrt Tanh ThresholdedRelu"
)
BINARY = "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or PRelu"
REDUCTIONS = "ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum"
RULES: Mapping[str, Rule] = {
    **dict.fromkeys(UNARY.split(), layers.same),
    **dict.fromkeys([*BINARY.split(), "Pow", "Sub", "Sum", "Where"], layers.elementwise),
    **dict.fromkeys(REDUCTIONS.split(), layers.reduce_),
    **dict.fromkeys(("BatchNormalization", "InstanceNormalization"), layers.normalisation),
    **dict.fromkeys(("GroupNormalization", "LayerNormalization"), layers.normalisation),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), layers.global_pool),
    **dict.fromkeys(("AveragePool", "MaxPool"), layers.pool),
    "Concat": layout.concat,
    "Constant": layout.constant,
    "ConstantOfShape": layout.constant_of_shape,
    "Conv": layers.convolution,
    "Expand": layout.expand,
    "Flatten": layout.flatten,
    "Gather": layout.gather,
    "Gemm": layers.gemm,
    "MatMul": layers.matmul,
    "Pad": layout.pad,
    "Reshape": layout.reshape,
    "Shape": layout.shape,
    "Slice": layout.slice_,
    "Split": layout.split,
    "Squeeze": layout.squeeze,
    "Transpose": layout.transpose,
    "Unsqueeze": layout.unsqueeze,
}
"""The operators that a model may have, each with the sizes of its results."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a graph takes to run on one face.

    Attributes:
        largest: elements of its largest tensor.
        computed: elements of all tensors that are computed for each face.
        prepared: elements of all tensors that are computed once, when the model is opened.
        work: elements that are read, and products of convolutions, matrices and windows.
    """

    largest: int
    computed: int
    prepared: int
    work: int


def cost(graph: Graph) -> Cost:
    """Return what a graph takes to run for one face, where its inputs leave the number free.

    Raises:
        ModelError: an operator is not one of RULES, or the sizes of a result are not known.
    """
    values = {name: Value(c.shape, c.integers) for name, c in graph.constants.items()}
    for name, sizes in graph.inputs.items():
        shape = tuple(1 if size is None else size for size in sizes)
        values[name] = Value(shape, depends_on_input=True)
    largest = computed = prepared = work = 0
    for node in graph.nodes:
        inputs, results = _apply(node, values)
        depends = any(value.depends_on_input for value in inputs)
        work += max([math.prod(value.shape) for value in inputs], default=0)
        for name, result in zip(node.outputs, results, strict=False):
            if name in values or len(result.shape) > MAX_RANK:
                raise ModelError(
                    f"Expected one tensor {name!r:.80} of at most {MAX_RANK} sizes, got several, "
                    "or more sizes."
                )
            elements = math.prod(result.shape)
            largest = max(largest, elements)
            # The numbers of a shape are known although the tensor depends on the input.
            varies = depends and result.integers is None
            computed, prepared = computed + elements * varies, prepared + elements * (not varies)
            work += elements * _products_each(node.operator, inputs, node)
            values[name] = Value(result.shape, result.integers, varies)
    return Cost(largest, computed, prepared, work)


def _apply(node: Node, values: Mapping[str, Value]) -> tuple[list[Value], list[Value]]:
    """Return the inputs of a node that are there, and its results."""
    rule = RULES.get(node.operator)
    if rule is None:
        raise ModelError(
            f"Expected operators that `python -m train export` writes, got {node.operator!r:.80}."
        )
    try:
        inputs = [values[name] if name else None for name in node.inputs]
        with np.errstate(all="ignore"):
            results = rule(Call(node, inputs))
    except (UnknownSizeError, LookupError, ValueError, OverflowError) as error:
        raise ModelError(
            f"Expected {node.operator} of sizes that are known beforehand, got {error}"[:300] + "."
        ) from None
    return [value for value in inputs if value is not None], results


def _products_each(operator: str, inputs: list[Value], node: Node) -> int:
    """Return how many products one element of the result takes."""
    if operator == "Conv":
        return math.prod(inputs[1].shape[1:])
    if operator == "MatMul":
        return inputs[0].shape[-1]
    if operator == "Gemm":
        return inputs[0].shape[0 if node.attributes.get("transA") else 1]
    if operator in ("AveragePool", "MaxPool"):
        kernel = node.attributes.get("kernel_shape")
        return math.prod(kernel) if isinstance(kernel, tuple) else 1
    return 1
