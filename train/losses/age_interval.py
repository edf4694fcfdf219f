"""Age labels that are ranges, such as FairFace's bins: any age of the range is right.

The loss of a range is the negative log-likelihood of its bins together, as for interval-censored
data (Turnbull, JRSS B 38, 1976), plus L1 from the expectation to the range. An exact age has the
loss of `age_distribution`.
"""

import torch
from torch import Tensor

from train.losses import age_distribution

AGE_RANGES = True
"""Targets are the youngest and oldest age, see `train.losses`."""


def loss(logits: Tensor, target: Tensor, sigma: float = 2.0, l1: float = 0.1) -> Tensor:
    """Return the loss of each sample (N,), in nats + l1 * years.

    Args:
        logits: (N, B) over ages 0 to B-1.
        target: (N, 2) years, youngest and oldest; ages over the last bin train the last bin.
        sigma: standard deviation of the Gaussian around exact ages, in years.
        l1: weight of the expectation's distance.
    """
    ages = torch.arange(logits.shape[1], device=logits.device, dtype=logits.dtype)  # (B,)
    target = target.clamp(0, logits.shape[1] - 1)
    youngest, oldest = target[:, 0], target[:, 1]
    log_p = logits.log_softmax(dim=1)
    # half a year more, so that a range between two whole years holds one, too
    inside = (ages >= youngest[:, None] - 0.5) & (ages <= oldest[:, None] + 0.5)  # (N, B)
    likelihood = log_p.masked_fill(~inside, -torch.inf).logsumexp(dim=1)
    expected = (log_p.exp() * ages).sum(dim=1)
    distance = (youngest - expected).clamp(min=0) + (expected - oldest).clamp(min=0)
    exact = age_distribution.loss(logits, target.mean(dim=1), sigma, l1)
    return torch.where(youngest == oldest, exact, l1 * distance - likelihood)
