"""The convolutional networks of a FER capstone notebook (2024, unpublished).

Blocks of 3x3 convolutions, then one dense layer. Keras' conventions are kept, so that parameter
totals and behaviour compare: Glorot initialisation, BatchNorm with eps 1e-3 and a memory of 0.99
(torch's momentum 0.01).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from core.artifacts.card import Head
from core.models.base.network import Network
from core.preprocess import InputSpec

NORMS = ("before", "each", "block")


def build(
    heads: Sequence[Head],
    spec: InputSpec,
    *,
    blocks: Sequence[tuple[int, float]] = ((64, 0.20), (128, 0.25), (256, 0.30)),
    convolutions: int = 2,
    norm: str = "each",
    pool_after: Sequence[int] | None = None,
    average: bool = False,
    average_dropout: float = 0.5,
    dense: int = 256,
    dense_norm: bool = True,
    dropout: float = 0.4,
    momentum: float = 0.01,
) -> Network:
    """Build the network; its parts are `backbone.features`, `backbone.dense` and `heads`.

    Args:
        heads: one output each.
        spec: its channels and size are the input's.
        blocks: (channels, dropout after it).
        dense: width of the dense layer, which gives the embedding.
        convolutions: per block.
        norm: BatchNorm "before" the activation of each convolution, after "each" activation, or
            once per "block".
        pool_after: numbers (from 1) of the blocks that halve the resolution, all by default.
        average: global average and dropout before the dense layer instead of flattening.
        average_dropout: after the global average.
        dense_norm: BatchNorm after the dense layer.
        dropout: after the dense layer.
        momentum: of every BatchNorm.

    Raises:
        ValueError: `norm` is another word.
    """
    if norm not in NORMS:
        raise ValueError(f"Expected `norm` to be one of {NORMS}, got {norm!r}.")
    layers: list[nn.Module] = []
    inner, side = spec.channels, spec.size
    for number, (outer, dropped) in enumerate(blocks, 1):
        for i in range(convolutions):
            layers += _convolution(inner, outer, norm, i == convolutions - 1, momentum)
            inner = outer
        if pool_after is None or number in pool_after:
            layers.append(nn.MaxPool2d(2))
            side //= 2
        if not (average and number == len(blocks)):  # that one comes after the average
            layers.append(nn.Dropout(dropped))
    layers += (
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(average_dropout)]
        if average
        else [nn.Flatten()]
    )
    top: list[nn.Module] = [nn.Linear(inner if average else inner * side * side, dense), nn.ReLU()]
    if dense_norm:
        top.append(nn.BatchNorm1d(dense, eps=1e-3, momentum=momentum))
    for layer in (*layers, *top):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.constant_(layer.get_parameter("bias"), 0)
    backbone = nn.Sequential(
        OrderedDict(features=nn.Sequential(*layers), dense=nn.Sequential(*top))
    )
    return Network(backbone, dense, heads, dropout)


def _convolution(inner: int, outer: int, norm: str, last: bool, momentum: float) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(inner, outer, 3, padding=1), nn.ReLU()]
    if norm == "before":
        layers.insert(1, nn.BatchNorm2d(outer, eps=1e-3, momentum=momentum))
    elif norm == "each" or last:
        layers.append(nn.BatchNorm2d(outer, eps=1e-3, momentum=momentum))
    return layers
