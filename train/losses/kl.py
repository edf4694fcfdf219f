"""Kullback-Leibler divergence from soft labels, as the AgeGenderEmo report (unpublished) has it."""

from torch import Tensor


def loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the divergence of each sample (N,), in nats, 0 where they agree.

    Args:
        logits: (N, K).
        target: (N, K) rows that sum to 1; classes without a share count nothing.
    """
    return (target * (target.clamp(min=1e-12).log() - logits.log_softmax(dim=1))).sum(dim=1)
