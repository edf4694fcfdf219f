"""Cross-entropy, with optional label smoothing (Szegedy et al., arXiv 1512.00567)."""

from torch import Tensor
from torch.nn import functional as F


def loss(logits: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the loss of each sample (N,), in nats.

    Args:
        logits: (N, K).
        target: (N, K) rows that sum to 1.
        smoothing: share of the target spread evenly over the classes, in [0, 1).
    """
    return F.cross_entropy(logits, target, reduction="none", label_smoothing=smoothing)
