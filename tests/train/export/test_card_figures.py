"""The card's figures: measured in the data's own classes, whatever number and order of them the
recipe's head has.
"""

from __future__ import annotations

import numpy as np
import pytest

from core.artifacts.card import Card
from tests.train.conftest import part_of
from train.export.card_figures import measured_card
from train.recipe.recipe import load


class Oracle:
    """A predictor that knows every answer but the first `wrong`."""

    def __init__(self, card: Card, emotion: np.ndarray, wrong: int) -> None:
        k = len(card.heads[0].labels)
        predicted = np.where(np.arange(len(emotion)) < wrong, (emotion + 1) % k, emotion)
        self.card, self.p = card, np.eye(k, dtype=np.float32)[predicted]

    def logits(self, x: np.ndarray, embedding: bool = False) -> dict[str, np.ndarray]:
        return {"emotion": self.p}

    def calibrate(self, logits: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return logits


@pytest.mark.parametrize("name", ["fer_cnn_0", "mobileone_s2_quick", "production_b0", "mien_first"])
def test_the_card_counts_in_the_head_s_classes(name: str) -> None:
    """Four, six, seven and eight emotions, each head in its own order."""
    recipe = load(name)
    part = part_of(recipe, 60, tasks=("emotion",))
    card = Card("oracle", "0", recipe.input, tuple(h for h in recipe.heads if h.task == "emotion"))
    rows = measured_card(Oracle(card, part.samples.emotion, 6), (), [part]).metrics  # type: ignore[arg-type]
    accuracy = next(m for m in rows if m["metric"] == "emotion_accuracy")
    assert (accuracy["value"], accuracy["n"]) == (0.9, 60)
    assert {m["group"] for m in rows if m["metric"] == "emotion_recall"} == {
        f"emotion: {label}" for label in card.heads[0].labels
    }
