"""Binary cross-entropy of a sigmoid head: the AgeGenderEmo report's (unpublished) for gender."""

from torch import Tensor
from torch.nn import functional as F


def loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the loss of each sample (N,), in nats.

    Args:
        logits: (N, 1) of the head's first label against its second.
        target: (N, 2) shares of both.
    """
    return F.binary_cross_entropy_with_logits(logits[:, 0], target[:, 0], reduction="none")
