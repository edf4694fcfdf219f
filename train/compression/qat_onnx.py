"""Write a network of `train.compression.qat` as an INT8 ONNX file with the ranges it learnt."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from train.compression.qat import (
    WEIGHT_LEVELS,
    FakeQuantize,
    FakeQuantizedConv2d,
    FakeQuantizedLinear,
    ordinary,
)

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

MAX_BIAS_STEPS = 2.0**30
"""Largest bias in steps of input scale times weight scale; INT32 holds twice as much."""


class _QuantizeDequantize(nn.Module):
    """`FakeQuantize` as a pair of ONNX's own operators."""

    scale: Tensor
    zero: Tensor

    def __init__(self, scale: Tensor, zero: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.register_buffer("zero", zero.to(torch.uint8))

    def forward(self, x: Tensor) -> Tensor:
        quantized = torch.onnx.ops.symbolic(
            "QuantizeLinear", (x, self.scale, self.zero), dtype=torch.uint8, shape=x.shape
        )
        return torch.onnx.ops.symbolic(
            "DequantizeLinear",
            (quantized, self.scale, self.zero),
            dtype=torch.float32,
            shape=x.shape,
        )


def for_onnx(model: nn.Module) -> nn.Module:
    """Return a copy that torch's exporter understands; then call `store_int8_weights`.

    Ordinary layers hold the rounded weights, and pairs of ONNX's own operators the ranges.
    """
    model = copy.deepcopy(model).eval()
    for name, module in list(model.named_modules()):
        if isinstance(module, FakeQuantize):
            model.set_submodule(name, _QuantizeDequantize(*module.scale_and_zero()))
        elif isinstance(module, FakeQuantizedConv2d | FakeQuantizedLinear):
            model.set_submodule(name, ordinary(module))
    return model


def store_int8_weights(path: Path) -> None:
    """Store the rounded weights of an ONNX file as INT8 and their biases as INT32, in place.

    ONNX Runtime then computes with whole numbers.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    graph = model.graph
    values = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    dequantized = {n.output[0]: n for n in graph.node if n.op_type == "DequantizeLinear"}
    nodes: list[NodeProto] = []
    for node in graph.node:
        if (
            node.op_type in ("Conv", "Gemm")
            and node.input[0] in dequantized
            and node.input[1] in values
        ):
            input_scale = values[dequantized[node.input[0]].input[1]]
            nodes.extend(_quantize_layer(graph, node, values, input_scale))
        nodes.append(node)
    ordered = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del graph.node[:]
    graph.node.extend(ordered)
    used = {name for node in graph.node for name in node.input}
    kept = [i for i in graph.initializer if i.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    onnx.save(model, path)


def _quantize_layer(
    graph: GraphProto,
    node: NodeProto,
    values: dict[str, NDArray[np.float32]],
    input_scale: NDArray[np.float32],
) -> list[NodeProto]:
    """Let `node` read whole numbers; return the new nodes that stand before it.

    A layer whose weights are not rounded is left as it is.
    """
    weight = values[node.input[1]]  # (out, ...)
    largest = np.abs(weight).reshape(len(weight), -1).max(axis=1)  # (out,)
    scale = np.maximum(largest / WEIGHT_LEVELS, 1e-12)
    per_channel = (-1, *[1] * (weight.ndim - 1))
    steps = weight / scale.reshape(per_channel)
    if np.abs(steps - np.round(steps)).max() >= 1e-3:
        return []
    new_nodes = []
    bias = values[node.input[2]] if len(node.input) > 2 else None
    if bias is not None:
        # a channel that is next to nothing beside its bias would need more than 32 bits
        scale = np.maximum(scale, np.abs(bias) / (input_scale * MAX_BIAS_STEPS))
        bias_scale = input_scale * scale
        int32 = np.round(bias.astype(np.float64) / bias_scale).astype(np.int32)
        new_nodes.append(_store(graph, node.input[2], int32, bias_scale.astype(np.float32)))
        node.input[2] = new_nodes[-1].output[0]
    int8 = np.round(weight / scale.reshape(per_channel)).astype(np.int8)
    new_nodes.append(_store(graph, node.input[1], int8, scale.astype(np.float32)))
    node.input[1] = new_nodes[-1].output[0]
    return new_nodes


def _store(
    graph: GraphProto,
    name: str,
    integers: NDArray[np.int8] | NDArray[np.int32],
    scale: NDArray[np.float32],
) -> NodeProto:
    """Add `integers` (out, ...) and `scale` (out,) to the file; return the node that reads them."""
    from onnx import helper, numpy_helper

    inputs = [f"{name}_whole", f"{name}_scale", f"{name}_zero"]
    arrays = (integers, scale, np.zeros(len(scale), integers.dtype))
    graph.initializer.extend(
        numpy_helper.from_array(array, key) for array, key in zip(arrays, inputs, strict=True)
    )
    return helper.make_node("DequantizeLinear", inputs, [f"{name}_rounded"], f"{name}_pair", axis=0)
