"""Temperatures that make a network's probabilities honest, fitted on validation (Guo et al., arXiv 1706.04599)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from torch import nn

from core.predictor import INTERVAL, interval
from evaluation.metrics.calibration import fit_temperature, softmax
from train.data import Part
from train.recipe import Recipe
from train.validate import outputs

RANGE = (0.2, 5.0)


def calibration(model: nn.Module, recipe: Recipe, parts: Sequence[Part]) -> dict[str, float]:
    """One number by task. Classes: the temperature of least negative log-likelihood of the majority labels (votes alone would keep the
    network under-confident about the majority). Age distribution: the temperature at which the central interval holds its nominal share
    of the validation ages. Age regression: the half width of that interval, in years. Tasks without labels are left out."""
    out = [outputs(model, p.crops, recipe.input) for p in parts]
    found: dict[str, float] = {}
    for head in recipe.heads:
        z = np.concatenate([o[head.task] for o in out]).astype(np.float64)
        truth = np.concatenate([getattr(p.samples, head.task) for p in parts])
        known = ~np.isnan(truth) if head.task == "age" else truth >= 0
        if not known.any():
            continue
        z, truth = z[known], truth[known]
        if head.kind == "regression":
            found[head.task] = float(np.quantile(np.abs(z[:, 0] - truth), INTERVAL))
        elif head.kind == "distribution":
            found[head.task] = _for_coverage(z, truth)
        else:
            classes = z if head.kind == "softmax" else np.hstack([z, np.zeros_like(z)])
            found[head.task] = fit_temperature(classes, truth, *RANGE)
    return {k: round(v, 4) for k, v in found.items()}


def _for_coverage(z: np.ndarray, truth: np.ndarray) -> float:
    def surplus(temperature: float) -> float:
        low, high = interval(softmax(z, temperature), INTERVAL)
        return float(np.mean((low <= truth) & (truth <= high))) - INTERVAL

    low, high = RANGE
    if surplus(low) >= 0:
        return low
    if surplus(high) <= 0:
        return high
    return float(brentq(surplus, low, high, xtol=1e-3))
