"""Age as a distribution over one-year bins: KL to a Gaussian around the true age, plus L1 on the
expectation (DLDL-v2, Gao et al., IJCAI 2018).
"""

import torch
from torch import Tensor


def loss(logits: Tensor, target: Tensor, sigma: float = 2.0, l1: float = 0.1) -> Tensor:
    """logits (N, B) over ages 0..B-1, target (N,) years -> (N,) nats + l1 * years. sigma: of the
    Gaussian, in years.

    Ages over the last bin train the last bin.
    """
    ages = torch.arange(logits.shape[1], device=logits.device, dtype=logits.dtype)  # (B,)
    target = target.clamp(0, logits.shape[1] - 1)
    wanted = (-0.5 * ((ages - target[:, None]) / sigma) ** 2).softmax(dim=1)  # (N, B)
    log_p = logits.log_softmax(dim=1)
    divergence = (wanted * (wanted.clamp(min=1e-12).log() - log_p)).sum(dim=1)
    expected = (log_p.exp() * ages).sum(dim=1)
    return divergence + l1 * (expected - target).abs()
