"""Validation is counted as the demo counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from core.labels import FERPLUS8, GENDER2, SAD_NEUTRAL
from core.monitoring.tally import Tally
from core.types import Age, Distribution, Prediction
from evaluation.predictions import arrays, table
from evaluation.production.validation import DECADES, validation_counts
from evaluation.store import Store, Where
from tests.apps.studio.conftest import predictions
from tests.core.monitoring.conftest import MINUTE, START

THRESHOLDS = {"emotion": 0.7, "gender": 0.75, "age": 20.0}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("validation") / "t.parquet"
    table.write(predictions(2000, "m"), path, table.Meta(model="m", thresholds=THRESHOLDS))
    return Store.open([path])


def test_it_equals_the_tally_of_the_same_predictions(store: Store) -> None:
    rows = predictions(2000, "m")
    p = np.stack([rows[f"emotion_p_{label}"].to_numpy() for label in FERPLUS8.labels], axis=1)
    female = rows["gender_p_female"].to_numpy().astype(float)
    tally = Tally("m")
    for i, (low, age, high) in enumerate(
        zip(*(rows[f"age_{end}"].to_pylist() for end in ("low", "pred", "high")), strict=True)
    ):
        emotion = p[i].astype(float) / p[i].sum()
        face = Prediction(
            Distribution(FERPLUS8.labels, emotion, THRESHOLDS["emotion"]),
            Distribution(GENDER2.labels, np.array([female[i], 1 - female[i]]), 0.75),
            Age(age, min(low, age), max(high, age), limit=THRESHOLDS["age"]),
        )
        tally.add_face(face, None)
    line = tally.take_line(START, START + MINUTE)
    for task in ("emotion", "gender", "age"):
        counted = validation_counts(store, task, Where(task=task, models=("m",)))
        expected = line.tasks[task]
        assert counted.classes.sum() == 2000
        for label, n in zip(counted.labels, counted.classes, strict=True):
            assert abs(n - expected.classes.get(label, 0)) <= 10, (task, label)
        assert counted.uncertain.value == pytest.approx(expected.uncertain / 2000, abs=0.006)
        if expected.confidence:
            assert np.abs(counted.confidence - expected.confidence).max() <= 10
    emotion = validation_counts(store, "emotion", Where(models=("m",)))
    assert emotion.sad_neutral.value == pytest.approx(line.sad_neutral / 2000, abs=0.006)
    assert emotion.sad_neutral.n == 2000


def test_ages_are_in_decades(store: Store) -> None:
    counted = validation_counts(store, "age", Where(task="age"))
    ages = arrays.one_model(predictions(2000, "m"), "m")["age_pred"].to_numpy()
    expected = np.bincount(np.minimum(ages // 10, len(DECADES) - 1).astype(int), minlength=9)
    assert counted.classes.tolist() == expected.tolist()
    assert not counted.confidence.any()


def test_what_the_table_lacks_is_not_made_up(tmp_path: Path) -> None:
    rows = predictions(50, heads=("emotion",)).select(
        ["sample_id", "model", "emotion_true", "emotion_pred"]
    )
    table.write(rows, tmp_path / "t.parquet")
    bare = Store.open([tmp_path / "t.parquet"])
    counted = validation_counts(bare, "emotion", Where())
    assert counted.classes.sum() == 50
    assert counted.uncertain is None and counted.sad_neutral is None
    assert set(SAD_NEUTRAL) <= set(FERPLUS8.labels)


def test_predictions_without_labels_are_no_validation(tmp_path: Path) -> None:
    rows = predictions(60, heads=("emotion",))
    truth = rows["emotion_true"].to_pylist()
    truth[:20] = [None] * 20
    at = rows.column_names.index("emotion_true")
    rows = rows.set_column(at, "emotion_true", pa.array(truth, pa.string()))
    table.write(rows, tmp_path / "t.parquet")
    counted = validation_counts(Store.open([tmp_path / "t.parquet"]), "emotion", Where())
    assert counted.classes.sum() == 40 == counted.sad_neutral.n
