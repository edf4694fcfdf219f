"""Cross-entropy against a distribution over classes, here the shares of annotators' votes (Barsoum
et al., arXiv 1608.01041, `PLD`).
"""

from torch import Tensor


def loss(logits: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """logits (N, K), target (N, K) rows that sum to 1 -> (N,) in nats. smoothing in [0, 1): share
    spread evenly over the classes.
    """
    if smoothing:
        target = target * (1 - smoothing) + smoothing / target.shape[1]
    return -(target * logits.log_softmax(dim=1)).sum(dim=1)
