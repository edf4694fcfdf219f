"""`scripts/plant_labels.py`: what is planted, and what is measured on a few hundred real pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.data.base.splits import split_of
from scripts import plant_labels
from tests.train.conftest import copy_small


@pytest.mark.parametrize("kind", ["flipped", "moved", "second"])
def test_planted_labels_are_wrong_and_the_votes_do_not_give_them_away(kind: str) -> None:
    rng = np.random.default_rng(0)
    classes = 2 if kind == "flipped" else 8
    votes = None if kind == "flipped" else rng.dirichlet(np.ones(8), 400)
    true = rng.integers(0, 2, 400) if votes is None else votes.argmax(axis=1)
    wrong, moved, planted = plant_labels.plant(
        true, votes, classes, 0.05, kind, np.random.default_rng(1)
    )
    assert (
        planted.sum() == 20
        and ((wrong != true) == planted).all()
        and set(wrong.tolist()) <= set(range(classes))
    )
    if votes is None or moved is None:
        assert moved is None
        return
    assert (moved.argmax(axis=1) == wrong).all() and (
        np.sort(moved, axis=1) == np.sort(votes, axis=1)
    ).all()
    assert (moved[~planted] == votes[~planted]).all()
    runner_up = np.argsort(votes, axis=1)[:, -2]
    assert (wrong == runner_up)[planted].mean() == (
        1 if kind == "second" else pytest.approx(1 / 7, abs=0.3)
    )


@pytest.fixture(scope="module")
def small(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 pictures of FER+'s validation split, 200 of UTKFace's, and as many of train."""
    root = copy_small(data_dir, tmp_path_factory.mktemp("few"), train=150, val=150, faces=2)
    there = {p.name for p in (root / "utkface").iterdir()}
    files = [p for p in sorted((data_dir / "utkface").glob("*.jpg"))[::7] if p.name not in there]
    for split in ("val", "train"):
        for path in [p for p in files if split_of(p.name) == split][:200]:
            (root / "utkface" / path.name).symlink_to(path)
    return root


@pytest.mark.filterwarnings(
    "ignore:May not flag all label issues"
)  # cleanlab, of classes with few pictures
def test_measures_each_part_and_feature(
    small: Path, shipped_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "--data",
        str(small),
        "--repeats",
        "1",
        "--train",
        "60",
        "--model",
        str(shipped_model),
        "--no-cache",
        "--json",
    ]
    assert plant_labels.main(command) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {(r["dataset"], r["part"], r["feature"], r["planted_as"]): r for r in found["rows"]}
    assert (found["share"], found["repeats"], len(rows)) == (0.05, 1, 5 + 10)
    for (dataset, part, _, kind), r in rows.items():
        assert kind in (("flipped",) if dataset == "utkface" else ("moved", "second"))
        assert (
            0 <= r["auroc"] <= 1
            and r["planted"] in (round(0.05 * r["n"]), pytest.approx(0.05 * r["n"], abs=3))
            and r["auroc_sd"] == 0
        )
        assert (r["n"] == 60) == (part == "train") and ("precision_at_50" in r)
    women = rows["utkface", "val", "embedding", "flipped"]
    assert women["n"] >= 190 and women["auroc"] > 0.85 and women["precision_at_planted"] > 0.3
    assert rows["utkface", "val, no copies", "embedding", "flipped"]["n"] <= women["n"]
