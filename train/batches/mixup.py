"""Mixup (Zhang et al., arXiv 1710.09412) and CutMix (Yun et al., arXiv 1905.04899) on soft and
missing targets, which timm's lack.

A mixed picture is `share` of one sample and the rest of its partner. For each task the target is
the blend of those that are known, and the weight is their share: with both known this is the usual
mixup, with one it learns that one's target at reduced weight, with none nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from train.recipe.settings import Mix

Targets = dict[str, Tensor]


def mix(
    x: Tensor, targets: Targets, weights: Targets, how: Mix, generator: torch.Generator
) -> tuple[Tensor, Targets, Targets]:
    """x (N, C, S, S), targets (N, ...) and weights (N,) by task -> the same, mixed with a random
    partner each, or untouched.

    All randomness comes from `generator`, and none is drawn where the recipe does not mix.
    """
    kinds = [k for k in ("mixup", "cutmix") if getattr(how, k)]
    if not kinds or float(torch.rand(1, generator=generator)) >= how.probability:
        return x, targets, weights
    kind = kinds[int(torch.randint(len(kinds), (1,), generator=generator))]
    partner = torch.randperm(len(x), generator=generator).to(x.device)
    draw = np.random.default_rng(
        int(torch.randint(2**31, (1,), generator=generator))
    )  # torch's Beta takes no generator
    share = float(draw.beta(getattr(how, kind), getattr(how, kind)))
    if kind == "mixup":
        x = share * x + (1 - share) * x[partner]
    else:
        x, share = _paste(x, x[partner], share, draw)
    blended = {task: _blend(targets[task], weights[task], partner, share) for task in targets}
    return x, {k: t for k, (t, _) in blended.items()}, {k: w for k, (_, w) in blended.items()}


def _paste(
    x: Tensor, other: Tensor, share: float, draw: np.random.Generator
) -> tuple[Tensor, float]:
    """`x` with one box of `other` of about 1 - share of the area; and the share that is left of
    `x`.
    """
    height, width = x.shape[-2:]
    half_h, half_w = (int(n * (1 - share) ** 0.5) // 2 for n in (height, width))
    y, left = int(draw.integers(height)), int(draw.integers(width))
    rows = slice(max(0, y - half_h), min(height, y + half_h))
    columns = slice(max(0, left - half_w), min(width, left + half_w))
    x = x.clone()
    x[..., rows, columns] = other[..., rows, columns]
    return x, 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)


def _blend(target: Tensor, weight: Tensor, partner: Tensor, share: float) -> tuple[Tensor, Tensor]:
    mine, theirs = share * weight, (1 - share) * weight[partner]  # (N,)
    total = mine + theirs
    part = (mine / total.clamp(min=1e-12)).view(-1, *[1] * (target.ndim - 1))
    return part * target + (1 - part) * target[partner], total
