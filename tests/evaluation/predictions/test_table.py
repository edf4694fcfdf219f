"""The predictions table: what passes, what comes back, and that every refusal names the column, the
row and the fix.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import DataError
from core.labels import FERPLUS8
from evaluation.predictions import arrays, table
from evaluation.predictions.schema import P_COLUMNS, to_schema
from evaluation.predictions.tasks import task_names

META = table.Meta(
    model="m", card_sha256="c0ffee", fingerprint="f00d", left_out=2, versions={"numpy": "2"}
)


def sample(n: int = 6, seed: int = 0) -> dict[str, list]:
    """Columns of a whole table with missing values in most of them."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(8), n)
    columns: dict[str, list] = {
        "sample_id": [f"{i:04d}" for i in range(n)],
        "dataset": ["d"] * n,
        "split": ["val"] * n,
        "model": ["m"] * n,
        "path": [f"a, b/{i}.png" for i in range(n)],
        "emotion_true": ["happiness", None, "fear", "neutral", "anger", "contempt"][:n],
        "emotion_votes": [
            [0.25, 0.75, 0, 0, 0, 0, 0, 0],
            None,
            *[[1.0, 0, 0, 0, 0, 0, 0, 0]] * (n - 2),
        ],
        "gender_true": ["female", "male", None, "male", "male", "female"][:n],
        "gender_p_female": [0.9, 0.2, 0.5, 0.1, 0.7, None][:n],
        "age_true": [1.0, 30.0, None, 116.0, 8.5, 20.0][:n],
        "age_pred": [2.0, 28.5, 40.0, 90.0, 8.5, 21.0][:n],
        "age_low": [0.0, 20.0, 30.0, 80.0, 6.0, 15.0][:n],
        "age_high": [5.0, 40.0, 50.0, 99.0, 12.0, 30.0][:n],
        "group_race": ["Asian", "White", None, "Black", "Asian", "White"][:n],
        "face_found": [True, False, True, True, None, True][:n],
        "embedding": [[0.5, -1.0]] * n,
        "note": ["mine", "x", "y", "z", None, "w"][:n],
    }
    return columns | {name: p[:, i].tolist() for i, name in enumerate(P_COLUMNS)}


def test_parquet_and_csv_give_back_what_was_written(tmp_path: Path) -> None:
    predictions = to_schema(pa.table(sample()))
    for name in ("t.parquet", "t.csv"):
        table.write(predictions, tmp_path / name, META)
        again = table.read(tmp_path / name)
        assert (
            again.schema.names == predictions.schema.names
            and again.schema.types == predictions.schema.types
        )
        for column in predictions.column_names:
            assert repr(again[column].to_pylist()) == repr(
                predictions[column].to_pylist()
            ) or np.allclose(again[column], predictions[column]), column
        assert table.Meta.of(again) == (META if name == "t.parquet" else table.Meta())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "t.parquet"]


def test_parts_become_one_table_and_meta_may_come_last(tmp_path: Path) -> None:
    predictions = to_schema(pa.table(sample()))
    with table.writer(tmp_path / "t.parquet", META) as out:
        out.write(predictions.slice(0, 2))
        out.write(predictions.slice(2))
        out.meta = table.Meta(left_out=7)
    again = table.read(tmp_path / "t.parquet")
    assert (
        again["sample_id"].to_pylist() == predictions["sample_id"].to_pylist()
        and table.Meta.of(again).left_out == 7
    )
    assert pq.read_metadata(tmp_path / "t.parquet").metadata[table.METADATA_KEY], (
        "other tools see it too"
    )


