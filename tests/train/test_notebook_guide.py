"""The cells for Colab and Kaggle in docs/training.md train a network, from nothing to a report."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import evaluation.__main__
import train.__main__
from core.system import ROOT
from tests.core.data import trees
from tests.train.loop.test_estimate import measured
from train.downloads import kaggle
from train.loop import estimate

CELL = re.compile(r"```python\n# cell: (\w+)\n(.*?)```", re.DOTALL)
MAIN = {"train": train.__main__.main, "evaluation": evaluation.__main__.main}


def test_the_cells_go_from_nothing_to_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Takes some seconds, as it trains and exports as a reader does."""
    cells = dict(CELL.findall((ROOT / "docs" / "training.md").read_text(encoding="utf-8")))
    install, settings, *others = cells.values()
    assert list(cells) == ["install", "settings", "data", "plan", "train", "look"]
    assert "-r requirements.txt" in install and kaggle.PACKAGE in install
    values: dict[str, object] = {}
    exec(settings, values)
    # accelerate takes one precision in a process, and all other tests take this one
    changes = str(values["CHANGES"]).replace("amp=fp16", "amp=no")
    values |= {"CHANGES": changes, "EPOCHS": 1, "DATA": tmp_path / "data", "RUN": tmp_path / "run"}
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kaggle, "fetch", lambda handle, target: _fetched(target))
    monkeypatch.setattr(estimate, "profile", measured)
    for line in "".join(others).splitlines():
        command = line.removeprefix("!python -m ").format(**values)
        module, *words = shlex.split(command)
        assert line.startswith("!python -m ") and MAIN[module](words) == 0, line
    assert (tmp_path / "run" / "training_history.png").is_file()
    assert "accuracy" in capsys.readouterr().out


def _fetched(target: Path) -> None:
    target.mkdir(parents=True)
    trees.fer2013(target)
