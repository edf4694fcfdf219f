"""Quantisation-aware training: learn with the rounding of INT8 (Jacob et al., arXiv 1712.05877).

The network is trained as it is served, with its branches and BatchNorm folded first, as RepVGG's
authors do: the sum of two rounded branches is not the rounded sum, and weights that are folded
after training spread so that 8 bits hold them badly (arXiv 2212.01593). BatchNorm with moving
statistics makes such training unstable, and is frozen by others too (arXiv 1806.08342). So it
starts from a trained network, at a small learning rate. Rounding has no slope; gradients pass
straight through it where nothing is cut off (straight-through estimator).
"""

from __future__ import annotations

import copy
import operator
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, fx, nn

from core.models.base.network import Network
from train.compression.fold_batchnorm import fold_batchnorm, module_of

WEIGHT_LEVELS = 63
"""Weights are whole numbers up to this, times a scale by channel: 7 bits, see `quantize`."""
RANGE_MOMENTUM = 0.01
"""How far one batch moves the range of an activation."""
PASS_THROUGH = (nn.MaxPool2d, nn.Flatten, nn.Dropout)
"""Layers whose output is rounded where their input is."""
ADDITIONS = (operator.add, operator.iadd, torch.add)
RECTIFIERS = (nn.ReLU, nn.ReLU6)
LINEAR_SETTINGS = ("in_features", "out_features")
CONV_SETTINGS = (
    "in_channels",
    "out_channels",
    "kernel_size",
    "stride",
    "padding",
    "dilation",
    "groups",
    "padding_mode",
)

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