def test_an_interrupted_write_leaves_the_old_table(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table.write(pa.table(sample()), path, META)
    old = path.read_bytes()
    with pytest.raises(RuntimeError, match="power cut"), table.writer(path, META) as out:
        out.write(pa.table(sample(2)))
        raise RuntimeError("power cut")
    assert path.read_bytes() == old and [p.name for p in tmp_path.iterdir()] == ["t.parquet"]


def test_labels_are_spelled_canonically_and_ids_stay_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("sample_id,label,emotion_pred\n0001,Happy, sad\n0002,,anger\n")
    predictions = table.read(tmp_path / "t.csv", names={"emotion_true": "label"})
    assert predictions["sample_id"].to_pylist() == ["0001", "0002"]
    assert predictions["emotion_true"].to_pylist() == ["happiness", None] and predictions[
        "emotion_pred"
    ].to_pylist() == ["sadness", "anger"]
    assert predictions["model"].to_pylist() == ["t", "t"] and task_names(
        predictions.column_names
    ) == ("emotion",)


def broken(**changes: list) -> dict[str, list]:
    return {k: v for k, v in (sample() | changes).items() if v != "drop"}


BAD = {
    "no id": (broken(sample_id="drop"), ["`sample_id`", "--map sample_id="]),
    "empty id": (broken(sample_id=["a", "", "c", "d", "e", "f"]), ["`sample_id`", "row 2"]),
    "twice": (broken(sample_id=["a", "b", "c", "b", "e", "f"]), ["'b'", "[2, 4]", "drop one"]),
    "label": (
        broken(emotion_true=["fear", None, "faer", None, None, None]),
        ["`emotion_true`", "row 3", "'faer'", "did you mean 'fear'"],
    ),
    "gender": (
        broken(gender_true=["x", None, None, None, None, None]),
        ["`gender_true`", "row 1", "female, male"],
    ),
    "p range": (
        broken(gender_p_female=[0.5, 90.0, 0, 0, 0, 0]),
        ["`gender_p_female`", "row 2", "90", "percents"],
    ),
    "p nan": (
        broken(gender_p_female=[0.5, 0.1, float("nan"), 0, 0, 0]),
        ["`gender_p_female`", "row 3", "nan"],
    ),
    "p sum": (broken(emotion_p_fear=[0.99] * 6), ["sum to 1", "row 1"]),
    "p part": (broken(emotion_p_fear=[None] * 6), ["all filled or all empty", "row 1"]),
    "p label": (broken(emotion_p_bored=[0.0] * 6), ["'emotion_p_bored'", "rename"]),
    "age": (broken(age_true=[1.0, 117.0, 1, 1, 1, 1]), ["`age_true`", "0..116", "117", "row 2"]),
    "age text": (
        broken(age_pred=["1", "2", "thirty", "4", "5", "6"]),
        ["`age_pred`", "'thirty'", "row 3"],
    ),
    "interval": (broken(age_low=[0.0, 20, 60, 80, 6, 15]), ["`age_low`", "`age_high`", "row 3"]),
    "one end": (broken(age_low="drop"), ["`age_low` and `age_high`"]),
    "votes": (
        broken(emotion_votes=[None, [1.0], None, None, None, None]),
        ["`emotion_votes`", "8 shares", "row 2"],
    ),
    "less": (
        broken(emotion_votes=[None, None, [1.0, 0, 0, -0.5, 0, 0, 0, 0.5], None, None, None]),
        ["at least 0", "-0.5", "row 3"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_refused_with_column_row_and_fix(name: str) -> None:
    columns, parts = BAD[name]
    with pytest.raises(DataError) as refusal:
        to_schema(pa.table(columns))
    assert [part for part in parts if part not in str(refusal.value)] == [], str(refusal.value)


def test_files_that_are_no_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        table.read(tmp_path / "none.parquet")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="Expected a Parquet"):
        table.read(tmp_path / "t.parquet")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match="names of columns, got none"):
        table.read(tmp_path / "empty.csv")
    (tmp_path / "lonely.csv").write_text("sample_id,emotion_true\n1,fear\n")
    with pytest.raises(DataError, match="--map emotion_pred=COLUMN"):
        table.read(tmp_path / "lonely.csv")
    with pytest.raises(DataError, match="try 'emotion_true'"):
        table.read(tmp_path / "lonely.csv", names={"emotion_pred": "emotion_tru"})


def test_views_take_the_rows_with_truth_and_prediction() -> None:
    predictions = to_schema(pa.table(sample()))
    emotion = arrays.classes(predictions, "emotion")
    assert (
        emotion is not None and emotion.rows.tolist() == [0, 2, 3, 4, 5] and emotion.p is not None
    )
    assert emotion.labels == FERPLUS8.labels and [emotion.labels[i] for i in emotion.true][:2] == [
        "happiness",
        "fear",
    ]
    assert (emotion.p.argmax(axis=1) == emotion.pred).all() and np.allclose(
        emotion.p.sum(axis=1), 1
    )
    gender = arrays.classes(predictions, "gender")
    assert gender is not None and gender.rows.tolist() == [0, 1, 3, 4]
    assert (gender.true == gender.pred).tolist() == [True, True, True, False]
    ages = arrays.regression(predictions, "age")
    assert ages is not None and ages.rows.tolist() == [0, 1, 3, 4, 5] and ages.low is not None
    group_values = {
        name: [*group.values, ""] for name, group in arrays.coded_groups(predictions).items()
    }
    race, decade = (
        [group_values[name][c] for c in arrays.coded_groups(predictions)[name].codes]
        for name in ("race", "age_decade")
    )
    assert race[:3] == ["Asian", "White", ""] and decade[:4] == ["00-09", "30-39", "", "80+"]


def test_view_of_a_model_without_some_labels() -> None:
    few = {
        "sample_id": ["a", "b"],
        "emotion_true": ["fear", "contempt"],
        "emotion_p_fear": [0.8, 0.4],
        "emotion_p_anger": [0.2, 0.6],
    }
    classes = arrays.classes(to_schema(pa.table(few)), "emotion")
    assert (
        classes is not None
        and set(classes.labels) == {"fear", "anger", "contempt"}
        and classes.p is not None
    )
    assert [classes.labels[i] for i in classes.pred] == ["fear", "anger"] and classes.p[
        :, classes.labels.index("contempt")
    ].tolist() == [0, 0]


def test_a_stated_class_wins_over_the_probabilities() -> None:
    columns = {
        "sample_id": ["a", "b"],
        "emotion_true": ["fear", "fear"],
        "emotion_pred": ["anger", None],
        "emotion_p_fear": [1.0, 1.0],
    }
    classes = arrays.classes(to_schema(pa.table(columns)), "emotion")
    assert classes is not None and [classes.labels[i] for i in classes.pred] == ["anger", "fear"]


def test_one_model_of_several() -> None:
    two = to_schema(
        pa.table(
            {"sample_id": ["a", "a"], "model": ["x", "y"], "age_true": [1, 1], "age_pred": [1, 2]}
        )
    )
    with pytest.raises(DataError, match="--model to be one of x, y"):
        arrays.one_model(two)
    assert arrays.one_model(two, "y")["age_pred"].to_pylist() == [2.0]
