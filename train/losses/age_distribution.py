"""Age as a distribution over one-year bins (DLDL-v2, Gao et al., IJCAI 2018).

KL to a Gaussian around the true age, plus L1 on the expectation.
"""

import torch
from torch import Tensor


def loss(logits: Tensor, target: Tensor, sigma: float = 2.0, l1: float = 0.1) -> Tensor:
    """Return the loss of each sample (N,), in nats + l1 * years.

    Args:
        logits: (N, B) over ages 0 to B-1.
        target: (N,) years; ages over the last bin train the last bin.
        sigma: standard deviation of the Gaussian, in years.
        l1: weight of the expectation's absolute error.
    """
    ages = torch.arange(logits.shape[1], device=logits.device, dtype=logits.dtype)  # (B,)
    target = target.clamp(0, logits.shape[1] - 1)
    gaussian = (-0.5 * ((ages - target[:, None]) / sigma) ** 2).softmax(dim=1)  # (N, B)
    log_p = logits.log_softmax(dim=1)
    divergence = (gaussian * (gaussian.clamp(min=1e-12).log() - log_p)).sum(dim=1)
    expected = (log_p.exp() * ages).sum(dim=1)
    return divergence + l1 * (expected - target).abs()
