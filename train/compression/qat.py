"""Quantisation-aware training: the network learns with the rounding that INT8 will do to it (Jacob
et al., arXiv 1712.05877).

What is trained is the network as it is served, its branches and BatchNorm folded first, as RepVGG's
authors do: the sum of two rounded branches is not the rounded sum, and weights that are folded
after training spread so that 8 bits hold them badly (arXiv 2212.01593). Norms whose statistics
still move make such training unstable, and are frozen by others too (arXiv 1806.08342). So it
starts from a trained network, at a small learning rate. Rounding has no slope; gradients pass
straight through it where nothing is cut off.
"""

from __future__ import annotations

import copy
import operator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, distributed, fx, nn

from core.models.base.network import Network
from train.compression.fold_batchnorm import fold, module_of

LEVELS = 63
"""Weights are whole numbers up to this, times a scale by channel: 7 bits, see
train/compression/quantize.py.
"""
MEMORY = 0.01
"""How far one batch moves a range."""
CARRIED = (nn.MaxPool2d, nn.Flatten, nn.Dropout)
"""They pass rounded values on as rounded values."""
SUMS = (operator.add, operator.iadd, torch.add)
CUTS = (nn.ReLU, nn.ReLU6)


class Rounded(nn.Module):
    """Values rounded to 8 bits between `low` and `high`, which follow the smallest and largest of
    the batches in training.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))

    low: Tensor
    high: Tensor

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        if self.training:
            self._follow(x.detach())
        scale, zero = self.grid()
        return torch.where(
            self.high > self.low, torch.fake_quantize_per_tensor_affine(x, scale, zero, 0, 255), x
        )

    def grid(self) -> tuple[Tensor, Tensor]:
        """Scale (float32) and the whole number that stands for 0 (int32), which is always exact."""
        scale = ((self.high - self.low) / 255).clamp(min=1e-12)
        return scale, (-self.low / scale).round().clamp(0, 255).int()

    @torch.no_grad()
    def _follow(self, x: Tensor) -> None:
        low, high = torch.aminmax(x)
        if distributed.is_initialized():
            distributed.all_reduce(low, distributed.ReduceOp.MIN)
            distributed.all_reduce(high, distributed.ReduceOp.MAX)
        low, high = low.clamp(max=0), high.clamp(min=0)
        rate = torch.where(self.high > self.low, MEMORY, 1.0)
        self.low.lerp_(low, rate)
        self.high.lerp_(high, rate)


def rounded(weight: Tensor) -> Tensor:
    """A weight (out, ...) as INT8 holds it, by output channel."""
    scale = (weight.detach().abs().flatten(1).amax(dim=1) / LEVELS).clamp(min=1e-12)
    return torch.fake_quantize_per_channel_affine(
        weight, scale, torch.zeros_like(scale, dtype=torch.int32), 0, -LEVELS, LEVELS
    )


class RoundedConv2d(nn.Conv2d):
    """A convolution whose weight is rounded as it is used."""

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, rounded(self.weight), self.bias)


class RoundedLinear(nn.Linear):
    """A dense layer whose weight is rounded as it is used."""

    def forward(self, input: Tensor) -> Tensor:
        return nn.functional.linear(input, rounded(self.weight), self.bias)


ROUNDED: dict[type, type] = {nn.Conv2d: RoundedConv2d, nn.Linear: RoundedLinear}


def prepare(model: nn.Module) -> nn.Module:
    """The folded copy of a network that rounds in its trunk: weights of its layers, what goes into
    them, what comes out (after a ReLU), and sums. The first convolution and the heads stay float32,
    as in train/compression/quantize.py; so does what is made of their answers, as by mirroring.

    Raises:
        UserError: the network cannot be traced.
    """
    if not isinstance(model, Network):
        return _rounding(model)
    whole = copy.deepcopy(model)
    whole.backbone = _rounding(model.backbone)
    whole.heads = nn.ModuleDict(
        {t: fold(h) if isinstance(h, nn.Sequential) else h for t, h in whole.heads.items()}
    )
    return whole


def _rounding(model: nn.Module) -> fx.GraphModule:
    traced = fold(model)
    layers = [n for n in traced.graph.nodes if type(module_of(traced, n)) in ROUNDED]
    done: dict[fx.Node, fx.Node] = {}  # a value -> the same, rounded

    def round_after(node: fx.Node) -> None:
        if node in done:
            return
        name = f"rounded_{node.name}"
        traced.add_submodule(name, Rounded())
        with traced.graph.inserting_after(node):
            done[node] = traced.graph.call_module(name, (node,))
        node.replace_all_uses_with(done[node], delete_user_cb=lambda user: user is not done[node])

    def is_rounded(node: fx.Node) -> bool:
        while isinstance(module_of(traced, node), CARRIED):
            node = node.args[0]  # type: ignore[assignment]
        return node in done.values()

    for node in list(traced.graph.nodes):
        layer = module_of(traced, node)
        adds = (
            node.op == "call_function"
            and node.target in SUMS
            and all(isinstance(a, fx.Node) for a in node.args)
        )
        if node not in layers and not adds and not isinstance(layer, nn.AvgPool2d):
            continue
        if node is not layers[0]:
            if layer is not None and type(layer) in ROUNDED:
                layer.__class__ = ROUNDED[type(layer)]
            for given in node.all_input_nodes:
                if not is_rounded(given):
                    round_after(given)
        users = list(node.users)
        round_after(
            users[0] if len(users) == 1 and isinstance(module_of(traced, users[0]), CUTS) else node
        )
    traced.graph.lint()
    traced.recompile()
    return traced


def rounds(model: nn.Module) -> bool:
    """Whether `prepare` made it."""
    return any(isinstance(m, Rounded) for m in model.modules())


class _Pair(nn.Module):
    """What `Rounded` is in ONNX."""

    def __init__(self, scale: Tensor, zero: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.register_buffer("zero", zero.to(torch.uint8))

    scale: Tensor
    zero: Tensor

    def forward(self, x: Tensor) -> Tensor:
        whole = torch.onnx.ops.symbolic(
            "QuantizeLinear", (x, self.scale, self.zero), dtype=torch.uint8, shape=x.shape
        )
        return torch.onnx.ops.symbolic(
            "DequantizeLinear", (whole, self.scale, self.zero), dtype=torch.float32, shape=x.shape
        )


def for_onnx(model: nn.Module) -> nn.Module:
    """A copy that the exporter understands: rounded weights in ordinary layers, ranges as pairs of
    ONNX's own operators; then `pack` it.
    """
    model = copy.deepcopy(model).eval()
    for name, module in list(model.named_modules()):
        if isinstance(module, Rounded):
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, _Pair(*module.grid()))
        elif type(module) in ROUNDED.values():
            module.weight.data = rounded(module.weight.data)
            module.__class__ = type(module).__base__
    return model


def pack(path: Path) -> None:
    """Stores the rounded weights of an ONNX file as INT8 and their biases as INT32, which ONNX
    Runtime computes with.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    values = {i.name: i for i in graph.initializer}
    pairs = {n.output[0]: n for n in graph.node if n.op_type == "DequantizeLinear"}
    nodes = []

    def store(name: str, whole: np.ndarray, scale: np.ndarray) -> str:
        graph.initializer.extend(
            [
                numpy_helper.from_array(whole, f"{name}_whole"),
                numpy_helper.from_array(scale, f"{name}_scale"),
                numpy_helper.from_array(np.zeros(len(scale), whole.dtype), f"{name}_zero"),
            ]
        )
        inputs = [f"{name}_whole", f"{name}_scale", f"{name}_zero"]
        nodes.append(
            helper.make_node(
                "DequantizeLinear", inputs, [f"{name}_rounded"], f"{name}_pair", axis=0
            )
        )
        return f"{name}_rounded"

    for node in graph.node:
        if node.op_type in ("Conv", "Gemm") and node.input[0] in pairs and node.input[1] in values:
            weight = numpy_helper.to_array(values[node.input[1]])  # (out, ...)
            scale = np.maximum(
                np.abs(weight).reshape(len(weight), -1).max(axis=1) / LEVELS, 1e-12
            )  # (out,)
            by_channel = scale.reshape(-1, *[1] * (weight.ndim - 1))
            if (
                np.abs(weight / by_channel - np.round(weight / by_channel)).max() < 1e-3
            ):  # else it was not rounded
                given = numpy_helper.to_array(values[pairs[node.input[0]].input[1]])
                bias = numpy_helper.to_array(values[node.input[2]]) if len(node.input) > 2 else None
                if (
                    bias is not None
                ):  # a channel that is next to nothing beside its bias would need more than 32 bits
                    scale = np.maximum(scale, np.abs(bias) / (given * 2.0**30))
                    by_channel = scale.reshape(by_channel.shape)
                    whole = np.round(bias.astype(np.float64) / (given * scale)).astype(np.int32)
                    node.input[2] = store(node.input[2], whole, (given * scale).astype(np.float32))
                node.input[1] = store(
                    node.input[1],
                    np.round(weight / by_channel).astype(np.int8),
                    scale.astype(np.float32),
                )
        nodes.append(node)
    ordered = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del graph.node[:]
    graph.node.extend(ordered)
    used = {name for node in graph.node for name in node.input}
    kept = [i for i in graph.initializer if i.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    onnx.save(model, path)
