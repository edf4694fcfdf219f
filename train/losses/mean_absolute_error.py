"""Absolute error of a regression head, as the Smart Retail report (shared/sources/002) trains age."""

from torch import Tensor


def loss(logits: Tensor, target: Tensor, unit: float = 1.0) -> Tensor:
    """logits (N, 1) and target (N,) in years -> (N,) in units of `unit` years."""
    return (logits[:, 0] - target).abs() / unit
