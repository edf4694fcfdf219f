"""Squared error of a regression head, as the AgeGenderEmo report (shared/sources/004) trains age."""

from torch import Tensor


def loss(logits: Tensor, target: Tensor, unit: float = 1.0) -> Tensor:
    """logits (N, 1) and target (N,) in years -> (N,) in squared units of `unit` years."""
    return ((logits[:, 0] - target) / unit) ** 2
