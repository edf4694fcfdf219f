"""`kill -9` in the middle of an epoch and of a checkpoint write: the resumed run ends at the same
weights as an uninterrupted one.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT
from tests.train.conftest import SMALL_NET
from train.__main__ import main
from train.runs import checkpoint

# A real SIGKILL at a chosen place; nothing of Python runs after it.
KILL = """
import os, signal, sys
import torch
from train import __main__
from train.loop.trainer import Trainer
place, at = sys.argv[1], int(sys.argv[2])
count = 0
def die(): os.kill(os.getpid(), signal.SIGKILL)
if place == "step":
    whole = Trainer.train_step
    def step(self, *a):
        global count; count += 1
        if count == at: die()
        return whole(self, *a)
    Trainer.train_step = step
elif place == "write":
    save = torch.save
    def half(state, file):
        global count; count += 1
        if count == at:
            import io
            whole = io.BytesIO(); save(state, whole)
            file.write(whole.getvalue()[: whole.tell() // 2]); file.flush(); die()
        save(state, file)
    torch.save = half
sys.exit(__main__.main(sys.argv[3:]))
"""


def train_until_killed(place: str, at: int, *args: str) -> None:
    command = [sys.executable, "-c", KILL, place, str(at), *args]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert killed.returncode == -9, killed.stderr


@pytest.fixture(scope="module")
def runs(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    folder = tmp_path_factory.mktemp("runs")
    common = ["mien_ferplus_utkface", "--data", str(small_data), "--epochs", "3", *SMALL_NET]
    assert main([*common, "--out", str(folder / "whole")]) == 0
    return common, folder


# 4 steps an epoch, so step 6 is in the middle of the second; an epoch writes best.pt and last.pt,
# so write 4 or earlier is in the second.
@pytest.mark.parametrize(("place", "at"), [("step", 6), ("write", 3)])
def test_a_killed_run_resumes_to_the_same_weights(
    runs: tuple[list[str], Path], place: str, at: int, capsys: pytest.CaptureFixture
) -> None:
    common, folder = runs
    out = folder / f"killed-{place}"
    command = [*common, "--out", str(out)]
    train_until_killed(place, at, *command)
    assert main(command) == 2
    assert "--resume" in capsys.readouterr().err  # never overwritten by accident
    assert main([*command, "--resume"]) == 0
    assert "resumed after epoch 1" in capsys.readouterr().err
    for name in ("last.pt", "best.pt"):
        expected, got = checkpoint.load(folder / "whole" / name), checkpoint.load(out / name)
        assert expected["epoch"] == got["epoch"]
        assert expected["model"].keys() == got["model"].keys()
        assert all(torch.equal(expected["model"][k], got["model"][k]) for k in expected["model"])
    assert (
        checkpoint.load(out / "last.pt")["step"]
        == checkpoint.load(folder / "whole" / "last.pt")["step"]
    )


def test_another_recipe_does_not_resume(
    runs: tuple[list[str], Path], capsys: pytest.CaptureFixture
) -> None:
    common, folder = runs
    changed = ["--resume", "--set", "optim.lr=1e-5"]
    assert main([*common, "--out", str(folder / "whole"), *changed]) == 2
    assert "optim" in capsys.readouterr().err


def test_a_finished_run_leaves_history_and_a_bundle(runs: tuple[list[str], Path]) -> None:
    import pandas as pd

    from core.predictor import Predictor

    _, folder = runs
    history = pd.read_parquet(folder / "whole" / "history.parquet")
    assert list(history["epoch"]) == [1, 2, 3]
    assert {
        "train_loss",
        "val_emotion_accuracy",
        "val_gender_accuracy",
        "val_age_mae",
        "lr",
        "seconds",
    } <= set(history.columns)
    card = Predictor(folder / "whole" / "bundle").card
    assert card.calibration.keys() == {"emotion", "gender", "age"} and card.metrics
    assert "non-commercial" in (folder / "whole" / "bundle" / "card.md").read_text()
