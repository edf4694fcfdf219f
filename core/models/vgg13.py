"""The VGG13 of the FER+ paper (Barsoum et al., arXiv 1608.01041).

Ten 3x3 convolutions and two dense layers on a grey face of 64 px.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from core.artifacts.card import Head
from core.models.base.network import Network
from core.preprocess import InputSpec


def build(
    heads: Sequence[Head],
    spec: InputSpec,
    *,
    blocks: Sequence[tuple[int, int]] = ((64, 2), (128, 2), (256, 3), (256, 3)),
    dropout: float = 0.25,
    dense: int = 1024,
    dense_dropout: float = 0.5,
) -> Network:
    """Build the network; its parts are `backbone.features`, `backbone.dense` and `heads`.

    The paper's network has no BatchNorm and 8.75 million parameters with one head of eight classes
    on 64 px.

    Args:
        heads: one output each.
        spec: its channels and size are the input's.
        blocks: (channels, convolutions), each halves the resolution at its end and is followed by
            `dropout`.
        dropout: after each block.
        dense: width of the dense layers.
        dense_dropout: after each dense layer.
    """
    layers: list[nn.Module] = []
    inner, side = spec.channels, spec.size
    for outer, convolutions in blocks:
        for _ in range(convolutions):
            layers += [nn.Conv2d(inner, outer, 3, padding=1), nn.ReLU()]
            inner = outer
        layers += [nn.MaxPool2d(2), nn.Dropout(dropout)]
        side //= 2
    top: list[nn.Module] = [nn.Flatten()]
    for width in (inner * side * side, dense):
        top += [nn.Linear(width, dense), nn.ReLU(), nn.Dropout(dense_dropout)]
    backbone = nn.Sequential(
        OrderedDict(features=nn.Sequential(*layers), dense=nn.Sequential(*top))
    )
    return Network(backbone, dense, heads)
