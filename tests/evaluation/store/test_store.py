"""The studio's data layer: the library's own figures from counts, exact conditions, tables of any
size, and every refusal with its row.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from evaluation.analysis import store_confidence
from evaluation.analysis.store_summary import summary
from evaluation.analysis.summary import table_report
from evaluation.metrics import classification
from evaluation.predictions import arrays, table
from evaluation.predictions.schema import P_COLUMNS, P_GENDER
from evaluation.store import Store, Where, files
from tests.apps.studio.conftest import predictions
from tests.evaluation import references

FIRST, SECOND, THIRD = FERPLUS8.labels[:3]


@pytest.fixture(scope="module")
def rows_and_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, Store]:
    """A conforming table of two models with missing values, and the store that opened it."""
    rng = np.random.default_rng(3)
    all_rows = pa.concat_tables([predictions(600, "a"), predictions(600, "b", seed=5)])
    for name in ("emotion_true", "age_true", "gender_true", "group_race"):
        column = pa.array(
            [
                None if drop else v
                for drop, v in zip(
                    rng.random(len(all_rows)) < 0.1, all_rows[name].to_pylist(), strict=True
                )
            ]
        )
        all_rows = all_rows.set_column(all_rows.column_names.index(name), name, column)
    path = tmp_path_factory.mktemp("store") / "t.parquet"
    table.write(all_rows, path, table.Meta(dataset="made", split="val"))
    return table.read(path), Store.open([path])


def rows_of(all_rows: pa.Table, mask: np.ndarray) -> set[tuple[str, str]]:
    part = all_rows.filter(pa.array(mask))
    return set(zip(part["model"].to_pylist(), part["sample_id"].to_pylist(), strict=True))


def found_by(store: Store, where: Where) -> set[tuple[str, str]]:
    part = store.samples(where, limit=10_000)
    return set(zip(part["model"].to_pylist(), part["sample_id"].to_pylist(), strict=True))


def test_facts(rows_and_store) -> None:
    _, store = rows_and_store
    assert (store.rows, store.models, store.datasets, store.splits) == (
        1200,
        ("a", "b"),
        ("made",),
        ("test", "val"),
    )
    assert store.tasks == ("emotion", "gender", "age")
    assert store.labels("emotion") == FERPLUS8.labels and store.labels("gender") == GENDER2.labels
    assert store.groups["race"] == ("A", "B", "C") and set(store.groups) == {
        "race",
        "age_decade",
        "gender",
    }
    (source,) = store.sources
    assert (source.rows, source.models, source.meta.dataset) == (1200, ("a", "b"), "made")
    assert store.counts(["model", "split"], Where(correct=True, task="gender"))[0][:2] == (
        "a",
        "test",
    )


@pytest.mark.parametrize("model", ["a", "b"])
def test_summary_is_what_the_report_says(rows_and_store, model: str) -> None:
    all_rows, store = rows_and_store
    expected, got = table_report(all_rows, model), summary(store, Where(models=(model,)))
    assert (got.model, got.dataset, got.split, got.rows) == (
        model,
        "made",
        "test, val",
        600,
    )
    for task in ("emotion", "gender"):
        mine, theirs = got.tasks[task], expected.tasks[task]
        for name in ("accuracy", "macro_f1", "balanced_accuracy", "kappa", "ece"):
            one, other = (getattr(side, name).to_dict() for side in (mine, theirs))
            assert one == pytest.approx(other, abs=1e-5), (task, name)
    for name in ("mae", "bias", "rmse", "cs5"):
        one, other = (getattr(side.tasks["age"], name).to_dict() for side in (got, expected))
        assert one == pytest.approx(other, abs=1e-4), name


def test_clusters_widen_the_intervals(tmp_path: Path) -> None:
    part = predictions(400).append_column(
        "group_subject", pa.array([f"p{i // 8}" for i in range(400)])
    )
    same = np.repeat(np.arange(50), 8) % 5 > 0  # whole persons right or wrong
    truth = np.array(part["emotion_pred"].to_pylist(), dtype=object)
    truth[~same] = [FERPLUS8.labels[(FERPLUS8.labels.index(v) + 1) % 8] for v in truth[~same]]
    part = part.set_column(
        part.column_names.index("emotion_true"), "emotion_true", pa.array(truth.tolist())
    )
    table.write(part, tmp_path / "t.parquet")
    store = Store.open([tmp_path / "t.parquet"])
    got, expected = (
        summary(store, Where()).tasks["emotion"].accuracy,
        table_report(table.read(tmp_path / "t.parquet")).emotion.accuracy,
    )
    assert got.value == expected.value == 0.8
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high), abs=0.02)
    assert got.high - got.low > 0.15, "independent samples would give 0.08"
    mine, theirs = (
        summary(store, Where()).tasks["age"].mae,
        table_report(table.read(tmp_path / "t.parquet")).age.mae,
    )
    assert (mine.low, mine.high) == pytest.approx(
        (theirs.low, theirs.high), abs=0.1 * (theirs.high - theirs.low)
    )
    assert "subject" not in store.groups


def test_conditions_choose_exactly_their_rows(rows_and_store) -> None:
    all_rows, store = rows_and_store
    text = {
        n: np.array(all_rows[n].fill_null("").to_pylist())
        for n in ("model", "sample_id", "emotion_true", "emotion_pred", "group_race", "split")
    }
    p = np.stack([all_rows[c].to_numpy() for c in P_COLUMNS], axis=1)
    top = (p / p.sum(axis=1, keepdims=True)).max(axis=1)
    age = all_rows["age_true"].to_numpy()
    near = np.abs(all_rows["age_pred"].to_numpy() - age) <= 5
    female = all_rows[P_GENDER].to_numpy() >= 0.5
    gender = np.array(all_rows["gender_true"].fill_null("").to_pylist())
    has_label = text["emotion_true"] != ""
    cases = {
        Where(): np.ones(1200, bool),
        Where(models=("b",), splits=("val",)): (text["model"] == "b") & (text["split"] == "val"),
        Where().group("race", "A", "C"): np.isin(text["group_race"], ["A", "C"]),
        Where(true=(FIRST,), pred=(SECOND, THIRD)): (text["emotion_true"] == FIRST)
        & np.isin(text["emotion_pred"], [SECOND, THIRD]),
        Where(correct=False): has_label & (text["emotion_true"] != text["emotion_pred"]),
        Where(confidence=(0.6, 0.8)): (top >= 0.6) & (top <= 0.8),
        Where().group("age_decade", "20-29"): (age >= 20) & (age < 30),
        Where(task="age", correct=True): near,
        Where(task="gender", correct=True): (gender == np.where(female, *GENDER2.labels)),
        Where(text="S0001"): np.array([s.startswith("s0001") for s in text["sample_id"]]),
        Where(ids=("s00003", "s00077")): np.isin(text["sample_id"], ["s00003", "s00077"]),
        Where(face=False): ~all_rows["face_found"].to_numpy(zero_copy_only=False),
        Where(models=("nobody",)): np.zeros(1200, bool),
        Where(text="' OR 1=1 --"): np.zeros(1200, bool),
    }
    for where, mask in cases.items():
        assert found_by(store, where) == rows_of(all_rows, mask), where
        assert store.count(where) == mask.sum()
    with pytest.raises(DataError, match="nothing"):
        store.count(Where().group("nothing", "x"))


def test_answers_are_the_librarys(rows_and_store) -> None:
    all_rows, store = rows_and_store
    where = Where(models=("a",)).group("race", "A")
    part = all_rows.filter(
        pa.compute.and_(
            pa.compute.equal(all_rows["model"], "a"), pa.compute.equal(all_rows["group_race"], "A")
        )
    )
    classes = arrays.classes(part, "emotion")
    assert classes is not None and classes.p is not None
    k = len(store.labels("emotion"))
    full = classification.confusion(classes.true, classes.pred, k)
    assert store.confusion("emotion", where).tolist() == full.tolist()
    top = classes.p.max(axis=1)
    sure = store.confusion("emotion", where, uncertain=0.7)
    assert (
        sure[:, k].tolist() == np.bincount(classes.true[top < 0.7], minlength=k).tolist()
        and sure.sum() == full.sum()
    )
    by = store.confusions("emotion", Where(models=("a",)), "race")
    assert by["A"].tolist() == full.tolist() and set(by) == {"", "A", "B", "C"}
    diagram, expected = (
        store_confidence.reliability(store, "emotion", where).diagram,
        references.reliability(top, classes.pred == classes.true),
    )
    assert diagram.count.tolist() == expected.count.tolist()
    assert diagram.accuracy == pytest.approx(
        expected.accuracy, nan_ok=True
    ) and diagram.confidence == pytest.approx(expected.confidence, abs=1e-6, nan_ok=True)


def test_rows_are_paged_and_ordered(rows_and_store) -> None:
    all_rows, store = rows_and_store
    pages = [store.samples(Where(), "-confidence", 500, at) for at in (0, 500, 1000)]
    confidence = np.concatenate([p["emotion_conf"].to_numpy() for p in pages])
    assert len(confidence) == 1200 and (np.diff(confidence) <= 0).all()
    assert len(set(np.concatenate([p["row"].to_numpy() for p in pages]).tolist())) == 1200
    error = store.samples(Where(task="age"), "-error", 5)
    far = np.abs(all_rows["age_pred"].to_numpy() - all_rows["age_true"].to_numpy())
    assert np.abs(error["age_pred"].to_numpy() - error["age_true"].to_numpy()) == pytest.approx(
        np.sort(far[~np.isnan(far)])[::-1][:5]
    )
    one = store.sample("s00007")
    assert [m["model"] for m in one] == ["a", "b"] and sum(
        one[0][c] for c in P_COLUMNS
    ) == pytest.approx(1, abs=1e-5)
    assert (
        store.sample("s00007", "made") == one
        and store.sample("s00007", "other") == []
        and store.sample("'; DROP TABLE t; --") == []
    )
    assert store.samples(Where(), "anything; DROP TABLE t", 3).num_rows == 3


def test_parts_of_a_file_are_one_table(
    rows_and_store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_rows, store = rows_and_store
    monkeypatch.setattr(files, "PART_ROWS", 97)
    table.write(all_rows, tmp_path / "t.parquet")
    again = Store.open([tmp_path / "t.parquet"])
    for task in ("emotion", "gender"):
        assert again.confusion(task, Where()).tolist() == store.confusion(task, Where()).tolist()
    assert again.groups == store.groups and again.rows == 1200
