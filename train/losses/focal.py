"""Focal loss over several classes (Lin et al., arXiv 1708.02002).

Summed over all classes of a smoothed target, as the FER capstone notebook (unpublished) has it:
-alpha * sum_k t_k (1 - p_k)^gamma log p_k.
"""

from torch import Tensor


def loss(
    logits: Tensor, target: Tensor, gamma: float = 2.0, alpha: float = 0.25, smoothing: float = 0.0
) -> Tensor:
    """Return the loss of each sample (N,).

    Args:
        logits: (N, K).
        target: (N, K) rows that sum to 1.
        gamma: how much less confident predictions count; with 0, and alpha 1, cross-entropy.
        alpha: factor of the whole.
        smoothing: share of the target spread evenly over the classes, in [0, 1).
    """
    if smoothing:
        target = target * (1 - smoothing) + smoothing / target.shape[1]
    log_p = logits.log_softmax(dim=1)
    return -alpha * (target * (1 - log_p.exp()) ** gamma * log_p).sum(dim=1)
