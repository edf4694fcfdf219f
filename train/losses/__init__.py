"""Losses, one per file, each exposing `loss(logits, target, **options) -> (N,)`, one value per sample.

The engine masks samples whose target is missing and divides by the number of labelled ones (`masked_mean`).
"""

from __future__ import annotations

from torch import Tensor


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `values` (N,) over the samples where `mask` (N,) holds; 0 with a zero gradient where none does."""
    return (values * mask).sum() / mask.sum().clamp(min=1)
