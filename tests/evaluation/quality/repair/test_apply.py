"""Plans applied: no picture is lost, and the data set itself stays as it was."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import manifest
from core.errors import DataError, UserError
from core.labels import FERPLUS8, GENDER2
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.repair import apply, plan, plan_file
from evaluation.quality.repair.plan import PlanRow
from tests.evaluation.quality import repairs

A, B = FERPLUS8.labels[:2]


def four(data: AuditDataset) -> list[PlanRow]:
    """Drops, moves, relabels and keeps one sample each."""
    ids = data.samples.ids
    return [
        PlanRow(ids[0], "drop"),
        PlanRow(ids[1], "move", "test"),
        PlanRow(ids[2], "relabel", f"emotion={A}"),
        PlanRow(ids[2], "relabel", "age=31"),
        PlanRow(ids[3], "keep"),
    ]


def test_does_what_the_plan_says_and_nothing_else(data: AuditDataset, tmp_path: Path) -> None:
    before, out = repairs.written(data.samples.root), tmp_path / "new" / "out"
    done = apply.apply_plan(four(data), data, out)
    assert (done.kept, done.dropped, done.moved, done.relabelled) == (
        15,
        1,
        1,
        1,
    ) and done.splits == {"test": 1, "train": 6, "val": 8}
    repaired_samples = manifest.load(out, "all")
    dropped, moved, relabelled = data.samples.ids[:3]
    assert (
        repaired_samples.ids == data.samples.ids[1:]
        and repaired_samples.paths == data.samples.paths[1:]
    )
    assert manifest.load(out, "test").ids == (moved,) and dropped not in repaired_samples.ids
    at = repaired_samples.ids.index(relabelled)
    assert (
        repaired_samples.emotion[at] == FERPLUS8.index(A)
        and repaired_samples.age[at] == 31
        and repaired_samples.emotion_votes[at].argmax() == FERPLUS8.index(A)
    )
    rest = [i for i in range(len(repaired_samples)) if i != at]
    assert (repaired_samples.emotion[rest] == data.samples.emotion[1:][rest]).all() and np.isnan(
        repaired_samples.age[rest]
    ).all()
    table, about = manifest.read(out / manifest.FILE)
    assert about.fingerprint == data.fingerprint and about.made_by["dropped"] == 1
    whence = dict(
        zip(
            table["id"].to_pylist(),
            zip(table["provenance"].to_pylist(), table["changed"].to_pylist(), strict=True),
            strict=True,
        )
    )
    assert whence[moved] == (f"image_folder/train/{moved}", "split train to test")
    assert (
        whence[relabelled][1] == f"age nan to 31; emotion {B} to {A}"
        and whence[data.samples.ids[3]][1] is None
    )
    assert repairs.written(data.samples.root) == before


@settings(deadline=None)  # a busy machine is no fault
@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_nothing_is_lost_and_nothing_else_changes(n: int, seed: int) -> None:
    """Any sound plan: what it drops is gone, what it relabels or moves is so, and all else is as it
    was, in the same order.
    """
    rng = np.random.default_rng(seed)
    dataset = repairs.invented(n, seed % 7)
    rows: list[PlanRow] = []
    for i, name in enumerate(dataset.samples.ids):
        kind = rng.integers(0, 6)
        rows += (
            [PlanRow(name, "drop")] if kind == 0 else [PlanRow(name, "keep")] if kind == 1 else []
        )
        rows += [PlanRow(name, "move", ("val", "test")[i % 2])] if kind in (2, 3) else []
        rows += (
            [
                PlanRow(name, "relabel", f"emotion={FERPLUS8.labels[i % 8]}"),
                PlanRow(name, "relabel", f"age={i}"),
            ]
            if kind in (3, 4)
            else []
        )
    rng.shuffle(rows)
    by = {name: [r for r in rows if r.sample_id == name] for name in dataset.samples.ids}
    repaired = apply.repair_samples(plan.check_rows(rows, dataset), dataset.samples, dataset.split)
    repaired_samples, split, changed = repaired.samples, repaired.split, repaired.changes
    assert repaired_samples.ids == tuple(
        i for i in dataset.samples.ids if all(r.action != "drop" for r in by[i])
    )
    before = {name: i for i, name in enumerate(dataset.samples.ids)}
    for k, name in enumerate(repaired_samples.ids):
        i, values = before[name], {r.task or r.action: r.value for r in by[name]}
        assert split[k] == values.get("move", "train")
        assert repaired_samples.age[k] == (
            float(values["age"][4:]) if "age" in values else dataset.samples.age[i]
        )
        wanted = (
            FERPLUS8.labels.index(values["emotion"][8:])
            if "emotion" in values
            else dataset.samples.emotion[i]
        )
        assert (
            repaired_samples.emotion[k] == repaired_samples.emotion_votes[k].argmax() == wanted
            and repaired_samples.emotion_votes[k].sum() == 1
        )
        assert repaired_samples.gender[k] == dataset.samples.gender[i]
        assert (name in changed) == bool(values.keys() - {"keep"})


@pytest.mark.parametrize("mode", ["manifest", "link", "copy"])
def test_twice_gives_the_same_bytes(
    data: AuditDataset, tmp_path: Path, mode: apply.ImagePlacement
) -> None:
    before = repairs.written(data.samples.root)
    for out in ("a", "b", "a"):
        apply.apply_plan(four(data), data, tmp_path / out, mode)
    a, b = (repairs.written(tmp_path / out) for out in ("a", "b"))
    assert (
        {k: v[0] for k, v in a.items()} == {k: v[0] for k, v in b.items()}
        and "manifest.parquet" in a
        and "plan.csv" in a
    )
    assert len(a) == (2 if mode == "manifest" else 17)
    assert repairs.written(data.samples.root) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "data"]
    with pytest.raises(DataError, match="with another one"):
        apply.apply_plan([], data, tmp_path / "a", mode)
    assert repairs.written(tmp_path / "a") == a
    again = plan_file.read_plan(tmp_path / "a" / "plan.csv", data)
    assert {r.fingerprint for r in again} == {data.fingerprint} and len(again) == 5


@pytest.mark.parametrize("mode", ["link", "copy"])
def test_a_tree_can_be_moved(
    data: AuditDataset, tmp_path: Path, mode: apply.ImagePlacement
) -> None:
    apply.apply_plan(four(data), data, tmp_path / "out", mode)
    linked = tmp_path / "out" / "files" / data.samples.ids[1]
    assert linked.samefile(data.samples.paths[1]) == (mode == "link")
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    repaired_samples = manifest.load(tmp_path / "elsewhere" / "manifest.parquet", "train")
    assert (
        all(
            p.is_relative_to(tmp_path / "elsewhere") and p.is_file() for p in repaired_samples.paths
        )
        and len(repaired_samples) == 6
    )


def test_a_manifest_is_repaired_again_and_keeps_where_things_came_from(
    data: AuditDataset, tmp_path: Path
) -> None:
    from evaluation.quality import open_dataset

    first, second = data.samples.ids[1], data.samples.ids[4]
    apply.apply_plan(
        [PlanRow(first, "move", "test"), PlanRow(second, "relabel", f"gender={GENDER2.labels[0]}")],
        data,
        tmp_path / "a",
    )
    opened = open_dataset("manifest", tmp_path / "a", cache=None)
    apply.apply_plan(
        [PlanRow(second, "relabel", "age=5")], opened, tmp_path / "b", data=tmp_path / "a"
    )
    rows = {r["id"]: r for r in pq.read_table(tmp_path / "b" / "manifest.parquet").to_pylist()}
    assert (
        rows[first]["provenance"] == f"image_folder/train/{first}"
        and rows[first]["split"] == "test"
    )
    assert rows[first]["changed"] == "split train to test"
    assert rows[second]["changed"] == f"gender none to {GENDER2.labels[0]}; age nan to 5"


def test_what_is_refused(data: AuditDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(DataError, match="this data"):
        apply.apply_plan([PlanRow(data.samples.ids[0], "drop", fingerprint="1" * 64)], data, out)
    with pytest.raises(DataError, match="drops all"):
        apply.apply_plan([PlanRow(i, "drop") for i in data.samples.ids], data, out)
    with pytest.raises(UserError, match="mode"):
        apply.apply_plan([], data, out, "move")
    for inside in (
        data.samples.root,
        data.samples.root / "train" / "new",
        data.samples.root / "x" / ".." / "y",
    ):
        with pytest.raises(DataError, match="outside of the data"):
            apply.apply_plan([], data, inside)
    (tmp_path / "link").symlink_to(data.samples.root)
    with pytest.raises(DataError, match="outside of the data"):
        apply.apply_plan([], data, tmp_path / "link" / "new")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "mine", tmp_path / "file"):
        with pytest.raises(DataError, match="holds something else"):
            apply.apply_plan([], data, place)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "file", "link", "mine"]


def test_odd_names_and_loops(data: AuditDataset, tmp_path: Path) -> None:
    root = data.samples.root
    source = root / "train" / A / f"{A}-0.png"
    (root / "train" / A / "new\nline.png").write_bytes(source.read_bytes() + b"1")
    (root / "train" / A / "loop.png").symlink_to("loop.png")
    (root / "train" / A / "circle").symlink_to(root / "train" / A, target_is_directory=True)
    with open(os.fsencode(root / "train" / A) + b"/\xff\xe4.png", "wb") as file:
        file.write(source.read_bytes() + b"2")
    odd = repairs.open_folder(root)
    named = {p.file.rsplit("/", 1)[-1]: p.reason for _, p in odd.problems}
    assert "not UTF-8" in named["\\udcff\\udce4.png"] and "loop.png" in named
    apply.apply_plan([], odd, tmp_path / "out", "copy")
    repaired_samples = manifest.load(tmp_path / "out", "train")
    assert (
        f"train/{A}/new\nline.png" in repaired_samples.ids
        and len(repaired_samples) == 9
        and all(p.is_file() for p in repaired_samples.paths)
    )
    source.unlink()
    source.symlink_to(source.name)
    with pytest.raises(DataError, match=r"Expected a picture at .*drop it in the plan"):
        apply.apply_plan([], odd, tmp_path / "other", "link")
    assert not (tmp_path / "other").exists()


def test_a_link_to_another_disk_suggests_a_copy(
    data: AuditDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(DataError, match="try --files copy"):
        apply.apply_plan([], data, tmp_path / "out", "link")


def test_pictures_that_moved_away_are_told(data: AuditDataset, tmp_path: Path) -> None:
    apply.apply_plan([], data, tmp_path / "out")
    time.sleep(0.01)
    data.samples.root.rename(tmp_path / "gone")
    with pytest.raises(DataError, match=r"Expected the pictures of .*--files copy"):
        manifest.load(tmp_path / "out", "train")
