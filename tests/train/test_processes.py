"""The same recipe by one process and by two under torchrun: one loss curve, one set of weights, one that writes and speaks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from core.errors import UserError
from tests.conftest import ROOT
from tests.train.conftest import part_of
from train import checkpoint, processes
from train.engine import LAST, Run
from train.recipe import load, override

# Everything that could depend on how a batch is shared out: BatchNorm, dropout, augmentation, mixing, class weights, missing targets,
# accumulation, clipping, averaging, parts that wake up, a batch that does not divide by two, a plateau.
CNN = ["model.options.blocks=[(4, 0.2), (8, 0.3)]", "model.options.dense=16", "augment.flip=0.5", "augment.rotate=10", "batch=15"]
NET = ["model.options.stem=8", "model.options.stages=[(12,1)]", "batch=8", "amp=no", "accumulation=2", "ema=0.9"]
CASES = {
    "cnn": ("fer_cnn_a", [*CNN, "mix.mixup=0.4", "mix.probability=0.5", "schedule.patience=0"]),
    "net": ("mien", [*NET, "freeze.parts=heads", "freeze.epochs=1", "sampling.order=alternate"]),
}


def train(case: str, folder: Path) -> None:
    """Two epochs, then a third by a new object that resumes."""
    name, sets = CASES[case]
    for epochs in (2, 3):
        recipe = override(load(name), [*sets, f"epochs={epochs}"])
        tasks = [h.task for h in recipe.heads]
        parts = [part_of(recipe, 45, 1, "a", (tasks[0],)), *([part_of(recipe, 30, 2, "b", tuple(tasks[1:]))] if tasks[1:] else [])]
        run = Run(recipe, folder / case)
        assert run.resume() == (epochs == 3)
        run.train(parts, parts)


SCRIPT = """
import sys
from pathlib import Path
from tests.train.test_processes import CASES, train
from train import processes
with processes.joined():
    for case in CASES:
        train(case, Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder with `one` and `two`, and what the two processes said."""
    folder = tmp_path_factory.mktemp("processes")
    script = folder / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script), str(folder / "two")]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    for case in CASES:
        train(case, folder / "one")
    return folder, done.stderr


# Sums in another order, over 9 and 12 steps: 1e-5 is what float32 leaves; a share's own BatchNorm or dropout makes 1e-2.
@pytest.mark.parametrize("case", CASES)
def test_two_processes_have_the_loss_curve_of_one(runs: tuple[Path, str], case: str) -> None:
    one, two = (pd.read_parquet(runs[0] / n / case / "history.parquet") for n in ("one", "two"))
    assert list(one["epoch"]) == list(two["epoch"]) == [1, 2, 3]
    shown = [c for c in one.columns if c.startswith(("train_", "val_")) or c == "lr"]
    assert {"train_loss", "val_loss"} <= set(shown) and set(one.columns) == set(two.columns)
    for column in shown:
        assert two[column].tolist() == pytest.approx(one[column].tolist(), rel=1e-5, abs=1e-6), column


@pytest.mark.parametrize("case", CASES)
def test_two_processes_end_at_the_weights_of_one(runs: tuple[Path, str], case: str) -> None:
    one, two = (checkpoint.load(runs[0] / n / case / LAST) for n in ("one", "two"))
    assert one["step"] == two["step"] and one["model"].keys() == two["model"].keys()
    for name, value in one["model"].items():
        assert torch.allclose(value.float(), two["model"][name].float(), rtol=1e-3, atol=1e-4), name


def test_one_process_speaks(runs: tuple[Path, str]) -> None:
    said = runs[1].splitlines()
    assert sum(line.startswith("epoch 2/") and "images/s" in line for line in said) == len(CASES), runs[1]


def test_a_share_for_every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "count", lambda: 4)
    with pytest.raises(UserError, match="larger --set batch"):
        processes.share(3)
    assert processes.share(9) == slice(0, 2)
