"""Usual names of columns, tasks of any kind, labels of any form, and what is asked about."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError
from core.labels import FERPLUS8
from evaluation.__main__ import main
from evaluation.analysis.summary import table_report
from evaluation.predictions import read, write
from evaluation.predictions.importing import ImportOptions, import_predictions
from evaluation.predictions.tasks import tasks_of
from evaluation.store import Store

EIGHT = list(FERPLUS8.labels)
THREE = ["cat", "dog", "owl"]


def csv(tmp_path: Path, **columns: list) -> Path:
    pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


PAIRS = [
    ("y_true", "y_pred"),
    ("label", "prediction"),
    ("actual", "predicted"),
    ("ground_truth", "predictions"),
    ("target", "output"),
    ("ground_truth.label", "predictions.label"),
    ("truth", "guess"),
    ("references", "predictions"),
    ("True Label", "Predicted Label"),
]


@pytest.mark.parametrize(("true", "pred"), PAIRS)
def test_usual_names_are_recognised(true: str, pred: str, tmp_path: Path) -> None:
    path = csv(tmp_path, **{true: THREE * 4, pred: ["cat"] * 12})
    imported = import_predictions(path)
    assert imported.table["label_true"].to_pylist() == THREE * 4
    assert imported.table["sample_id"].to_pylist() == [str(i + 1) for i in range(12)]
    assert any("3 classes: cat, dog, owl" in note for note in imported.notes)
    happy = csv(tmp_path, **{true: ["happy", "Sad"], pred: ["happiness", "sadness"]})
    assert import_predictions(happy).table["emotion_true"].to_pylist() == ["happiness", "sadness"]


FILES = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
MODELS = ["m", "m", "n", "n"]
NAMING = {
    "files": ({"filename": FILES}, "filename", "filename"),
    "an id beside files": ({"filename": FILES, "id": [1, 2, 3, 4]}, "id", "filename"),
    "the number of a face": ({"id": [0, 0, 0, 0], "image": FILES}, "image", "image"),
    "two models": ({"image": [*FILES[:2]] * 2, "model": MODELS}, "image", "image"),
    "a row's own key": (
        {"image": [*FILES[:2]] * 2, "uuid": list("wxyz"), "model": MODELS},
        "image",
        "image",
    ),
    "no files": ({"id": [1, 2, 3, 4], "image": list("wxyz")}, "id", None),
    "empty": ({"id": [1, 2, 3, 4], "image": [None] * 4}, "id", None),
}


@pytest.mark.parametrize("case", NAMING)
def test_samples_are_named_by_what_tells_them_apart(case: str, tmp_path: Path) -> None:
    columns, ids, files = NAMING[case]
    imported = import_predictions(
        csv(tmp_path, **columns, y_true=[*THREE, "cat"], y_pred=THREE[:1] * 4)
    )
    table = imported.table
    assert table["sample_id"].to_pylist() == [str(v) for v in columns[ids]]
    assert ("path" in table.column_names) == (files is not None)
    if files is not None:
        assert table["path"].to_pylist() == columns[files]
    assert f"`{ids}` names samples" in imported.notes


def test_a_list_of_the_most_probable_classes_is_a_prediction(tmp_path: Path) -> None:
    rows = [
        {"label": true, "prediction": [{"label": a, "score": 0.6}, {"label": b, "score": 0.2}]}
        for true, a, b in (("cat", "cat", "dog"), ("dog", "owl", "dog"), ("owl", "owl", "cat"))
    ]
    (tmp_path / "t.json").write_text(json.dumps(rows))
    imported = import_predictions(tmp_path / "t.json")
    assert imported.table["label_pred"].to_pylist() == ["cat", "owl", "owl"]
    assert not any("_p_" in name for name in imported.table.column_names)
    assert any("most probable classes alone" in note for note in imported.notes)


def scores(n: int, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k)) + 3 * np.eye(k)[true]
    return true, logits


@pytest.mark.parametrize("form", ["prob_{}", "pet_prob_{}", "p_{}", "pet_p_{}", "{}"])
def test_probabilities_by_label(form: str, tmp_path: Path) -> None:
    true, logits = scores(60, 3)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    name = "pet_true" if form.startswith("pet") else "label"
    columns = {form.format(label): p[:, i].tolist() for i, label in enumerate(THREE)}
    path = csv(tmp_path, **{name: [THREE[i] for i in true], **columns})
    report = table_report(read(path))
    [(task, figures)] = report.tasks.items()
    assert task == ("pet" if form.startswith("pet") else "label")
    assert figures.labels == THREE
    assert figures.accuracy.value == pytest.approx((p.argmax(axis=1) == true).mean())


@pytest.mark.parametrize("label", ["x_y", "x_p_y", "no_label", "score_1", "a_prob_b", "p_true"])
@pytest.mark.parametrize("names", ["y_true y_pred prob_", "mask_true mask_pred mask_p_"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_labels_may_look_like_names_of_columns(
    label: str, names: str, form: str, tmp_path: Path
) -> None:
    true, pred, prefix = names.split()
    rows = pd.DataFrame({true: [label, "b"] * 3, pred: [label, "b", "b"] * 2})
    rows[f"{prefix}{label}"] = np.where(rows[pred] == label, 0.7, 0.3)
    rows[f"{prefix}b"] = 1 - rows[f"{prefix}{label}"]
    path = tmp_path / f"t.{form}"
    rows.to_csv(path, index=False) if form == "csv" else rows.to_parquet(path)
    imported = import_predictions(path).table
    [(task, space)] = tasks_of(imported).items()
    assert set(space.labels) == {label, "b"}
    assert imported[f"{task}_p_{label}"].to_pylist() == pytest.approx([0.7, 0.3, 0.3] * 2)


def test_logits_and_percent_are_asked_about(tmp_path: Path) -> None:
    true, logits = scores(60, 3)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for values, option in ((logits, "softmax"), (100 * p, "percent")):
        columns = {f"prob_{label}": values[:, i].tolist() for i, label in enumerate(THREE)}
        path = csv(tmp_path, label=[THREE[i] for i in true], **columns)
        with pytest.raises(DataError, match=f"add --{option}"):
            read(path)
        table = read(path, options=ImportOptions(**{option: True}))
        imported_p = np.stack([table[f"label_p_{label}"].to_numpy() for label in THREE], axis=1)
        np.testing.assert_allclose(imported_p, p, atol=1e-6)


def test_another_order_of_the_classes_is_warned_of(tmp_path: Path) -> None:
    true, logits = scores(90, 3)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    columns = {f"prob_{label}": p[:, i].tolist() for i, label in enumerate([*THREE[1:], "cat"])}
    truth = [THREE[i] for i in true]
    path = csv(tmp_path, label=truth, prediction=[THREE[i] for i in p.argmax(axis=1)], **columns)
    [warning] = import_predictions(path).warnings
    assert "in 90 of 90 rows" in warning
    [warning] = import_predictions(csv(tmp_path, label=truth, **columns)).warnings
    assert "another order" in warning
    assert any("another order" in note for note in Store.open([path]).notes)


def test_a_list_column_needs_the_order_of_the_classes(tmp_path: Path) -> None:
    true, logits = scores(30, 3)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = {"image": [f"{i}.png" for i in range(30)], "label": [THREE[i] for i in true]}
    pd.DataFrame(rows | {"probs": p.tolist()}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="--labels"):
        read(tmp_path / "t.parquet")
    table = read(tmp_path / "t.parquet", options=ImportOptions(labels={"": tuple(THREE)}))
    np.testing.assert_allclose(table["label_p_dog"].to_numpy(), p[:, 1], atol=1e-6)
    assert table["path"][0].as_py() == "0.png"


def test_codes_booleans_and_numbers(tmp_path: Path) -> None:
    codes = csv(tmp_path, y_true=[0, 10, 2, 1], y_pred=[0, 10, 1, 1])
    assert tasks_of(read(codes))["label"].labels == ("0", "1", "2", "10")
    named = ImportOptions(labels={"": tuple(EIGHT)})
    codes = csv(tmp_path, y_true=[0, 7, 2, 1], y_pred=[0, 7, 1, 1])
    assert read(codes, options=named)["emotion_true"].to_pylist()[1] == "contempt"
    booleans = csv(tmp_path, mask_true=[True, False], mask_pred=[True, True])
    assert tasks_of(read(booleans))["mask"].labels == ("false", "true")
    numbers = csv(tmp_path, yaw_true=[1.5, -20.25], yaw_pred=[1.0, -19.0])
    task = tasks_of(read(numbers, options=ImportOptions(units={"yaw": "degrees"})))["yaw"]
    assert task.is_regression and task.unit == "degrees"
    many = csv(tmp_path, y_true=list(range(1001)), y_pred=[0] * 1001)
    with pytest.raises(DataError, match="--regression"):
        read(many)


@pytest.mark.parametrize("k", [3, 300])
def test_numpy_and_the_store_agree_on_any_labels(k: int, tmp_path: Path) -> None:
    true, logits = scores(1200, k)
    names = [f"class {i:03} é" for i in range(k)]
    columns = {"c_true": [names[i] for i in true], "c_pred": [names[i] for i in logits.argmax(1)]}
    path = csv(tmp_path, **columns)
    store, table = Store.open([path]), read(path)
    report = table_report(table).tasks["c"]
    labels = [label for label in names if label in {*columns["c_true"], *columns["c_pred"]}]
    assert list(store.labels("c")) == report.labels == labels
    from evaluation.store import Where

    assert store.confusion("c", Where(task="c")).tolist() == report.confusion
    write(table, tmp_path / "again.parquet")
    assert Store.open([tmp_path / "again.parquet"]).labels("c") == store.labels("c")


def test_splits_are_reported_each_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = csv(tmp_path, y_true=THREE * 20, y_pred=THREE * 20, split=["train"] * 45 + ["val"] * 15)
    for command in (["report"], ["slices"]):
        assert main([*command, str(path), "--json"]) == 0
        result = capsys.readouterr()
        assert list(json.loads(result.out)["splits"]) == ["train", "val"]
        assert "each by itself" in result.err
    assert main(["compare", str(path), str(path), "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["splits"]) == ["train", "val"]
    assert main(["report", str(path), "--split", "val", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 15
    assert main(["report", str(path), "--split", "test"]) == 2


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_a_score_without_any_value_is_told(fmt: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"y_true": [0, 1, 0, 1], "y_score": [np.nan] * 4})
    path = tmp_path / f"t.{fmt}"
    frame.to_csv(path, index=False) if fmt == "csv" else frame.to_parquet(path)
    with pytest.raises(DataError, match="no value in any row"):
        import_predictions(path)
