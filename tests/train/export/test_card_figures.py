"""The card's figures: measured in the data's own classes, whatever number and order of them the
recipe's head has.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.artifacts.card import Card
from core.labels import GENDER2
from tests.train.conftest import part_of
from train.batches.data import DatasetPart
from train.batches.pool import targets_of
from train.export.card_figures import measured_card, predictions
from train.export.model_card import describe
from train.recipe.recipe import load


class Oracle:
    """A predictor that knows every answer but the first `wrong`, in the columns of its heads."""

    def __init__(self, card: Card, part: DatasetPart, wrong: int) -> None:
        self.card, self.p = card, {}
        for head in card.heads:
            true, k = getattr(part.samples, head.task), len(head.labels)
            predicted = np.where(np.arange(len(true)) < wrong, (true + 1) % k, true)
            self.p[head.task] = np.eye(k, dtype=np.float32)[predicted]

    def logits(self, x: np.ndarray, embedding: bool = False) -> dict[str, np.ndarray]:
        return self.p

    def calibrate(self, logits: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return logits

    def ages(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        raise AssertionError("it has no age")


@pytest.mark.parametrize(
    "name", ["fer_cnn_0", "mobileone_s2_quick", "production_b0", "mien_ferplus_utkface"]
)
def test_the_card_counts_in_the_head_s_classes(name: str) -> None:
    """Four, six, seven and eight emotions and two genders, each head in its own order."""
    recipe = load(name)
    heads = tuple(h for h in recipe.heads if h.task != "age")
    part = part_of(recipe, 60, tasks=tuple(h.task for h in heads))
    card = Card("oracle", "0", recipe.input, heads)
    rows = measured_card(Oracle(card, part, 6), (), [part]).metrics
    for head in heads:
        accuracy = next(m for m in rows if m["metric"] == f"{head.task}_accuracy")
        assert (accuracy["value"], accuracy["n"]) == (0.9, 60)
    emotions = next(h for h in heads if h.task == "emotion").labels
    assert {m["group"] for m in rows if m["metric"] == "emotion_recall"} == {
        f"emotion: {label}" for label in emotions
    }


def test_copies_of_training_pictures_are_counted_apart_whatever_their_data_set(
    tmp_path: Path,
) -> None:
    recipe = load("fer_cnn_0")
    part = part_of(recipe, 20)
    paths = []
    for i, crop in enumerate(part.crops):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(crop[..., 0]).save(paths[-1])
    part = replace(part, samples=replace(part.samples, root=tmp_path, paths=tuple(paths)))
    copies = part_of(recipe, 8, name="the same pictures with other labels")
    copies = replace(copies, samples=replace(copies.samples, paths=tuple(paths[:8])))
    card = Card("oracle", "0", recipe.input, recipe.heads)
    rows = measured_card(Oracle(card, part, 5), [copies], [part]).metrics
    name = "emotion_accuracy_without_pictures_that_train_has_too"
    [row] = [m for m in rows if m["metric"] == name]
    assert (row["value"], row["n"]) == (1.0, 12)


def test_a_file_may_have_its_source_s_order_of_classes() -> None:
    """The Smart Retail report's: 0 male, 1 female, neutral the fourth."""
    recipe = load("mobileone_s2_quick")
    heads = tuple(h for h in recipe.heads if h.task != "age")
    part = part_of(recipe, 40, tasks=("emotion", "gender"))
    card = Card("oracle", "0", recipe.input, heads)
    table = predictions(Oracle(card, part, 0), part).to_pydict()
    names = [("male", "female")[i] for i in part.samples.gender]
    assert table["gender_true"] == names and set(names) == set(GENDER2.labels)
    assert table["gender_p_female"] == [float(name == "female") for name in names]
    assert table["emotion_pred"] == table["emotion_true"]
    assert np.array_equal(targets_of(part, "gender")[0][:, 0], [name == "male" for name in names])
    text = describe(card, 1)
    assert "| perceived gender, columns in the file | 0 male, 1 female |" in text
    assert "0 anger, 1 fear, 2 happiness, 3 neutral, 4 sadness, 5 surprise |" in text
