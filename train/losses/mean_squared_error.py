"""Squared error of a regression head: the AgeGenderEmo report's (unpublished) loss of age."""

from torch import Tensor


def loss(logits: Tensor, target: Tensor, unit: float = 1.0) -> Tensor:
    """Return the error of each sample (N,) in `unit` years, squared; both (N, 1), (N,) in years."""
    return ((logits[:, 0] - target) / unit) ** 2
