"""Binary cross-entropy of a sigmoid head, as the AgeGenderEmo report (shared/sources/004) trains
gender.
"""

from torch import Tensor
from torch.nn import functional as F


def loss(logits: Tensor, target: Tensor) -> Tensor:
    """logits (N, 1) of the head's first label against its second, target (N, 2) shares of both ->
    (N,) in nats.
    """
    return F.binary_cross_entropy_with_logits(logits[:, 0], target[:, 0], reduction="none")
