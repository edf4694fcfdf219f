"""Run a network over whole data sets, and measure the figures that training selects by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core import registry
from core.artifacts.card import Head
from core.errors import DataError
from core.labels import SAD_NEUTRAL
from core.preprocess import InputSpec, to_input
from evaluation.metrics.calibration import softmax
from train.batches.data import DatasetPart
from train.batches.pool import targets_of
from train.recipe.recipe import Recipe

BATCH_SIZE = 256
WORST_AGE_MAE = 20.0
"""Years of error that score 0: about what a constant prediction has on UTKFace."""

Array = NDArray[np.float32]


@torch.inference_mode()
def outputs(model: nn.Module, crops: NDArray[np.uint8], spec: InputSpec) -> dict[str, Array]:
    """Return a network's raw outputs by task, and `embedding`, each float32 (N, width).

    Args:
        model: put in evaluation mode.
        crops: uint8 (N, S, S, C).
        spec: how the network takes them.
    """
    model.eval()
    device = next(model.parameters()).device
    batches: list[dict[str, Array]] = []
    for start in range(0, len(crops), BATCH_SIZE):
        x = torch.from_numpy(to_input(crops[start : start + BATCH_SIZE], spec)).to(device)
        batches.append({name: out.float().cpu().numpy() for name, out in model(x).items()})
    return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}


def validate(model: nn.Module, parts: Sequence[DatasetPart], recipe: Recipe) -> dict[str, float]:
    """Return a network's figures over all parts, each sample counting once.

    Returns:
        `emotion_accuracy` and `gender_accuracy` in [0, 1], `age_mae` in years; `score`, which
        selects the best epoch: their balanced mean in [0, 1], or what the recipe monitors, as
        higher is better (the negative loss); `loss`, the weighted sum that training minimises,
        without class weights; `age_error_sd`, the standard deviation of absolute errors in years;
        `sadness_as_neutral` and `neutral_as_sadness`, shares of a class that are taken for the
        other, which the FER notebook (unpublished) watches.

    Raises:
        DataError: no sample is labelled for any of the heads, or for what the recipe monitors.
    """
    metrics: dict[str, list[NDArray[Any]]] = {head.task: [] for head in recipe.heads}
    losses: dict[str, list[Array]] = {head.task: [] for head in recipe.heads}
    emotions: list[NDArray[np.int64]] = []
    for part in parts:
        out = outputs(model, part.crops, recipe.input)
        for head in recipe.heads:
            settings = recipe.losses[head.task]
            target, has_target = targets_of(part, head.task, settings.name)
            loss = registry.load("train.losses", settings.name).loss
            values = loss(
                torch.from_numpy(out[head.task]), torch.from_numpy(target), **settings.options
            )
            losses[head.task].append(values.numpy()[has_target])
            metrics[head.task].append(_errors_or_hits(out[head.task], part, head))
            if head.task == "emotion":
                predicted = class_of(out[head.task], head)
                emotions.append(np.stack([part.samples.emotion, predicted]))
    figures: dict[str, float] = {}
    for head in recipe.heads:
        values = np.concatenate(metrics[head.task])
        if len(values):
            figures[metric_name(head)] = float(values.mean())
    if not figures:
        raise DataError(
            f"Expected validation samples labelled for one of {tuple(metrics)}, got none."
        )
    total = 0.0
    for task, arrays in losses.items():
        values = np.concatenate(arrays)
        if len(values):
            total += recipe.losses[task].weight * float(values.mean())
    scored = figures | {"score": _score(figures, total, recipe.monitor), "loss": total}
    if len(errors := np.concatenate(metrics.get("age", [np.zeros(0)]))):
        scored["age_error_sd"] = float(errors.std())
    for head in recipe.heads:
        if head.task == "emotion":
            true, predicted = np.concatenate(emotions, axis=1)
            scored |= _confusions(true, predicted, head)
    return scored


def _confusions(
    true: NDArray[np.int64], predicted: NDArray[np.int64], head: Head
) -> dict[str, float]:
    """Return the shares of the most confused classes that are taken for each other.

    Args:
        true: classes (N,) of the head; -1 where unlabelled.
        predicted: classes (N,).
        head: with its labels.
    """
    shares: dict[str, float] = {}
    for label, other in (SAD_NEUTRAL, SAD_NEUTRAL[::-1]):
        if label in head.labels and other in head.labels:
            rows = true == head.labels.index(label)
            if rows.any():
                share = (predicted[rows] == head.labels.index(other)).mean()
                shares[f"{label}_as_{other}"] = float(share)
    return shares


def _score(figures: Mapping[str, float], loss: float, monitor: str) -> float:
    """Return what selects the best epoch, higher being better.

    Args:
        figures: accuracies and `age_mae`, by name.
        loss: of validation.
        monitor: as in a recipe.

    Raises:
        DataError: no validation sample is labelled for what is monitored.
    """
    if monitor == "loss":
        return -loss
    scores = {
        name: max(0.0, 1 - value / WORST_AGE_MAE) if name == "age_mae" else value
        for name, value in figures.items()
    }
    if monitor == "score":
        return float(np.mean(list(scores.values())))
    if monitor not in scores:
        raise DataError(
            f"Expected validation samples with labels for {monitor}, which the recipe monitors, "
            f"got only {', '.join(scores)}; try --set monitor=score."
        )
    return scores[monitor]


def _errors_or_hits(out: Array, part: DatasetPart, head: Head) -> NDArray[Any]:
    """Return the absolute errors of age in years, or whether classes are right, where labelled."""
    if head.task == "age":
        _, has_age = targets_of(part, "age")
        errors: NDArray[Any] = np.abs(age_of(out, head) - part.samples.age)[has_age]
        return errors
    label = getattr(part.samples, head.task)
    hits: NDArray[Any] = (class_of(out, head) == label)[label >= 0]
    return hits


def metric_name(head: Head) -> str:
    """Return the name of a head's figure, without `train_` or `val_`."""
    return "age_mae" if head.task == "age" else f"{head.task}_accuracy"


def batch_metric(
    out: Tensor, target: Tensor, has_target: Tensor, head: Head
) -> tuple[str, float, int]:
    """Return what a training batch adds to an epoch's figure of one head.

    Args:
        out: (N, width) raw outputs.
        target: as in `train.batches.pool.Batch`.
        has_target: (N,) bool.
        head: of `out`.

    Returns:
        The figure's name, the sum over the samples with a target, and their number.
    """
    rows = has_target.numpy()
    if head.task == "age":
        years = target if target.ndim == 1 else target.mean(dim=1)
        values = np.abs(age_of(out.numpy(), head) - years.numpy())
    else:
        values = class_of(out.numpy(), head) == target.argmax(dim=1).numpy()
    return metric_name(head), float(values[rows].sum()), int(has_target.sum())


def class_of(logits: Array, head: Head) -> NDArray[np.int64]:
    """Return the class (N,) of a softmax head's outputs (N, K) or a sigmoid head's (N, 1)."""
    if head.kind == "sigmoid":
        return (logits[:, 0] <= 0).astype(np.int64)
    classes: NDArray[np.int64] = logits.argmax(axis=1)
    return classes


def age_of(logits: Array, head: Head) -> NDArray[np.floating[Any]]:
    """Return the years (N,) of an age head's outputs (N, width)."""
    if head.kind == "regression":
        return logits[:, 0]
    years: NDArray[np.floating[Any]] = softmax(logits) @ np.arange(logits.shape[1])
    return years
