"""The residual network with attention of the AgeGenderEmo report (unpublished).

Basic blocks (He et al., arXiv 1512.03385), each followed by CBAM, channel then spatial attention
(Woo et al., arXiv 1807.06521). The report gives 9,356,776 parameters, 35.73 MB and no layer list;
with three heads, stem and stages have exactly these trainable parameters, and this size with
BatchNorm's statistics.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core.artifacts.card import Head
from core.models.base.network import Network
from core.models.plain import Block
from core.preprocess import InputSpec


class CBAM(nn.Module):
    """Weights channels by their pooled means and maxima, then places by those over the channels.

    The shape stays.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        inner = channels // reduction
        self.channel = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(inner, channels, 1, bias=False),
        )
        self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` (N, C, H, W), weighted."""
        mean = x.mean(dim=(2, 3), keepdim=True)  # (N, C, 1, 1)
        peak = x.amax(dim=(2, 3), keepdim=True)
        x = x * torch.sigmoid(self.channel(mean) + self.channel(peak))
        maps = (x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True))
        places = torch.cat(maps, dim=1)  # (N, 2, H, W)
        return x * torch.sigmoid(self.spatial(places))


def build(
    heads: Sequence[Head],
    spec: InputSpec,
    *,
    stem: int = 24,
    stages: Sequence[tuple[int, int]] = ((56, 4), (96, 3), (352, 3), (384, 1)),
    reduction: int = 16,
    dropout: float = 0.0,
) -> Network:
    """Build the network.

    Args:
        heads: one output each.
        spec: its channels and size are the input's.
        stem: channels of the first convolution.
        stages: (channels, blocks); each stage halves the resolution.
        reduction: of the channels inside CBAM.
        dropout: before the heads.
    """
    layers: list[nn.Module] = [
        nn.Conv2d(spec.channels, stem, 3, 1, 1, bias=False),
        nn.BatchNorm2d(stem),
        nn.ReLU(),
    ]
    inner = stem
    for outer, blocks in stages:
        for i in range(blocks):
            layers.append(
                Block(inner, outer, 2 if i == 0 else 1, CBAM(outer, reduction), classic=True)
            )
            inner = outer
    for layer in nn.Sequential(*layers).modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return Network(
        nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), inner, heads, dropout
    )
