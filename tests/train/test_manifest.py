"""Training on a manifest instead of the publishers' folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.artifacts import bundle
from core.errors import UserError
from core.faces import best_detector
from evaluation.quality import open_dataset
from evaluation.quality.repair import apply
from evaluation.quality.repair.plan import PlanRow
from tests.train.conftest import SMALL_NET
from train.__main__ import main
from train.batches.data import load_parts
from train.recipe.arguments import data_folders
from train.recipe.recipe import load


@pytest.fixture(scope="module")
def fixed(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FER+ without its first picture."""
    dataset = open_dataset("ferplus", small_data, cache=None)
    out = tmp_path_factory.mktemp("fixed") / "out"
    apply.apply_plan([PlanRow(dataset.samples.ids[0], "drop")], dataset, out)
    return out


def test_a_manifest_takes_the_place_of_all_data_sets(fixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [
        "mien_ferplus_utkface",
        "--data",
        str(fixed / "manifest.parquet"),
        "--out",
        str(out),
        "--epochs",
        "1",
        *SMALL_NET,
    ]
    assert main(command) == 0
    card = bundle.load(next(out.rglob("model.onnx"))).card
    assert [(d["name"], d["split"], d["n"]) for d in card.data] == [
        ("manifest", "train", 71),
        ("manifest", "val", 36),
    ]
    assert list(card.recipe["data"]) == ["manifest"]


def test_a_manifest_takes_the_place_of_one_of_several(
    fixed: Path, small_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "data.json").write_text(
        json.dumps({"ferplus": str(fixed), "utkface": str(small_data)})
    )
    parts = load_parts(
        load("mien_ferplus_utkface"),
        data_folders(str(tmp_path / "data.json")),
        "train",
        best_detector()[0],
        5,
    )
    assert [p.samples.name for p in parts] == ["ferplus", "utkface"]
    dataset = open_dataset("ferplus", small_data, cache=None)
    assert (
        parts[0].samples.ids[0] == dataset.samples.ids[1] and len(parts[0]) == 5
    )  # the first one was dropped


def test_a_manifest_in_the_working_folder_is_not_that_of_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "manifest.parquet").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="Expected a folder for ferplus"):
        load_parts(load("mien_ferplus_utkface"), {"affectnet": "."}, "train", None)
