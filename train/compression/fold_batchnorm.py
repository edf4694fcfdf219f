"""Fold what only training needs, parallel branches and BatchNorm, into the layers before them."""

from __future__ import annotations

import copy

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

import core.models.base.torchvision_compat  # noqa: F401 - must come before timm
from core.errors import UserError

from timm.layers.norm_act import BatchNormAct2d  # isort: skip
from timm.utils.model import reparameterize_model  # isort: skip

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
"""timm's `BatchNormAct2d`, a BatchNorm with its activation, is a `BatchNorm2d` too."""


def reparameterize(model: nn.Module) -> nn.Module:
    """Return a copy whose training branches (MobileOne, RepVGG) are one convolution each.

    The copy is in evaluation mode and its weights have other names; the weights file keeps those of
    training. A network without branches is returned itself.
    """
    methods = ("fuse", "reparameterize", "switch_to_deploy")
    if not any(hasattr(m, name) for m in model.modules() for name in methods):
        return model
    model = copy.deepcopy(model).eval().double()  # weights are summed, so in float64
    return reparameterize_model(model, inplace=True).eval().float()


class _Tracer(fx.Tracer):
    """Keep timm's BatchNorm with its activation in one piece, as torch's own layers are."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, BatchNormAct2d) or super().is_leaf_module(m, module_qualified_name)


def fold_batchnorm(model: nn.Module) -> fx.GraphModule:
    """Return a traced copy in which each BatchNorm right after a layer is folded into that layer.

    The copy is in evaluation mode and has no training branches; parts keep their names.

    Raises:
        UserError: what the network computes depends on values, so that it cannot be traced.
    """
    model = copy.deepcopy(reparameterize(model)).eval()
    try:
        graph = _Tracer().trace(model)
    except (fx.proxy.TraceError, TypeError, ValueError) as error:
        raise UserError(
            "Expected a network that torch.fx can trace, as convolutional ones, "
            f"got: {str(error)[:200]}"
        ) from error
    traced = fx.GraphModule(model, graph)
    for node in list(graph.nodes):
        _fold_node(traced, node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def _fold_node(traced: fx.GraphModule, node: fx.Node) -> None:
    """Fold `node`, if it is a BatchNorm, into the layer before it; drop it if nothing is left."""
    before = node.args[0] if node.args else None
    if not isinstance(before, fx.Node):
        return
    layer, norm = module_of(traced, before), module_of(traced, node)
    if isinstance(norm, BATCH_NORMS) and len(before.users) == 1:
        folded: nn.Module | None = None
        if isinstance(layer, nn.Conv2d):
            folded = fuse_conv_bn_eval(layer.double(), norm.double()).float()
        elif isinstance(layer, nn.Linear):
            folded = fuse_linear_bn_eval(layer.double(), norm.double()).float()
        if folded is not None:
            folded.requires_grad_(True)  # torch's new bias would not learn
            traced.set_submodule(str(before.target), folded)
            rest = norm.act if isinstance(norm, BatchNormAct2d) else nn.Identity()
            traced.set_submodule(str(node.target), rest)
    if isinstance(module_of(traced, node), nn.Identity):
        node.replace_all_uses_with(before)
        traced.graph.erase_node(node)


def module_of(traced: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """Return the layer that `node` calls, or None where it calls none."""
    return traced.get_submodule(str(node.target)) if node.op == "call_module" else None


def recalibrate_batchnorm(model: nn.Module, shape: tuple[int, int, int]) -> None:
    """Give the BatchNorms of a fresh network the statistics of noise, so that they can be folded.

    Args:
        model: changed in place, and set to train mode.
        shape: (C, H, W) of one image.
    """
    norms = [m for m in model.train().modules() if isinstance(m, BATCH_NORMS)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model(torch.randn(4, *shape))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
