"""Names of models, and samples of several tables that are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from core.errors import DataError
from evaluation.analysis import store_pairs, table_pairs
from evaluation.predictions import table
from evaluation.store import Store, Where
from tests.apps.studio.conftest import predictions
from tests.evaluation.store.test_store import FIRST, SECOND


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
    for wrong, words in (
        ({"emotion_true": "lable"}, "label"),
        ({"nonsense": "label"}, "begin with our name"),
    ):
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
