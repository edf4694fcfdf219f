"""Columns that name no task belong to the task whose classes they have."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from core.errors import DataError
from core.labels import FERPLUS8
from evaluation.analysis.summary import table_report
from evaluation.predictions.importing import ImportOptions, import_predictions
from evaluation.predictions.tasks import tasks_of

N = 30
ROWS = range(N)
RIGHT = [i % 5 != 0 for i in ROWS]
TRUE = [i % 2 for i in ROWS]
PRED = [t if right else 1 - t for t, right in zip(TRUE, RIGHT, strict=True)]
P = [[0.8, 0.2] if code == 0 else [0.2, 0.8] for code in PRED]


def named(codes: list[int], first: str, second: str) -> list[str]:
    return [(first, second)[code] for code in codes]


VALUES = {
    "codes": TRUE,
    "pets": named(TRUE, "cat", "dog"),
    "pet_guesses": named(PRED, "cat", "dog"),
    "emotions": named(TRUE, "happy", "sad"),
    "emotion_guesses": named(PRED, "happy", "sad"),
    "code_guesses": PRED,
    "genders": named([i % 3 % 2 for i in ROWS], "f", "m"),
    "p0": [p[0] for p in P],
    "p1": [p[1] for p in P],
    "lists": [str(p) for p in P],
    "ages": [20 + i for i in ROWS],
    "ages_guessed": [20.5 + i for i in ROWS],
    "times": [round(10 + 0.37 * i, 2) for i in ROWS],
    "words": named([i % 3 % 2 for i in ROWS], "auto", "human"),
    "files": [f"out/{i}.png" for i in ROWS],
    "places": [7 * i % 90 for i in ROWS],
}


def table(tmp_path: Path, columns: str) -> Path:
    """Write a table of `name=values` columns."""
    pairs = [column.split("=") for column in columns.split()]
    pd.DataFrame({name: VALUES[values] for name, values in pairs}).to_csv(
        tmp_path / "t.csv", index=False
    )
    return tmp_path / "t.csv"


PET_P = "prob_cat=p0 prob_dog=p1"
CODE_P = "prob_0=p0 prob_1=p1"
COMPLETE = [
    f"label=codes {CODE_P}",
    "label=codes probs=lists",
    "label=codes y_score=p1",
    f"label=pets {PET_P}",
    "label=pets cat=p0 dog=p1",
    "x=places y=places label=pets prediction=pet_guesses",
    f"label=words true_label=pets {PET_P} prediction=pet_guesses output=files",
]
BESIDE = [
    *("age=ages", "gender=genders", "emotion=emotions", "age_true=ages", "age_pred=ages_guessed"),
    *("gender_true=genders", "label_id=places", "label_source=words", "pred_time=times"),
    *("output_path=files", "box.x=places box.y=places", "y_min=places x_min=places"),
]


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("complete", COMPLETE)
def test_other_columns_take_nothing_from_a_complete_task(
    complete: str, beside: str, tmp_path: Path
) -> None:
    for columns in (f"{complete} {beside}", f"{beside} {complete}"):
        imported = import_predictions(table(tmp_path, columns))
        [(name, figures)] = table_report(imported.table).tasks.items()
        assert name == "label"
        assert figures.accuracy.value == pytest.approx(sum(RIGHT) / N)
        others = " ".join(n for n in imported.notes if "not used" in n or "kept" in n)
        assert all(f"`{column.split('=')[0]}`" in others for column in beside.split())


JOINED = {
    "label=emotions emotion=emotion_guesses scores=lists": "emotion",
    "label=emotions emotion=emotion_guesses prob=p1": "emotion",
    "label=emotions emotion=emotion_guesses prob_happy=p0 prob_sad=p1": "emotion",
    "label=emotions emotion_pred=emotion_guesses happy=p0 sad=p1": "emotion",
    "label=codes emotion_true=emotions prob_happy=p0 prob_sad=p1": "emotion",
    "prediction=emotion_guesses emotion=emotions scores=lists": "emotion",
    f"label=pets mask_pred=pet_guesses {PET_P}": "mask",
    "label=pets mask_pred=pet_guesses probs=lists": "mask",
    "label=pets mask_pred=pet_guesses prob=p1": "mask",
    "label=codes mask_pred=code_guesses y_prob=p1": "mask",
    "box_x=places box_y=places label=pets mask_pred=pet_guesses": "mask",
    f"label=codes label_name=pets {PET_P}": "name",
}


@pytest.mark.parametrize("columns", JOINED)
def test_columns_of_the_same_classes_are_one_task(columns: str, tmp_path: Path) -> None:
    imported = import_predictions(table(tmp_path, columns))
    [(name, figures)] = table_report(imported.table).tasks.items()
    assert name == JOINED[columns]
    assert figures.accuracy.value == pytest.approx(sum(RIGHT) / N)


def test_an_age_is_predicted_where_nothing_else_is(tmp_path: Path) -> None:
    for columns in ("label=ages age=ages_guessed", "label=ages age=ages_guessed prob=p1"):
        [(name, figures)] = table_report(
            import_predictions(table(tmp_path, columns)).table
        ).tasks.items()
        assert (name, figures.mae.value) == ("age", pytest.approx(0.5))
    with pytest.raises(DataError, match="a truth and a prediction"):
        import_predictions(table(tmp_path, f"prediction=code_guesses {CODE_P} age=ages"))


def test_codes_of_emotions_are_named_beside_names(tmp_path: Path) -> None:
    """A bare `emotion` says nothing of codes: the labels may be of something else."""
    path = table(tmp_path, "label=codes emotion=emotion_guesses scores=lists")
    options = ImportOptions(labels={"": FERPLUS8.labels[:2]})
    imported = import_predictions(path, options)
    assert imported.table["emotion_true"].to_pylist() == named(TRUE, *FERPLUS8.labels[:2])


def test_y_is_the_truth_of_a_regression_on_x(tmp_path: Path) -> None:
    path = table(tmp_path, "x=places y=ages y_pred=ages_guessed")
    assert [t.is_regression for t in tasks_of(import_predictions(path).table).values()] == [True]
    with pytest.raises(DataError, match="a truth and a prediction"):
        import_predictions(table(tmp_path, "image=files x=places y=places prediction=pet_guesses"))
