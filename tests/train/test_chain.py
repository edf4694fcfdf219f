"""Recipes that build on others: the order, what is finished, and the flagship with all that it builds on, from nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.train.conftest import SMALL_NET
from train import chain, commands, trained
from train.__main__ import main
from train.recipe import load, override


@pytest.fixture()
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of its own for runs/."""
    for module in (chain, commands, trained):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_comes_first() -> None:
    assert chain.order("mien") == ("mien_first", "mien_second", "mien_third", "mien_emotion", "mien")
    assert chain.order("mobileone_s2_distill") == ("resnet50", "mobileone_s2_distill")
    assert chain.order("fer_cnn_0") == ("fer_cnn_0",)
    assert chain.links(override(load("mien"), ["start=/elsewhere/mien_third", "distill.teachers=runs/unknown"])) == ()


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"state": "unfinished"}', '{"state": "finished"}'])
def test_finished_is_what_its_summary_says(root: Path, text: str | None) -> None:
    folder = root / "runs" / "mien_first"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "summary.json").write_text(text)
    assert chain.finished("mien_first") == (text == '{"state": "finished"}')


def test_without_a_recipe_all_are_trained_and_none_twice(root: Path, small_data: Path, capsys: pytest.CaptureFixture) -> None:
    command = ["--data", str(small_data), "--epochs", "1", *SMALL_NET, "--set", "compile=false"]
    assert main(["mien", *command]) == 2  # named, it does not train others by accident
    assert "runs/mien_third" in capsys.readouterr().err
    assert main(command) == 0
    said = capsys.readouterr().err
    assert said.index("mien_first, which comes first") < said.index("mien_second, which comes first")
    made = {name: root / "runs" / name for name in chain.order("mien")}
    assert all((folder / "bundle" / "model.onnx").is_file() and chain.finished(name) for name, folder in made.items())
    kept = json.loads((made["mien"] / "recipe.json").read_text())
    assert kept["distill"]["teachers"] == ["runs/mien_third", "runs/mien_emotion"]
    before = (made["mien_first"] / "last.pt").stat().st_mtime_ns
    assert main([*command, "--resume"]) == 0
    assert "comes first" not in capsys.readouterr().err and (made["mien_first"] / "last.pt").stat().st_mtime_ns == before
