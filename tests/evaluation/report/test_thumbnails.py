"""Captions of the largest mistakes: numbers have the digits that their data need."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from evaluation.predictions.schema import to_schema
from evaluation.report.thumbnails import largest_mistakes


def captions(task: str, true: np.ndarray, error: float) -> list[str]:
    columns = {
        "sample_id": np.arange(len(true)).astype(str),
        f"{task}_true": true,
        f"{task}_pred": true + error,
    }
    return [m.caption for m in largest_mistakes(to_schema(pa.table(columns)), 3)]


def test_numbers_have_the_digits_of_their_spread() -> None:
    for caption in captions("valence", np.linspace(-1, 1, 21), 0.3):
        assert re.fullmatch(r"-?\d\.\d\d, true -?\d\.\d\d", caption)
    for caption in captions("valence", np.linspace(-1, 1, 5), 0.004):
        assert len(set(caption.split(", true "))) == 2
    assert "9 years, true 0" in captions("age", np.arange(0, 80, 30.0), 9.4)


def test_a_class_without_probabilities_has_no_share() -> None:
    columns = {
        "sample_id": ["x", "y"],
        "emotion_true": ["fear", "fear"],
        "emotion_pred": ["neutral", "neutral"],
        "emotion_p_neutral": [0.8, None],
        "emotion_p_fear": [0.2, None],
    }
    texts = [m.caption for m in largest_mistakes(to_schema(pa.table(columns)), 3)]
    assert texts == ["neutral 80%, true fear", "neutral, true fear"]
