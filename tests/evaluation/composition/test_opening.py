"""What `--dataset` can name, and that counts from tables of predictions agree."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.studio.settings import SAMPLE_DATASETS, SAMPLE_FINDINGS
from core.errors import DataError, UserError
from evaluation.__main__ import main
from evaluation.composition import of_store
from evaluation.composition.classes import class_counts
from evaluation.composition.copies import checks_of_samples, copies_in
from evaluation.composition.listing import NO_SPLIT, coded, column_title
from evaluation.composition.opening import is_adapter, of_table, open_listing
from evaluation.predictions import table
from evaluation.quality.repair.review import read_findings
from evaluation.store import Store, Where
from tests.evaluation.quality import repairs


def test_a_repaired_data_set_and_its_adapter_list_the_same_samples(tmp_path: Path) -> None:
    data = repairs.folder(tmp_path / "data")
    words = ["restratify", "--dataset", "image_folder", "--data", str(data), "--no-cache"]
    assert main([*words, "--out", str(tmp_path / "even"), "--shares", "50/50"]) == 0
    before = open_listing(f"image_folder={data}")
    after = open_listing(str(tmp_path / "even"))
    assert after.name == "even" and after.made_by["by"] == "apply"
    assert sorted(before.ids) == sorted(after.ids) and len(before) == 16
    assert before.splits.labels == after.splits.labels == ("train", "val")
    for one in (before, after):
        assert one.classes["emotion"].labels == ("neutral", "happiness")
        files = [one.folders[0] / path for path in one.paths]
        assert all(file.is_file() for file in files)
    moved = tmp_path / "elsewhere"
    data.rename(moved)
    assert len(open_listing(str(tmp_path / "even" / "manifest.parquet"))) == 16, (
        "the pictures need not be there"
    )


def test_any_table_of_labels_is_a_listing(tmp_path: Path) -> None:
    file = tmp_path / "masks.csv"
    file.write_text(
        "image,subset,mask,yaw,visible,photographer,mask_pred\n"
        + "".join(
            f"p{i}.jpg,train,{'worn' if i % 3 else ''},{i / 7},{i % 2},who{i},worn\n"
            for i in range(60)
        )
        + "p0.jpg,val,worn,0,0,who,worn\n"
    )
    one = open_listing(str(file))
    assert len(one) == 60 and one.splits.labels == ("train",), "of one id the first row counts"
    assert set(one.classes) == {"mask", "visible"} and set(one.numbers) == {"yaw"}
    assert one.classes["mask"].labels == ("worn",) and (one.classes["mask"].codes < 0).sum() == 20
    assert one.classes["visible"].labels == ("0", "1")
    assert one.numbers["yaw"][7] == pytest.approx(1) and one.paths[0] == "p0.jpg"


def test_ages_are_numbers_and_groups_classes_in_natural_order() -> None:
    one = of_table(
        pa.table({"age": [3, 40, None], "group_size": ["100 px", "20 px", "20 px"]}), "t"
    )
    assert np.isnan(one.numbers["age"][2]) and one.splits.labels == (NO_SPLIT,)
    assert one.classes["group_size"].labels == ("20 px", "100 px")
    assert column_title("group_size") == "Size" and column_title("age") == "Age, years"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing.parquet", "no such file"),
        ("utkface", "--dataset utkface=DIR"),
        ("utkface=/no/such/folder", "utkface|/no/such/folder"),
    ],
)
def test_what_cannot_be_opened_says_what_to_try(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_listing(text)


def test_tables_without_labels_or_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column of classes or numbers"):
        of_table(pa.table({"id": ["a", "b"], "name": ["x", "y"]}), "t")
    with pytest.raises(DataError, match="got none"):
        of_table(
            pa.table({"id": pa.array([], pa.string()), "emotion": pa.array([], pa.string())}), "t"
        )
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no table PAR1")
    with pytest.raises(DataError):
        open_listing(str(tmp_path / "x.parquet"))


def test_the_shipped_sample_shows_what_dividing_anew_changed() -> None:
    assert not is_adapter(SAMPLE_DATASETS[0])
    before, after = (open_listing(text) for text in SAMPLE_DATASETS)
    findings = read_findings(SAMPLE_FINDINGS)
    assert set(after.ids) < set(before.ids) and after.splits.labels == ("train", "val", "test")
    for check in checks_of_samples(findings):
        old, new = copies_in(before, findings, check), copies_in(after, findings, check)
        assert old.issues == findings.header.checks[check].issues
        assert new.leaking_clusters < 0.05 * old.leaking_clusters
    assert "/" not in findings.header.data + findings.header.root, "no folder of a machine"


@settings(max_examples=12, deadline=None)  # each writes and opens a table
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["train", "val", None]),
            st.sampled_from(["on", "off", "half", None]),
            st.sampled_from([1.5, -20.0, 3.25, None]),
            st.sampled_from(["x", "y", ""]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_the_labels_of_predictions_count_as_those_of_a_listing(rows: list[tuple]) -> None:
    n = len(rows)
    splits, masks, yaws, groups = (list(values) for values in zip(*rows, strict=True))
    masks[0], yaws[0] = "on", 1.5  # a task has a label somewhere
    columns = {
        "sample_id": [f"s{i}" for i in range(n)],
        "split": [split or "test" for split in splits],
        "mask_true": masks,
        "mask_pred": ["on"] * n,
        "yaw_true": pa.array(yaws, pa.float64()),
        "yaw_pred": [0.5] * n,
        "group_place": groups,
    }
    frame = pa.table({**columns, "model": ["a"] * n})
    both = pa.concat_tables([frame, pa.table({**columns, "model": ["b"] * n})])
    with tempfile.TemporaryDirectory() as folder:
        table.write(both, Path(folder) / "t.parquet")
        store = Store.open([Path(folder) / "t.parquet"])
    where = Where(task="mask")
    one = of_table(frame.select(list(columns)), "t")
    assert of_store.split_counts(store, where) == one.splits.sizes()
    columns_of_store = of_store.class_columns(store)
    assert columns_of_store.keys() <= {"mask", "group_place"}
    for name, column in columns_of_store.items():
        counted = of_store.class_counts(store, where, column)
        expected = class_counts(
            coded(frame[f"{name}_true" if name == "mask" else name].to_pylist()), one.splits
        )
        assert set(counted.labels) == set(expected.labels)
        expected = expected.with_labels(counted.labels)
        assert counted.splits == expected.splits
        assert (counted.counts == expected.counts).all()
        assert (counted.unlabelled == expected.unlabelled).all()
    if "yaw" in of_store.number_columns(store):
        values, split_of_value = of_store.numbers(store, where, "yaw_true")
        counted_numbers = pd.Series(values).groupby(
            np.array(split_of_value.labels)[split_of_value.codes]
        )
        expected = pd.Series(one.numbers["yaw"]).groupby(
            np.array(one.splits.labels)[one.splits.codes]
        )
        assert counted_numbers.sum().to_dict() == expected.sum().to_dict()
        assert counted_numbers.count().to_dict() == expected.count().to_dict()
