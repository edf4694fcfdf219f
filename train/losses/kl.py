"""Kullback-Leibler divergence of the network's distribution from soft labels, as the AgeGenderEmo
report (shared/sources/004) has it.
"""

from torch import Tensor


def loss(logits: Tensor, target: Tensor) -> Tensor:
    """logits (N, K), target (N, K) rows that sum to 1 -> (N,) nats, 0 where they agree. Classes
    without a share count nothing.
    """
    return (target * (target.clamp(min=1e-12).log() - logits.log_softmax(dim=1))).sum(dim=1)
