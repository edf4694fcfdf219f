"""Any network of timm without its classifier, an optional neck of dense layers, and our heads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

import core.models.base.torchvision_compat  # noqa: F401 - defines operators before timm is imported
from core.artifacts.card import Head
from core.errors import UserError
from core.models.base.network import Network
from core.preprocess import InputSpec

import timm  # isort: skip


class Features(nn.Module):
    """A timm network up to its pooled features: (N, C, H, W) -> (N, width)."""

    width: int

    def __init__(
        self, name: str, spec: InputSpec, pretrained: bool, options: dict[str, Any]
    ) -> None:
        super().__init__()
        try:
            net: Any = timm.create_model(  # what it has depends on the architecture
                name, pretrained=pretrained, num_classes=0, in_chans=spec.channels, **options
            )
        except Exception as error:  # the hub, the network and the disk each raise their own
            if not pretrained:
                raise
            raise UserError(
                f"Expected the pretrained weights of {name}, which timm fetches from the Hugging "
                "Face hub or finds in its cache, got: "
                f"{type(error).__name__}: {str(error)[:200]}; connect, or train from random "
                "weights with --set model.pretrained=false."
            ) from error
        self.net: nn.Module = net
        if isinstance(getattr(net, "pre_logits", None), nn.Module):
            # VGG's two layers of 4096, half of its weights, belong to its ImageNet classifier.
            net.pre_logits = nn.Identity()
            self.width: int = net.num_features
        else:
            self.width = net.head_hidden_size

    def forward(self, x: Tensor) -> Tensor:
        """Return pooled features (N, width) of (N, C, H, W)."""
        features: Tensor = self.net(x)
        return features


def build(
    heads: Sequence[Head],
    spec: InputSpec,
    *,
    name: str = "efficientnet_b0",
    neck: Sequence[tuple[int, bool, float]] = (),
    dropout: float = 0.0,
    hidden: int = 0,
    hidden_dropout: float = 0.0,
    options: dict[str, Any] | None = None,
    pretrained: bool = False,
) -> Network:
    """Build the network; its parts are `backbone.features`, `backbone.neck` and `heads`.

    Args:
        heads: one output each.
        spec: its channels are the input's.
        name: of timm.
        neck: (width, BatchNorm?, dropout) of each dense layer with ReLU after the pooled features;
            the last one gives the embedding.
        dropout: before the heads.
        hidden: width of each head's own layer.
        hidden_dropout: after that layer.
        pretrained: with the weights that timm has under that name.
        options: more arguments for timm.

    Raises:
        UserError: pretrained weights are wanted and cannot be had.
    """
    features = Features(name, spec, pretrained, options or {})
    layers: list[nn.Module] = []
    width = features.width
    for outer, norm, dropped in neck:
        layers += [nn.Linear(width, outer), nn.ReLU()]
        # Keras' values, where the necks come from
        layers += [nn.BatchNorm1d(outer, eps=1e-3, momentum=0.01)] if norm else []
        layers += [nn.Dropout(dropped)] if dropped else []
        width = outer
    parts: OrderedDict[str, nn.Module] = OrderedDict(features=features)
    if layers:
        parts["neck"] = nn.Sequential(*layers)
    return Network(nn.Sequential(parts), width, heads, dropout, hidden, hidden_dropout)
