"""Checkpoints: a round trip, a full disk, and hostile or damaged files, whose code never runs."""

from __future__ import annotations

import pickle
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.errors import ModelError, UserError
from tests.conftest import ROOT
from train.recipe.recipe import load as load_recipe
from train.runs import checkpoint
from train.runs.status import read_status
from train.runs.trained_weights import weights


def test_round_trip(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a.pt", {"x": torch.arange(3), "y": {"z": 1.5, "n": None}})
    state = checkpoint.load(tmp_path / "a.pt")
    assert torch.equal(state["x"], torch.arange(3)) and state["y"] == {"z": 1.5, "n": None}
    assert [p.name for p in tmp_path.iterdir()] == ["a.pt"]


def test_a_full_disk_keeps_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    checkpoint.save(path, {"x": 1})
    before = path.read_bytes()
    code = (
        "import sys, torch; from pathlib import Path; from train.runs import checkpoint; from "
        "core.errors import UserError\n"
        "try: checkpoint.save(Path(sys.argv[1]), {'x': torch.zeros(1_000_000)})\n"
        "except UserError as error: print(error); sys.exit(7)\n"
    )
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    done = subprocess.run(
        [sys.executable, "-c", code, path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )
    assert done.returncode == 7, done.stderr
    assert "free some space" in done.stdout
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.pt"]


class Evil:
    def __reduce__(self) -> tuple:
        return (print, ("code ran",))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps(Evil(), protocol=2)])
def test_hostile_or_damaged_files_are_refused(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError):
        checkpoint.load(path)
    assert "code ran" not in capsys.readouterr().out


def test_code_inside_a_real_checkpoint_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    torch.save({"format": 1, "x": Evil()}, tmp_path / "a.pt")
    with pytest.raises(ModelError):
        checkpoint.load(tmp_path / "a.pt")
    assert "code ran" not in capsys.readouterr().out


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a.pt", {"x": torch.zeros(1000)})
    data = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "b.pt").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="cannot be read"):
        checkpoint.load(tmp_path / "b.pt")


ENTRIES = ("recipe", "model", "epoch")


@pytest.mark.parametrize("absent", ENTRIES)
def test_a_checkpoint_without_an_entry_is_refused(tmp_path: Path, absent: str) -> None:
    """Also where a run folder is read, and where its weights are."""
    recipe = load_recipe("fer_cnn_0")
    state = {"recipe": recipe.to_dict(), "model": {"w": torch.ones(1)}, "epoch": 1}
    for name in ("best.pt", "last.pt"):
        checkpoint.save(tmp_path / name, {k: v for k, v in state.items() if k != absent})
    with pytest.raises(ModelError, match=f"`{absent}` in the checkpoint"):
        checkpoint.load(tmp_path / "best.pt", ENTRIES)
    if absent != "epoch":
        with pytest.raises(ModelError, match=f"`{absent}` in the checkpoint"):
            weights(tmp_path)
    assert read_status(tmp_path, recipe).state == "foreign"


@pytest.mark.parametrize("recipe", [None, 1, "x", [1], {}, {"model": 1}])
def test_a_checkpoint_whose_recipe_is_none_is_refused(tmp_path: Path, recipe: object) -> None:
    checkpoint.save(tmp_path / "best.pt", {"recipe": recipe, "model": {}})
    with pytest.raises(UserError, match="recipe"):
        weights(tmp_path)
