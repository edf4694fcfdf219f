"""Nothing of a table vanishes without a word: classes, groups, truths, probabilities."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from core.errors import DataError
from evaluation.analysis.summary import table_report
from evaluation.predictions import read, write
from evaluation.predictions.importing import ImportOptions, import_predictions

MASKS = ["None", "cloth", "surgical"] * 4


def csv(tmp_path: Path, **columns: list) -> Path:
    pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


@pytest.mark.parametrize("word", ["None", "NA", "N/A", "n/a"])
@pytest.mark.parametrize("by", ["prediction", "probabilities", "labels"])
def test_a_class_may_be_called_none(word: str, by: str, tmp_path: Path) -> None:
    true = [word if mask == "None" else mask for mask in MASKS]
    columns: dict[str, list] = {"mask_true": true, "group_region": ["NA", "EU"] * 6}
    options = ImportOptions()
    if by == "prediction":
        columns["mask_pred"] = true[::-1]
    elif by == "probabilities":
        columns |= {f"mask_p_{label}": [1 / 3] * 12 for label in true[:3]}
    else:
        columns["mask_pred"] = ["cloth"] * 12
        options = ImportOptions(labels={"": tuple(true[:3])})
    imported = import_predictions(csv(tmp_path, **columns), options)
    assert imported.table["mask_true"].to_pylist() == true
    assert imported.table["group_region"].to_pylist() == ["NA", "EU"] * 6
    assert not any("missing" in note for note in imported.notes)
    assert table_report(imported.table).tasks["mask"].n == 12


@pytest.mark.parametrize(
    ("true", "pred"),
    [
        (["None", "cloth", "surgical"], ["cloth", "cloth", "surgical"]),
        (["cloth", "cloth", "surgical"], ["None", "cloth", "surgical"]),
        (["None", "happy", "sad"], ["None", "happy", "sad"]),
    ],
    ids=["never predicted", "never true", "emotions"],
)
def test_a_missing_label_is_counted_in_words(
    true: list[str], pred: list[str], tmp_path: Path
) -> None:
    names = ("emotion_true", "emotion_pred") if "happy" in true else ("mask_true", "mask_pred")
    columns = dict(zip(names, (true * 4, pred * 4), strict=True))
    imported = import_predictions(csv(tmp_path, sample_id=list(range(12)), **columns))
    for name, values in columns.items():
        rows = values.count("None")
        assert imported.table[name].null_count == rows
        is_counted = f"`None` in `{name}` is a missing value in {rows} rows" in " ".join(
            imported.notes
        )
        assert is_counted == bool(rows)


def test_missing_numbers_names_and_mapped_groups(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        age_true=["NA", 20, 30],
        age_pred=[21, 20, "None"],
        group_fold=["NA", 1, 2],
        place=["NA", "EU", "EU"],
        camera=["None", "a", "b"],
    )
    table = import_predictions(path, ImportOptions({"group_region": "place"})).table
    assert table["age_true"].to_pylist() == [None, 20, 30]
    assert table["age_pred"].to_pylist() == [21, 20, None]
    assert table["group_fold"].to_pylist() == [None, "1", "2"]
    assert table["group_region"].to_pylist() == ["NA", "EU", "EU"]
    assert table["camera"].to_pylist() == [None, "a", "b"]


def test_a_truth_or_a_prediction_alone_is_kept_in_every_format(tmp_path: Path) -> None:
    rows = {
        "sample_id": ["a", "b", "c", "d"],
        "mask_true": ["on", "off"] * 2,
        "mask_pred": ["on"] * 4,
        "gender_true": ["female", "male"] * 2,
        "age_true": [20.0, 31.0, 42.5, None],
        "emotion_pred": ["fear", "anger"] * 2,
        "emotion_p_fear": [0.75, 0.25] * 2,
        "emotion_p_anger": [0.25, 0.75] * 2,
    }
    write(rows, tmp_path / "t.parquet")
    table = read(tmp_path / "t.parquet")
    write(table, tmp_path / "t.csv")
    again = read(tmp_path / "t.csv")
    assert again.schema.remove_metadata() == table.schema.remove_metadata()
    assert again.to_pydict() == table.to_pydict()
    assert list(table_report(again).tasks) == ["mask"]


def test_what_does_not_fit_is_left_out_with_a_note(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        sample_id=[1, 2],
        emotion_true=["fear", "anger"],
        emotion_pred=["fear", "fear"],
        gender_true=[0, 1],
        age_true=["young", "old"],
    )
    imported = import_predictions(path)
    assert not {"gender_true", "age_true"} & {*imported.table.column_names}
    assert any("not used: `gender_true`, `age_true`" in note for note in imported.notes)


@pytest.mark.parametrize("score", ["y_prob", "y_score", "probability"])
def test_a_score_beside_predictions_is_listed(score: str, tmp_path: Path) -> None:
    path = csv(tmp_path, y_true=[0, 1], y_pred=[0, 0], **{score: [0.1, 0.4]})
    assert any(f"not used: `{score}`" in note for note in import_predictions(path).notes)


@pytest.mark.parametrize("column", ["group_tags", "sample_id", "split", "model"])
def test_lists_are_no_names_of_groups(column: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"label": ["a", "b"], "prediction": ["a", "a"], "tags": [["x"], ["y"]]})
    for path in (tmp_path / "t.parquet", tmp_path / "t.jsonl"):
        if path.suffix == ".parquet":
            frame.to_parquet(path)
        else:
            frame.assign(tags=[["x", "z"]] * 2).to_json(path, orient="records", lines=True)
        with pytest.raises(DataError, match=f"one value a row in column `{column}`"):
            import_predictions(path, ImportOptions({column: "tags"}))


def test_pixels_name_no_sample(tmp_path: Path) -> None:
    frame = pd.DataFrame({"image": [[0, 1], [1, 0]], "label": ["a", "b"], "prediction": ["a"] * 2})
    frame.to_parquet(tmp_path / "t.parquet")
    assert import_predictions(tmp_path / "t.parquet").table["sample_id"].to_pylist() == ["1", "2"]
