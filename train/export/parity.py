"""Compare a network with its folded form and with its ONNX file."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.errors import ModelError
from core.predictor import Predictor
from core.preprocess import to_input
from train.compression import qat
from train.loop.validate import outputs
from train.recipe.recipe import Recipe

PARITY = 1e-4
"""Largest difference allowed between torch's and ONNX Runtime's probabilities; of years, as a share
of them.
"""
QUANTISED_PARITY = 0.05
"""The same for a network that rounds: a sum that falls within float error of the middle of two
steps goes up here and down there.
"""
FOLDED_PARITY = 1e-5
"""The same, between a network with its training branches and with those folded into one convolution
each.
"""

Outputs = Mapping[str, NDArray[np.floating]]


def random_crops(recipe: Recipe, n: int = 16) -> NDArray[np.uint8]:
    """Return uint8 noise (n, S, S, C), for a check of parity without data."""
    spec = recipe.input
    shape = (n, spec.size, spec.size, spec.channels)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def max_difference(model: nn.Module) -> float:
    """Return the largest difference that `check_parity` allows."""
    return QUANTISED_PARITY if qat.is_quantization_aware(model) else PARITY


def check_parity(model: nn.Module, path: Path, crops: NDArray[np.uint8]) -> float:
    """Return the largest difference of calibrated probabilities between torch and ONNX Runtime.

    Of years, for a regression, as a share of them.

    Args:
        model: in torch.
        path: its ONNX file.
        crops: uint8 (N, S, S, C).

    Raises:
        ModelError: it is over `max_difference`.
    """
    predictor = Predictor(path, is_trusted=True)
    spec = predictor.card.input
    ours, theirs = outputs(model, crops, spec), predictor.logits(to_input(crops, spec))
    return _check(
        predictor, ours, theirs, max_difference(model), "ONNX Runtime to agree with torch"
    )


def logit_difference(model: nn.Module, path: Path, crops: NDArray[np.uint8]) -> float:
    """Return the largest difference of raw outputs between torch and ONNX Runtime.

    It is what `evaluation.report.gates` means by onnx_parity. Of an INT8 file it is that of the
    float32 file which it is made from; what the rounding costs is measured on validation.

    Args:
        model: in torch.
        path: its ONNX file.
        crops: uint8 (N, S, S, C).
    """
    predictor = Predictor(path, is_trusted=True)
    spec = predictor.card.input
    ours, theirs = outputs(model, crops, spec), predictor.logits(to_input(crops, spec))
    return float(np.max([np.abs(ours[task] - theirs[task]).max() for task in theirs]))  # keeps NaN


def check_folded(
    model: nn.Module, folded: nn.Module, predictor: Predictor, crops: NDArray[np.uint8]
) -> float:
    """Return the largest difference, as in `check_parity`, between a network and its folded form.

    Both compute in float64: float32 rounds a deep network's outputs by more than FOLDED_PARITY
    however it is written.

    Args:
        model: with its training branches.
        folded: the same network without.
        predictor: calibrates.
        crops: uint8 (N, S, S, C).

    Raises:
        ModelError: it is over `FOLDED_PARITY`.
    """
    x = torch.from_numpy(to_input(crops, predictor.card.input)).double()
    with torch.inference_mode():
        ours, theirs = (
            {k: v.numpy() for k, v in copy.deepcopy(m).eval().double()(x).items()}
            for m in (model, folded)
        )
    expected = "the folded network to agree with its training form"
    return _check(predictor, ours, theirs, FOLDED_PARITY, expected)


def _check(
    predictor: Predictor, ours: Outputs, theirs: Outputs, limit: float, expected: str
) -> float:
    """Return `_difference`.

    Raises:
        ModelError: it is over `limit`.
    """
    difference = _difference(predictor, ours, theirs)
    if not difference <= limit:
        raise ModelError(
            f"Expected {expected} within {limit}, got a difference of {difference:.2g}."
        )
    return difference


def _difference(predictor: Predictor, ours: Outputs, theirs: Outputs) -> float:
    """Return the largest difference of calibrated outputs, of years as a share of them."""
    a, b = predictor.calibrate(ours), predictor.calibrate(theirs)
    in_years = {h.task for h in predictor.card.heads if h.kind == "regression"}
    differences = [
        (np.abs(a[k] - b[k]) / (np.maximum(1.0, np.abs(a[k])) if k in in_years else 1.0)).max()
        for k in a
    ]
    return float(np.max(differences))  # NaN where any is, unlike `max`
