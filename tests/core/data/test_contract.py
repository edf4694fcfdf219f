"""What every data set promises, on a small tree of each; a new file in core/data needs a function
of its name in trees.py.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from core import registry
from core.data import Samples
from core.errors import DataError
from core.labels import AGE_MAX, GENDER2
from tests.core.data import trees

NAMES = registry.names("core.data")


def module(name: str) -> ModuleType:
    return registry.load("core.data", name)


def tree(name: str, root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    return getattr(trees, name)(root)


@pytest.fixture(autouse=True)
def few_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module("synthetic"), "SIZES", {"train": 12, "val": 6, "test": 6})
    monkeypatch.setattr(module("synthetic_noisy"), "WRONG", 0.5)


def loads(name: str, root: Path) -> dict[str, Samples]:
    """Every split that the tree has."""
    splits = {}
    for split in module(name).SPLITS:
        try:
            splits[split] = module(name).load(root, split)
        except DataError as error:
            assert split == "test" and "publishers" in str(error), (name, split, error)
    return splits


@pytest.mark.parametrize("name", NAMES)
def test_splits_are_disjoint_and_make_up_the_whole(name: str, tmp_path: Path) -> None:
    parts = loads(name, tree(name, tmp_path / "data"))
    all_samples = parts.pop("all")
    assert {"train", "val"} <= set(parts)
    ids = [i for part in parts.values() for i in part.ids]
    assert sorted(ids) == sorted(all_samples.ids) and len(set(ids)) == len(ids)
    for split, part in parts.items():
        assert (part.name, part.split) == (name, split) and not part.problems
        assert [
            p == part.root / i and p.is_file() for p, i in zip(part.paths, part.ids, strict=True)
        ] == [True] * len(part)


@pytest.mark.parametrize("name", NAMES)
def test_targets_are_in_range_and_agree(name: str, tmp_path: Path) -> None:
    samples = module(name).load(tree(name, tmp_path / "data"), "all")
    labelled = samples.emotion >= 0
    votes = samples.emotion_votes
    assert votes.dtype == np.float32 and np.isnan(votes[~labelled]).all()
    assert (
        votes[labelled].sum(axis=1) == pytest.approx(1)
        and (votes[labelled].argmax(axis=1) == samples.emotion[labelled]).all()
    )
    assert (
        samples.emotion.dtype == samples.gender.dtype == np.int64
        and samples.age.dtype == np.float32
    )
    assert (
        set(samples.gender.tolist()) <= {-1, *range(len(GENDER2))} and (samples.emotion < 8).all()
    )
    ages = samples.age[~np.isnan(samples.age)]
    assert ((ages >= 0) & (ages <= AGE_MAX)).all()
    assert labelled.any() or (samples.gender >= 0).any() or len(ages)
    origin, tasks = (
        module(name).ORIGIN,
        {"emotion": labelled.any(), "gender": (samples.gender >= 0).any(), "age": len(ages) > 0},
    )
    assert origin.name and origin.licence and module(name).__doc__
    assert {task for task, has_labels in tasks.items() if has_labels} <= set(origin.labels) and set(
        origin.more
    ) <= set(origin.labels)
    assert all(len(set(g.tolist())) > 1 for g in samples.groups.values())


@pytest.mark.parametrize("name", NAMES)
def test_found_in_a_folder_of_all_sets_and_the_same_on_every_machine(
    name: str, tmp_path: Path
) -> None:
    """`--data DIR` may hold the set itself or a folder of its name, however that is spelt."""
    first = module(name).load(tree(name, tmp_path / "a"), "train")
    for place in (Path("b", name), Path("c", name.capitalize().replace("_", "-"))):
        shutil.copytree(tmp_path / "a", tmp_path / place)
        second = module(name).load(tmp_path / place.parent, "train")
        assert second.ids == first.ids and second.fingerprint == first.fingerprint != ""


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_split_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'dev'"):
        module(name).load(tree(name, tmp_path / "data"), "dev")


@pytest.mark.parametrize("name", [n for n in NAMES if not getattr(module(n), "GENERATED", False)])
def test_a_missing_or_empty_folder_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Expected .* at .*try --data"):
        module(name).load(tmp_path / "none", "train")
    (tmp_path / "empty").mkdir()
    for split in module(name).SPLITS:
        with pytest.raises(DataError, match=r"Expected .*try "):
            module(name).load(tmp_path / "empty", split)


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_and_an_empty_picture_are_listed(name: str, tmp_path: Path) -> None:
    root = tree(name, tmp_path / "data")
    before = module(name).load(root, "all")
    damaged, empty = before.paths[1], before.paths[2]
    damaged.write_bytes(b"not a picture")
    empty.write_bytes(b"")
    after = module(name).load(root, "all")
    assert set(before.ids) - set(after.ids) == {before.ids[1], before.ids[2]}
    assert {p.file for p in after.problems} == {before.ids[1], before.ids[2]}
    assert after.fingerprint != before.fingerprint
    before.paths[3].unlink()
    assert before.ids[3] not in module(name).load(root, "all").ids


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_picture_changes_the_fingerprint(name: str, tmp_path: Path) -> None:
    root = tree(name, tmp_path / "data")
    before = module(name).load(root, "all")
    before.paths[0].write_bytes(before.paths[0].read_bytes() + b" ")
    assert module(name).load(root, "all").fingerprint != before.fingerprint


@pytest.mark.parametrize("name", ["jaffe", "kdef", "oulu_casia"])
def test_no_person_is_in_two_splits(name: str, tmp_path: Path) -> None:
    parts = loads(name, tree(name, tmp_path / "data"))
    del parts["all"]
    people = [set(p.groups["subject"]) for p in parts.values()]
    assert all(people) and sum(map(len, people)) == len(set.union(*people))
