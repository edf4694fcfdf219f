"""Absolute error of a regression head: the Smart Retail report's (unpublished) loss of age."""

from torch import Tensor


def loss(logits: Tensor, target: Tensor, unit: float = 1.0) -> Tensor:
    """Return the error of each sample (N,), in `unit` years.

    Args:
        logits: years (N, 1).
        target: years (N,).
        unit: years that count as 1.
    """
    return (logits[:, 0] - target).abs() / unit
