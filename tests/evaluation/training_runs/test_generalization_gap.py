"""The gap of training and validation: bands without holes, a verdict for each gap."""

from __future__ import annotations

import doctest
import math

import pytest

from evaluation.training_runs import generalization_gap


# The verdicts that the notebook prints under its models.
@pytest.mark.parametrize(
    ("gap", "name"),
    [
        (14.6, "high"),
        (-5.7, "negative"),
        (-10.1, "severe negative"),
        (-10, "negative"),
        (-5, "slightly negative"),
        (-0.1, "slightly negative"),
        (0, "healthy"),
        (4.99, "healthy"),
        (5, "moderate"),
        (10, "high"),
        (15, "severe"),
        (100, "severe"),
        (-100, "severe negative"),
    ],
)
def test_the_notebook_s_bands(gap: float, name: str) -> None:
    assert generalization_gap.verdict(gap).name == name


def test_bands_are_in_order_and_leave_nothing_out() -> None:
    lows = [b.low for b in generalization_gap.BANDS]
    assert (
        lows == sorted(lows)
        and lows[0] == -math.inf
        and len({b.name for b in generalization_gap.BANDS}) == len(lows)
    )
    with pytest.raises(ValueError, match="nan"):
        generalization_gap.verdict(math.nan)


def test_a_gap_needs_both_sides() -> None:
    assert generalization_gap.gap(
        {"train_gender_accuracy": 0.91, "val_gender_accuracy": 0.93}, "gender"
    ) == pytest.approx(-2)
    assert generalization_gap.gap({"train_emotion_accuracy": 0.9}) is None
    assert (
        generalization_gap.gap({"train_emotion_accuracy": math.nan, "val_emotion_accuracy": 0.5})
        is None
    )
    assert generalization_gap.task_of({"val_age_mae": 5.0, "train_age_mae": 4.0}) is None
    assert (
        generalization_gap.task_of({"train_gender_accuracy": 0.9, "val_gender_accuracy": 0.9})
        == "gender"
    )


def test_the_examples_hold() -> None:
    tried = doctest.testmod(generalization_gap)
    assert tried.attempted and not tried.failed