class FakeQuantize(nn.Module):
    """Round activations to 8 bits between `low` and `high`.

    In training both follow the smallest and largest value of the batches.
    """

    low: Tensor
    high: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`, of any shape, rounded; as it is until a first batch has set the range."""
        x = x.float()
        if self.training:
            self._update_range(x.detach())
        scale, zero = self.scale_and_zero()
        quantized = torch.fake_quantize_per_tensor_affine(x, scale, zero, 0, 255)
        return torch.where(self.high > self.low, quantized, x)

    def scale_and_zero(self) -> tuple[Tensor, Tensor]:
        """Return the scale and the zero point of the rounding, both scalars.

        Returns:
            The step between two neighbouring 8-bit values (float32), and the whole number in
            [0, 255] that stands for 0 exactly (int32).
        """
        scale = ((self.high - self.low) / 255).clamp(min=1e-12)
        return scale, (-self.low / scale).round().clamp(0, 255).int()

    @torch.no_grad()
    def _update_range(self, x: Tensor) -> None:
        low, high = torch.aminmax(x)
        if distributed.is_initialized():
            distributed.all_reduce(low, distributed.ReduceOp.MIN)
            distributed.all_reduce(high, distributed.ReduceOp.MAX)
        low, high = low.clamp(max=0), high.clamp(min=0)
        momentum = torch.where(self.high > self.low, RANGE_MOMENTUM, 1.0)
        self.low.lerp_(low, momentum)
        self.high.lerp_(high, momentum)


def fake_quantize_weight(weight: Tensor) -> Tensor:
    """Return a weight (out, ...) as INT8 holds it, with one scale per output channel."""
    scale = (weight.detach().abs().flatten(1).amax(dim=1) / WEIGHT_LEVELS).clamp(min=1e-12)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    quantized: Tensor = torch.fake_quantize_per_channel_affine(
        weight, scale, zero, 0, -WEIGHT_LEVELS, WEIGHT_LEVELS
    )
    return quantized


class FakeQuantizedConv2d(nn.Conv2d):
    """A convolution whose weight is rounded as it is used."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution of `input` (N, C, H, W) with the rounded weight."""
        out: Tensor = self._conv_forward(input, fake_quantize_weight(self.weight), self.bias)
        return out


class FakeQuantizedLinear(nn.Linear):
    """A dense layer whose weight is rounded as it is used."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the dense layer of `input` (N, F) with the rounded weight."""
        return nn.functional.linear(input, fake_quantize_weight(self.weight), self.bias)


def fake_quantized(layer: nn.Module) -> nn.Module:
    """Return a layer with the same weights that rounds them; another kind of layer itself."""
    if type(layer) is nn.Conv2d:
        return _same_layer(layer, FakeQuantizedConv2d)
    if type(layer) is nn.Linear:
        return _same_layer(layer, FakeQuantizedLinear)
    return layer


def ordinary(layer: FakeQuantizedConv2d | FakeQuantizedLinear) -> nn.Module:
    """Return an ordinary layer whose weights are those that `layer` rounds to."""
    plain = (
        _same_layer(layer, nn.Conv2d)
        if isinstance(layer, FakeQuantizedConv2d)
        else _same_layer(layer, nn.Linear)
    )
    plain.weight = nn.Parameter(fake_quantize_weight(layer.weight.detach()))
    return plain


def _same_layer(layer: Layer, kind: type[Layer]) -> Layer:
    """Return a layer of class `kind` with the settings and the weight tensors of `layer`."""
    names = CONV_SETTINGS if isinstance(layer, nn.Conv2d) else LINEAR_SETTINGS
    settings: dict[str, Any] = {name: getattr(layer, name) for name in names}
    # on "meta" no memory is taken, and no random number drawn, for weights that are replaced
    result = kind(**settings, bias=layer.bias is not None, device="meta")
    result.weight, result.bias = layer.weight, layer.bias
    return result.train(layer.training)


def prepare(model: nn.Module) -> nn.Module:
    """Return a folded copy of a network that rounds in its trunk.

    Rounded are the weights of its layers, their inputs, their outputs (after a ReLU), and sums. The
    first convolution and the heads stay float32, as in `train.compression.quantize`; so does what
    is computed from their outputs, such as flip averaging.

    Raises:
        UserError: the network cannot be traced.
    """
    if not isinstance(model, Network):
        return _prepare_trunk(model)
    prepared = copy.deepcopy(model)
    prepared.backbone = _prepare_trunk(model.backbone)
    prepared.heads = nn.ModuleDict(
        {
            task: fold_batchnorm(head) if isinstance(head, nn.Sequential) else head
            for task, head in prepared.heads.items()
        }
    )
    return prepared


def is_quantization_aware(model: nn.Module) -> bool:
    """Return whether `prepare` made the network."""
    return any(isinstance(m, FakeQuantize) for m in model.modules())


def _prepare_trunk(model: nn.Module) -> fx.GraphModule:
    """Return a traced, folded copy that rounds the inputs and results of its layers and sums."""
    traced = fold_batchnorm(model)
    layers = [n for n in traced.graph.nodes if _is_layer(module_of(traced, n))]
    rounding = _Rounding(traced)
    for node in list(traced.graph.nodes):
        module = module_of(traced, node)
        is_sum = (
            node.op == "call_function"
            and node.target in ADDITIONS
            and all(isinstance(a, fx.Node) for a in node.args)
        )
        if node not in layers and not is_sum and not isinstance(module, nn.AvgPool2d):
            continue
        if node is not layers[0]:
            if module is not None and _is_layer(module):
                traced.set_submodule(str(node.target), fake_quantized(module))
            for value in node.all_input_nodes:
                if not rounding.is_rounded(value):
                    rounding.insert_after(value)
        users = list(node.users)
        rectified = len(users) == 1 and isinstance(module_of(traced, users[0]), RECTIFIERS)
        rounding.insert_after(users[0] if rectified else node)
    traced.graph.lint()
    traced.recompile()
    return traced


def _is_layer(module: nn.Module | None) -> bool:
    return type(module) in (nn.Conv2d, nn.Linear)


class _Rounding:
    """Insert `FakeQuantize` into a traced network, at most once after each value."""

    def __init__(self, traced: fx.GraphModule) -> None:
        self.traced = traced
        self.rounded: dict[fx.Node, fx.Node] = {}  # a value -> the same, rounded

    def insert_after(self, node: fx.Node) -> None:
        """Let all users of `node` read its rounded value."""
        if node in self.rounded:
            return
        name = f"rounded_{node.name}"  # part of the names of weights in checkpoints
        self.traced.add_submodule(name, FakeQuantize())
        with self.traced.graph.inserting_after(node):
            rounded = self.rounded[node] = self.traced.graph.call_module(name, (node,))
        node.replace_all_uses_with(rounded, delete_user_cb=lambda user: user is not rounded)

    def is_rounded(self, node: fx.Node) -> bool:
        """Return whether the value of `node` is rounded, also through `PASS_THROUGH`."""
        while isinstance(module_of(self.traced, node), PASS_THROUGH):
            node = node.all_input_nodes[0]
        return node in self.rounded.values()
