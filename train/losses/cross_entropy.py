"""Cross-entropy against one class per sample, with optional label smoothing (Szegedy et al., arXiv 1512.00567)."""

from torch import Tensor
from torch.nn import functional as F


def loss(logits: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """logits (N, K), target (N,) int64 class index -> (N,) in nats. A missing target (-1) gives some finite value, to be masked."""
    return F.cross_entropy(logits, target.clamp(min=0), reduction="none", label_smoothing=smoothing)
