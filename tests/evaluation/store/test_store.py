"""The studio's data layer: the library's own figures from counts, exact conditions, tables of any
size, and every refusal with its row.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest

from core.data.base import table_size
from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from evaluation.analysis import store_confidence, store_pairs, table_pairs
from evaluation.analysis.store_summary import summary
from evaluation.analysis.summary import table_report
from evaluation.metrics import classification
from evaluation.predictions import arrays, table
from evaluation.predictions.importing import containers
from evaluation.predictions.schema import P_COLUMNS, P_EMOTION, P_GENDER
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
    assert store.counts(["model", "split"], Where(right=True, task="gender"))[0][:2] == (
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
        Where(right=False): has_label & (text["emotion_true"] != text["emotion_pred"]),
        Where(confidence=(0.6, 0.8)): (top >= 0.6) & (top <= 0.8),
        Where().group("age_decade", "20-29"): (age >= 20) & (age < 30),
        Where(task="age", right=True): near,
        Where(task="gender", right=True): (gender == np.where(female, *GENDER2.labels)),
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


def bad(change) -> pa.Table:
    return change({n: predictions(300)[n].to_pylist() for n in predictions(300).column_names})


def with_value(column: str, row: int, value: object):
    def change(columns: dict) -> pa.Table:
        columns[column][row] = value
        return pa.table(columns)

    return change


BAD = {
    "unknown label": (
        with_value("emotion_true", 250, "joyful"),
        ["`emotion_true`", "'joyful'", "row 251"],
    ),
    "HTML": (
        with_value("emotion_true", 250, "<img src=x onerror=alert(1)>"),
        ["`emotion_true`", "row 251"],
    ),
    "sum": (with_value(P_EMOTION + FIRST, 201, 0.99), ["emotion_p_", "sum to 1", "row 202"]),
    "range": (with_value(P_GENDER, 260, 3.5), [P_GENDER, "[0, 1]", "3.5", "row 261", "softmax"]),
    "age": (with_value("age_true", 299, 300.0), ["`age_true`", "300", "row 300"]),
    "twice": (with_value("sample_id", 280, "s00011"), ["sample_id", "'s00011'", "rows [12, 281]"]),
    "long": (
        with_value("group_race", 222, "x" * 5000),
        ["`group_race`", "1000 characters", "row 223"],
    ),
    "no truth": (
        lambda c: pa.table(c).select(["sample_id", "emotion_pred"]),
        ["emotion_true", "--map"],
    ),
    "empty": (lambda c: pa.table(c).slice(0, 0), ["no row"]),
    "group name": (
        lambda c: pa.table({**c, "group_a b; --": c["sample_id"]}),
        ["group_a b; --", "rename"],
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_bad_tables_are_refused_with_column_row_and_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, form: str
) -> None:
    monkeypatch.setattr(files, "PART_ROWS", 100)
    change, words = BAD[name]
    path = tmp_path / f"bad.{form}"
    all_rows = bad(change).drop_columns(
        [c for c in ("emotion_votes",) if c in bad(change).column_names]
    )
    pq.write_table(all_rows, path) if form == "parquet" else pcsv.write_csv(all_rows, path)
    with pytest.raises(DataError) as error:
        Store.open([path])
    for word in words:
        assert word in str(error.value), str(error.value)


def test_files_that_are_no_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "c.csv").write_bytes(b"")
    for name in ("a.parquet", "b.csv", "c.csv", "none.parquet", "."):
        with pytest.raises(DataError, match="Expected"):
            Store.open([tmp_path / name])
    with pytest.raises(DataError, match="at least one"):
        Store.open([])
    table.write(predictions(50), tmp_path / "t.parquet")
    monkeypatch.setattr(files, "MAX_ROWS", 40)
    with pytest.raises(DataError, match="at most 40 rows"):
        Store.open([tmp_path / "t.parquet"])
    table.write(predictions(50), tmp_path / "t.csv")
    monkeypatch.setattr(containers, "MAX_BYTES", 1000)
    with pytest.raises(DataError, match="try Parquet"):
        Store.open([tmp_path / "t.csv"])


def test_other_names_and_a_model_from_the_files_name(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(
        f"id,label,pred,site\n0001,{FIRST},{FIRST},x\n0002,{SECOND},{FIRST},<b>y</b>\n"
    )
    names = {
        "sample_id": "id",
        "emotion_true": "label",
        "emotion_pred": "pred",
        "group_site": "site",
    }
    store = Store.open([tmp_path / "mine.csv"], names=names)
    assert (
        store.models == ("mine",)
        and store.labels("emotion") == (FIRST, SECOND)
        and store.groups == {"site": ("<b>y</b>", "x")}
    )
    assert store.confusion("emotion", Where()).tolist() == [[1, 0], [1, 0]]
    assert "emotion_conf" not in store.columns and store.confusion(
        "emotion", Where(), uncertain=0.5
    ).tolist() == [[1, 0, 0], [1, 0, 0]]
    assert [r["sample_id"] for r in store.samples(Where(confidence=(0, 1))).to_pylist()] == []
    for wrong, words in (({"emotion_true": "lable"}, "label"), ({"nonsense": "label"}, "contract")):
        with pytest.raises(DataError, match=words):
            Store.open([tmp_path / "mine.csv"], names={**names, **wrong})


def test_two_files_of_one_models_name(tmp_path: Path) -> None:
    for name, seed in (("old", 0), ("new", 1)):
        table.write(predictions(30, "m", seed=seed), tmp_path / f"{name}.parquet")
    store = Store.open([tmp_path / "old.parquet", tmp_path / "new.parquet"])
    assert store.models == ("m", "m (new)") and any("share samples" in n for n in store.notes)
    assert store.count(Where(models=("m (new)",))) == 30
    part = predictions(30).set_column(1, "dataset", pa.array(["elsewhere"] * 30))
    table.write(part, tmp_path / "other.parquet")
    both = Store.open([tmp_path / "old.parquet", tmp_path / "other.parquet"])
    assert both.models == ("m",) and both.datasets == ("elsewhere", "made"), (
        "another data set is no other model"
    )


@pytest.mark.parametrize("order", [("full", "bare"), ("bare", "full")])
def test_a_table_without_a_data_set_is_matched_by_its_samples(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    a, b = predictions(100, "a"), predictions(100, "b").drop_columns(["dataset"])
    b = b.set_column(0, "sample_id", pa.array([*b["sample_id"].to_pylist()[:99], "of no other"]))
    table.write(a, tmp_path / "full.parquet")
    table.write(b, tmp_path / "bare.parquet")
    store = Store.open([tmp_path / f"{name}.parquet" for name in order])
    comparison, other = (
        store_pairs.compare(store, "emotion", "a", "b", Where()),
        table_pairs.compare(a, b).emotion,
    )
    assert (
        comparison is not None
        and other is not None
        and (comparison.n, comparison.only_a, comparison.only_b) == (other.n, 1, 1) == (99, 1, 1)
    )
    assert comparison.accuracy.difference.value == pytest.approx(
        other.accuracy.difference.value, abs=1e-12
    )
    assert store.datasets == ("made",)
    assert [n[:8] for n in store.notes] == ["99 rows ", "Several "]  # splits, taken together
    assert (
        len(store.sample("s00003", "made")) == 2 and store.sample("of no other")[0]["dataset"] == ""
    )
    rows = store.samples(Where(models=("b",)), limit=200)
    assert rows["sample_id"].to_pylist() == b["sample_id"].to_pylist(), "rows keep their places"

    table.write(
        b.set_column(b.column_names.index("model"), "model", a["model"]), tmp_path / "bare.parquet"
    )
    store = Store.open([tmp_path / f"{name}.parquet" for name in order])
    assert store.models == ("a", f"a ({order[1]})") and [
        store.count(Where(models=(m,))) for m in store.models
    ] == [100, 100]


def test_samples_of_several_data_sets_are_left_unmatched_in_words(tmp_path: Path) -> None:
    def named(model: str, rows: int, *names: str) -> pa.Table:
        return predictions(rows, model).set_column(
            1, "dataset", pa.array(np.repeat(names, rows // len(names)))
        )

    table.write(named("a", 100, "x", "y"), tmp_path / "a.parquet")
    table.write(named("c", 10, "z"), tmp_path / "c.parquet")
    table.write(predictions(100, "b").drop_columns(["dataset"]), tmp_path / "b.parquet")
    store = Store.open([tmp_path / f"{name}.parquet" for name in "abc"])
    comparison = store_pairs.compare(store, "emotion", "a", "b", Where())
    assert comparison is not None and (comparison.n, comparison.only_a, comparison.only_b) == (
        90,
        10,
        10,
    )
    assert store_pairs.compare(store, "emotion", "b", "c", Where()) is None
    assert [store.count(Where(models=("b",), datasets=(name,))) for name in "xyz"] == [40, 50, 0]
    assert (
        len(store.notes) == 3
        and store.notes[1].startswith("10 rows")
        and "`dataset`" in store.notes[1]
    )


def test_a_small_file_that_unpacks_to_much_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, n = tmp_path / "t.parquet", len(FERPLUS8)
    some = {
        "sample_id": ["1", "2"],
        "emotion_true": [FIRST, FIRST],
        "emotion_pred": [FIRST, SECOND],
    }
    long: dict[str, list] = {
        "path": ["x" * 400_000, "y"],
        "emotion_votes": [[0.0] * 200_000, [0.0] * n],
    }
    monkeypatch.setattr(files, "_decoded_slices", lambda *_: pytest.fail("it was read"))
    for name, values in long.items():
        pq.write_table(pa.table({**some, name: values}), path, compression="zstd")
        assert path.stat().st_size < 10_000
        with pytest.raises(DataError, match=r"rows of at most 128 kB.*t\.parquet"):
            Store.open([path])
    table.write(predictions(1000), path)
    monkeypatch.setattr(table_size, "SMALL_UNPACKED_BYTES", 10_000)
    monkeypatch.setattr(table_size, "MAX_COMPRESSION", 0.1)
    with pytest.raises(DataError, match=r"GB of table.*rows"):
        Store.open([path])
    pq.write_table(
        pa.table({**some, "notes of others": ["x" * 400_000, "y"]}), path, compression="zstd"
    )
    monkeypatch.undo()
    assert Store.open([path]).rows == 2, "columns that are not read may hold anything"


def test_a_text_that_repeats_is_not_written_out_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, n = tmp_path / "t.parquet", 2000
    group = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), ["x" * 20_000])
    pq.write_table(
        pa.table({"sample_id": [f"{i}" for i in range(n)], "group_a": group}),
        path,
        store_schema=False,
    )
    monkeypatch.setattr(files, "PART_BYTES", 2**20)
    parts = list(files.parts(path, {"sample_id", "group_a"}))
    assert sum(len(p) for p in parts) == n and max(p.nbytes for p in parts) <= 2**20 + 2**17
    assert [v for p in parts for v in p["sample_id"].to_pylist()] == [f"{i}" for i in range(n)]
    assert {p["group_a"].type for p in parts} == {pa.string()}
    monkeypatch.setattr(files, "MAX_ROW_BYTES", 10_000)
    with pytest.raises(DataError, match="rows of at most"):
        list(files.parts(path, {"group_a"}))
