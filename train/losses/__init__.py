"""Losses, one per file, each exposing `loss(logits, target, **options) -> (N,)`, one value per
sample.

Targets are shares of the head's classes (N, K) for emotion and gender, years (N,) for age. The
engine weighs each sample, 0 where its target is missing, and divides by the number of labelled ones
(`masked_mean`).
"""

from __future__ import annotations

from torch import Tensor


def masked_mean(values: Tensor, weight: Tensor, among: Tensor | None = None) -> Tensor:
    """Mean of `weight * values` (N,) over the samples of positive weight (N,), which may be a mask;
    0 with a zero gradient without any.

    among: weights of the whole batch that these samples are a share of, by whose number of positive
    ones the sum is divided instead.
    """
    return (values * weight).sum() / ((weight if among is None else among) > 0).sum().clamp(min=1)
