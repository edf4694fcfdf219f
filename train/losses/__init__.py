"""Losses, one per file, each with `loss(logits, target, **options) -> (N,)`, one value per sample.

Targets are shares of the head's classes (N, K) for emotion and gender, years (N,) for age, or for a
loss with `AGE_RANGES = True` the youngest and oldest age (N, 2). Training weighs each sample, 0
where its target is missing, and divides by the number of labelled ones (`masked_mean`).
"""

from __future__ import annotations

from torch import Tensor


def masked_mean(values: Tensor, weight: Tensor, global_weight: Tensor | None = None) -> Tensor:
    """Return the sum of `weight * values` over the number of samples of positive weight.

    Without any such sample it is 0, with a zero gradient.

    Args:
        values: (N,) one loss per sample.
        weight: (N,) weights, or a mask.
        global_weight: weights of the batch that these samples are one process's share of, by whose
            number of positive ones the sum is divided instead.
    """
    counted = weight if global_weight is None else global_weight
    return (values * weight).sum() / (counted > 0).sum().clamp(min=1)
