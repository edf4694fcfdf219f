"""What training needs and answering does not: parallel branches and BatchNorm, folded into the
convolutions before them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

import core.models.base.torchvision_compat  # noqa: F401  # defines operators before timm is imported
from core.errors import UserError

from timm.layers import BatchNormAct2d  # isort: skip
from timm.utils import reparameterize_model  # isort: skip


def fuse(model: nn.Module) -> nn.Module:
    """A copy whose training branches (MobileOne, RepVGG and the like) are folded into one
    convolution each, in evaluation mode; `model` itself where there are none. The copy's weights
    have other names; the weights file keeps those of training.
    """
    if not any(
        hasattr(m, name)
        for m in model.modules()
        for name in ("fuse", "reparameterize", "switch_to_deploy")
    ):
        return model
    return (
        reparameterize_model(copy.deepcopy(model).eval().double(), inplace=True).eval().float()
    )  # sums of weights, so in float64


class _Tracer(fx.Tracer):
    """Keeps a BatchNorm with its activation (timm) in one piece, as torch's own layers."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, BatchNormAct2d) or super().is_leaf_module(m, module_qualified_name)


def fold(model: nn.Module) -> fx.GraphModule:
    """A traced copy in evaluation mode without branches, and without any BatchNorm that follows a
    layer directly: that layer does its work. Parts keep their names.

    Raises:
        UserError: the network decides what it computes by values, so that it cannot be traced.
    """
    model = copy.deepcopy(fuse(model)).eval()
    try:
        graph = _Tracer().trace(model)
    except (fx.proxy.TraceError, TypeError, ValueError) as error:
        raise UserError(
            f"Expected a network that torch.fx can trace, as convolutional ones, got: {str(error)[:200]}"
        ) from error
    traced = fx.GraphModule(model, graph)
    for node in list(graph.nodes):
        before = node.args[0] if node.args else None
        if not isinstance(before, fx.Node):
            continue
        layer, norm = module_of(traced, before), module_of(traced, node)
        if (
            isinstance(layer, nn.Conv2d | nn.Linear)
            and isinstance(norm, nn.modules.batchnorm._BatchNorm)
            and len(before.users) == 1
        ):
            join: Callable[..., nn.Module] = (
                fuse_conv_bn_eval if isinstance(layer, nn.Conv2d) else fuse_linear_bn_eval
            )
            together = join(layer.double(), norm.double()).float()
            traced.set_submodule(
                str(before.target), together.requires_grad_(True)
            )  # torch's new bias would not learn
            traced.set_submodule(
                str(node.target), norm.act if isinstance(norm, BatchNormAct2d) else nn.Identity()
            )
        if isinstance(module_of(traced, node), nn.Identity):
            node.replace_all_uses_with(before)
            graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def module_of(traced: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """The layer that `node` calls, or None where it calls none."""
    return traced.get_submodule(str(node.target)) if node.op == "call_module" else None


def settle(model: nn.Module, shape: tuple[int, int, int], n: int = 4) -> None:
    """Gives the BatchNorms of a fresh network statistics, of `n` pictures of noise (n, C, H, W), so
    that they can be folded.
    """
    norms = [m for m in model.train().modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model(torch.randn(n, *shape))
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
