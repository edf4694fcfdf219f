"""INT8 is refused where it loses too much on validation; a small loss or a gain passes."""

from __future__ import annotations

import pytest

from core.errors import ModelError
from train.export import int8_loss

BEFORE = {
    "emotion_accuracy": (0.83, 3555),
    "gender_accuracy": (0.93, 1886),
    "age_mae": (5.15, 1886),
}


@pytest.mark.parametrize(
    ("task", "value", "message"),
    [
        ("emotion_accuracy", 0.8265, "0.3 points.*emotion"),
        ("gender_accuracy", 0.92, "0.3 points.*gender"),
        ("age_mae", 5.21, "0.05 years"),
    ],
)
def test_what_loses_too_much_is_refused(task: str, value: float, message: str) -> None:
    n = BEFORE[task][1]
    with pytest.raises(ModelError, match=rf"(?s){message}.*without --int8"):
        int8_loss.check_int8_loss(BEFORE, {**BEFORE, task: (value, n)})
    few = {k: (v, 100) for k, (v, _) in BEFORE.items()}
    lost = int8_loss.check_int8_loss(
        few, {**few, task: (value, 100)}
    )  # a single mistake is more than the limit
    assert lost[task] == pytest.approx(abs(value - BEFORE[task][0]))


def test_a_little_loss_or_a_gain_passes() -> None:
    after = {
        "emotion_accuracy": (0.8275, 3555),
        "gender_accuracy": (0.95, 1886),
        "age_mae": (5.19, 1886),
    }
    lost = int8_loss.check_int8_loss(BEFORE, after)
    assert lost == pytest.approx(
        {"emotion_accuracy": 0.0025, "gender_accuracy": -0.02, "age_mae": 0.04}
    )
