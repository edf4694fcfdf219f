"""A plain convolutional network of 93,137 parameters, 48x48 grey in, one logit out."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

WIDTHS = (1, 16, 32, 64, 96)
DEPTHWISE_FROM = 64
"""Second convolutions of at least this width run per channel."""


def build() -> nn.Sequential:
    """Return the network with random weights; images (N, 1, 48, 48) -> logits (N, 1)."""
    layers: list[nn.Module] = []
    for before, width in pairwise(WIDTHS):
        groups = width if width >= DEPTHWISE_FROM else 1
        layers += [
            nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, groups=groups, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(WIDTHS[-1] * 9, 1))
