"""Mixup (arXiv 1710.09412) and CutMix (arXiv 1905.04899) on soft and missing targets.

timm's versions do not handle missing targets. A mixed image is `share` of one sample and the rest
of its partner. For each task the target is the blend of those that exist, and the weight is their
share: with both targets this is the usual mixup, with one that one's target at reduced weight; with
none the weight is 0.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from train.recipe.settings import Mix

TaskTensors = dict[str, Tensor]


def mixup(
    x: Tensor,
    targets: TaskTensors,
    weights: TaskTensors,
    settings: Mix,
    generator: torch.Generator,
) -> tuple[Tensor, TaskTensors, TaskTensors]:
    """Return the batch with each sample mixed with a random partner, or as it is.

    All randomness comes from `generator`; none is drawn where the recipe does not mix.

    Args:
        x: float (N, C, S, S).
        targets: by task (N, ...).
        weights: by task (N,), 0 where the target is missing.
        settings: which kinds, how strong, and how often.
        generator: of torch, on the CPU.

    Returns:
        Inputs, targets and weights in the shapes of `x`, `targets` and `weights`.
    """
    kinds = [kind for kind in ("mixup", "cutmix") if getattr(settings, kind)]
    if not kinds or float(torch.rand(1, generator=generator)) >= settings.probability:
        return x, targets, weights
    kind = kinds[int(torch.randint(len(kinds), (1,), generator=generator))]
    partner = torch.randperm(len(x), generator=generator).to(x.device)
    # torch's Beta takes no generator
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    alpha = getattr(settings, kind)
    share = float(rng.beta(alpha, alpha))
    if kind == "mixup":
        x = share * x + (1 - share) * x[partner]
    else:
        x, share = _paste(x, x[partner], share, rng)
    blended = {task: _blend(targets[task], weights[task], partner, share) for task in targets}
    return (
        x,
        {task: target for task, (target, _) in blended.items()},
        {task: weight for task, (_, weight) in blended.items()},
    )


def _paste(
    x: Tensor, other: Tensor, share: float, rng: np.random.Generator
) -> tuple[Tensor, float]:
    """Return `x` with a box of `other`, about 1 - share of the area, and the share left of it."""
    height, width = x.shape[-2:]
    half_height, half_width = (int(n * (1 - share) ** 0.5) // 2 for n in (height, width))
    centre_y, centre_x = int(rng.integers(height)), int(rng.integers(width))
    rows = slice(max(0, centre_y - half_height), min(height, centre_y + half_height))
    columns = slice(max(0, centre_x - half_width), min(width, centre_x + half_width))
    x = x.clone()
    x[..., rows, columns] = other[..., rows, columns]
    return x, 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)


def _blend(target: Tensor, weight: Tensor, partner: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Return the blended targets (N, ...) and their weights (N,)."""
    own_weight, partner_weight = share * weight, (1 - share) * weight[partner]  # (N,)
    total = own_weight + partner_weight
    ratio = (own_weight / total.clamp(min=1e-12)).view(-1, *[1] * (target.ndim - 1))
    return ratio * target + (1 - ratio) * target[partner], total
