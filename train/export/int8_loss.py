"""What INT8 costs against float32 on validation, and the most that it may cost."""

from __future__ import annotations

from collections.abc import Mapping

from core import progress
from core.artifacts.card import Card
from core.errors import ModelError
from train.runs.card_metrics import pooled_metric

MAX_INT8_LOSS = {"emotion_accuracy": 0.003, "gender_accuracy": 0.003, "age_mae": 0.05}
"""What INT8 may lose against float32 on validation: shares, and years for `age_mae`."""
MIN_JUDGED_SAMPLES = 334
"""Samples from which one more mistake is at most 0.3 points.

With fewer, a loss is reported and not judged.
"""

FigureValues = Mapping[str, tuple[float, int]]
"""By the name of a figure: its value and the number of samples behind it."""


def validation_figures(card: Card) -> dict[str, tuple[float, int]]:
    """Return the figures of `MAX_INT8_LOSS` that a card has, over all validation parts."""
    figures = {name: pooled_metric(card, name) for name in MAX_INT8_LOSS}
    return {name: (figure.value, figure.n) for name, figure in figures.items() if figure}


def check_int8_loss(
    float32: FigureValues,
    int8: FigureValues,
    remedy: str = "export without --int8, or train with --set qat=true",
) -> dict[str, float]:
    """Return what INT8 loses by figure, negative where it gains; print each.

    Args:
        float32: `validation_figures` of the float32 file's card.
        int8: the same of the INT8 file's.
        remedy: what to do where the loss is too large, for the message.

    Raises:
        ModelError: INT8 loses more than `MAX_INT8_LOSS` on `MIN_JUDGED_SAMPLES` or more.
    """
    losses = {}
    for name, (before, n) in float32.items():
        after = int8[name][0]
        in_years = name == "age_mae"
        loss = losses[name] = after - before if in_years else before - after
        scale, unit = (1, "years") if in_years else (100, "points")
        text = (
            f"{name.replace('_', ' ')}: float32 {scale * before:.3f}, INT8 {scale * after:.3f}, "
            f"loses {scale * loss:.3f} {unit}, n {n}"
        )
        progress.say(text)
        if n >= MIN_JUDGED_SAMPLES and loss > MAX_INT8_LOSS[name]:
            raise ModelError(
                f"Expected INT8 to lose at most {scale * MAX_INT8_LOSS[name]:g} {unit}, "
                f"got {text}; {remedy}."
            )
    return losses
