"""Cross-entropy against a distribution over classes, such as annotators' votes.

Barsoum et al., arXiv 1608.01041, call it `PLD`.
"""

from torch import Tensor


def loss(logits: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the loss of each sample (N,), in nats.

    Args:
        logits: (N, K).
        target: (N, K) rows that sum to 1.
        smoothing: share of the target spread evenly over the classes, in [0, 1).
    """
    if smoothing:
        target = target * (1 - smoothing) + smoothing / target.shape[1]
    return -(target * logits.log_softmax(dim=1)).sum(dim=1)
