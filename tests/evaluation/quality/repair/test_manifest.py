"""Manifests: read strictly, and a data set for `predict` and `train`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.data import manifest
from core.errors import DataError
from core.labels import FERPLUS8
from evaluation.quality.repair import apply
from evaluation.quality.repair.plan import PlanRow
from tests.core.data import trees
from tests.evaluation.quality import repairs


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return trees.manifest(tmp_path / "data") / manifest.FILE


def change(file: Path, name: str, row: int, value: Any) -> None:
    table = pq.read_table(file)
    if name not in table.column_names:
        table = table.append_column(name, pa.nulls(len(table), manifest.COLUMNS[name]))
    values = table[name].to_pylist()
    values[row] = value
    column = pa.array(values, table.schema.field(name).type)
    pq.write_table(table.set_column(table.column_names.index(name), name, column), file)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("emotion", "glee", "Expected emotion to be one of .* got 'glee' in row 3"),
        ("gender", "x", "Expected gender .* row 3"),
        ("votes", [0.0] * 8, "Expected votes .* row 3"),
        ("votes", [1.0, -0.5, *[0.0] * 6], "Expected votes .* row 3"),
        ("votes", [float("nan"), *[0.0] * 7], "Expected votes .*nan.* row 3"),
        ("votes", [float("inf"), *[0.0] * 7], "Expected votes .*inf.* row 3"),
        ("votes", [None, *[0.5] * 7], "Expected votes .*None.* row 3"),
        ("age", 117.0, "Expected age .* 117.0 in row 3"),
        ("age", float("nan"), "Expected age .* nan in row 3"),
        ("split", "dev", "Expected split .* 'dev' in row 3"),
        ("split", None, "Expected split .* None in row 3"),
        ("root", "nowhere", "Expected root .* row 3"),
        ("path", "../../etc/passwd", "inside its root, got '../../etc/passwd' in row 3"),
        ("path", "/etc/passwd", "inside its root"),
        ("path", "", "inside its root"),
        ("id", None, "Expected id to be a name"),
        ("id", "pictures/train/0.png", "unique ids"),
    ],
)
def test_a_bad_row_is_named(file: Path, name: str, value: Any, fault: str) -> None:
    change(file, name, 2, value)
    with pytest.raises(DataError, match=fault):
        manifest.load(file, "val")


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda t: t.replace_schema_metadata({}), "got none that can be read"),
        (lambda t: t.replace_schema_metadata({manifest.KEY: b"[]"}), "got none that can be read"),
        (
            lambda t: t.replace_schema_metadata(
                {
                    manifest.KEY: t.schema.metadata[manifest.KEY].replace(
                        b'"version": 1', b'"version": 9'
                    )
                }
            ),
            "version 1, got 9",
        ),
        (lambda t: t.drop_columns(["path"]), "got none for path"),
        (
            lambda t: t.set_column(6, "age", pa.array(["x"] * len(t))),
            "Expected age .* to be float, got string",
        ),
        (lambda t: t.slice(0, 0), "it has no rows"),
    ],
)
def test_what_is_no_manifest(file: Path, spoil: Callable[[pa.Table], pa.Table], fault: str) -> None:
    pq.write_table(spoil(pq.read_table(file)), file)
    with pytest.raises(DataError, match=fault):
        manifest.load(file, "train")


def test_a_file_that_is_no_table_or_not_there(file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="Parquet"):
        manifest.load(file, "train")
    with pytest.raises(DataError, match="got no file"):
        manifest.load(tmp_path / "none.parquet", "train")


def test_a_split_that_is_empty_names_the_others(file: Path) -> None:
    for row in range(16, 24):
        change(file, "split", row, "val")
    with pytest.raises(DataError, match="got none; it has train, val"):
        manifest.load(file, "test")


def test_the_fingerprint_changes_with_labels_and_pictures(file: Path) -> None:
    fingerprints = {manifest.load(file, "train").fingerprint}
    change(file, "emotion", 20, FERPLUS8.labels[0])
    fingerprints.add(manifest.load(file, "train").fingerprint)
    picture = manifest.load(file, "train").paths[0]
    picture.write_bytes(picture.read_bytes() + b"1")
    fingerprints.add(manifest.load(file, "train").fingerprint)
    assert len(fingerprints) == 3


def test_the_real_labels_come_back(data_dir: Path, tmp_path: Path) -> None:
    """FER+'s votes and UTKFace's ages and groups are in the manifest as they are in the data."""
    from evaluation.quality import open_dataset

    for part in ("FER2013Train", "FER2013Valid"):
        (tmp_path / "ferplus" / part).mkdir(parents=True)
        lines = (data_dir / "ferplus" / part / "label.csv").read_text().splitlines()[:40]
        (tmp_path / "ferplus" / part / "label.csv").write_text("\n".join(lines))
        for name in (line.split(",")[0] for line in lines):
            shutil.copy(data_dir / "ferplus" / part / name, tmp_path / "ferplus" / part)
    (tmp_path / "utkface").mkdir()
    for path in sorted((data_dir / "utkface").glob("*.jpg"))[::400]:
        shutil.copy(path, tmp_path / "utkface")
    for name in ("ferplus", "utkface"):
        opened = open_dataset(name, tmp_path / name, cache=None)
        apply.apply_plan([], opened, tmp_path / "made" / name)
        repaired_samples = manifest.load(tmp_path / "made" / name, "all")
        assert (
            len(repaired_samples) > 40
            and repaired_samples.ids == opened.samples.ids
            and repaired_samples.paths == opened.samples.paths
            and repaired_samples.tight == opened.samples.tight
        )
        for column in ("emotion", "emotion_votes", "gender", "age"):
            np.testing.assert_array_equal(
                getattr(repaired_samples, column), getattr(opened.samples, column)
            )
        assert {k: v.tolist() for k, v in repaired_samples.groups.items()} == {
            k: v.tolist() for k, v in opened.samples.groups.items()
        }


def test_ranges_of_ages_come_back_but_for_a_corrected_age(tmp_path: Path) -> None:
    from evaluation.quality import open_dataset

    opened = open_dataset("fairface", trees.fairface(tmp_path / "data"), cache=None)
    unchanged = apply.repair_samples([], opened.samples, opened.split).samples
    assert unchanged.age_bounds.tolist() == opened.samples.age_bounds.tolist()
    corrected = PlanRow(opened.samples.ids[1], "relabel", "age=33", "a test")
    changed = apply.repair_samples([corrected], opened.samples, opened.split).samples
    assert changed.age_bounds[:2].tolist() == [unchanged.age_bounds[0].tolist(), [33, 33]]
    apply.apply_plan([], opened, tmp_path / "made")
    read_again = manifest.load(tmp_path / "made", "all")
    np.testing.assert_array_equal(read_again.age_bounds, opened.samples.age_bounds)
    change(tmp_path / "made" / manifest.FILE, "age_oldest", 2, 117.0)
    with pytest.raises(DataError, match=r"Expected age_oldest .* 117.0 in row 3"):
        manifest.load(tmp_path / "made", "all")


def test_predict_reads_a_manifest(tmp_path: Path, tiny_bundle: Path) -> None:
    from evaluation.__main__ import main

    data = repairs.open_folder(repairs.folder(tmp_path / "data"))
    apply.apply_plan([], data, tmp_path / "fixed")
    table = tmp_path / "T.parquet"
    source = [
        "--dataset",
        "manifest",
        "--data",
        str(tmp_path / "fixed" / "manifest.parquet"),
        "--split",
        "train",
    ]
    assert (
        main(
            ["predict", "--model", str(tiny_bundle), *source, "--out", str(table), "--threads", "1"]
        )
        == 0
    )
    manifest_rows = pq.read_table(table)
    assert manifest_rows["sample_id"].to_pylist() == [
        i for i in data.samples.ids if i.startswith("train")
    ]
    assert set(manifest_rows["emotion_true"].to_pylist()) == set(FERPLUS8.labels[:2])
