"""MobileNet with its width multiplier (Howard et al., arXiv 1704.04861).

A depthwise 3x3 and a pointwise convolution, thirteen times.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from core.artifacts.card import Head
from core.models.base.network import Network
from core.preprocess import InputSpec

BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)
"""(channels at width 1, stride) of each block; table 1 of the paper."""


def build(
    heads: Sequence[Head], spec: InputSpec, *, width: float = 0.25, dropout: float = 0.0
) -> Network:
    """Build the network.

    Args:
        heads: one output each.
        spec: its channels and size are the input's.
        width: the paper's alpha; every layer has that share of its channels, at least 8.
        dropout: before the heads.
    """

    def share(channels: int) -> int:
        return max(8, int(channels * width))

    inner = share(32)
    layers = _convolution(spec.channels, inner, 3, 2)
    for channels, stride in BLOCKS:
        outer = share(channels)
        layers += [
            *_convolution(inner, inner, 3, stride, groups=inner),
            *_convolution(inner, outer, 1),
        ]
        inner = outer
    return Network(
        nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), inner, heads, dropout
    )


def _convolution(
    inner: int, outer: int, side: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    convolution = nn.Conv2d(inner, outer, side, stride, side // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outer), nn.ReLU6()]
