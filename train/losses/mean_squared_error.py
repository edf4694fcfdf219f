"""Squared error of a regression head: the AgeGenderEmo report's (unpublished) loss of age."""

from torch import Tensor


def loss(logits: Tensor, target: Tensor, unit: float = 1.0) -> Tensor:
    """Return the squared error of each sample (N,), in `unit` years squared.

    Args:
        logits: years (N, 1).
        target: years (N,).
        unit: years that count as 1.
    """
    return ((logits[:, 0] - target) / unit) ** 2
