"""The page of training runs: figures of the kept epoch, verdicts, unreadable folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from apps.studio import settings


def write_run(folder: Path, train: list[float], val: list[float]) -> None:
    """A run folder as `python -m train` leaves it."""
    folder.mkdir(parents=True)
    n = len(val)
    history = {
        "epoch": range(1, n + 1),
        "train_emotion_accuracy": train,
        "val_emotion_accuracy": val,
        "val_score": val,
        "lr": [1e-3] * n,
    }
    pd.DataFrame(
        {**history, "seconds": [60.0] * n, "val_loss": [1.0] * n, "train_loss": [1.0] * n}
    ).to_parquet(folder / "history.parquet")
    (folder / "recipe.json").write_text(f'{{"epochs": {n}}}')


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_run(
        tmp_path / "study" / "good", [0.5, 0.7, 0.8], [0.5, 0.72, 0.71]
    )  # epoch 2 is kept: -2 points
    write_run(tmp_path / "study" / "learnt by heart", [0.6, 0.99], [0.6, 0.7])  # 29 points
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "history.parquet").write_bytes(b"PAR1 no table")
    return tmp_path


def test_figures_and_verdicts_of_the_kept_epoch(draw, root: Path) -> None:
    drawn = draw("runs")  # fills settings
    settings.PROCESS.use(replace(settings.PROCESS.settings, runs=root))
    app = drawn.run()
    rows = app.dataframe[0].value.set_index("run")
    assert list(rows["best epoch"]) == ["2 of 3", "2 of 2"]
    assert rows["gap, points"].round(6).to_list() == [-2.0, 29.0]
    assert rows["verdict"].to_list() == ["slightly negative", "severe"]
    assert rows["minutes"].to_list() == [3.0, 2.0]
    assert [w.value for w in app.warning] != [] and "broken" in app.warning[0].value
    assert not app.exception


def test_a_choice_of_runs_and_measure_comes_from_the_url(draw, root: Path) -> None:
    drawn = draw("runs", **{"runs.chosen": ["study/good"], "runs.measure": "loss"})
    settings.PROCESS.use(replace(settings.PROCESS.settings, runs=root))
    app = drawn.run()
    assert app.dataframe[0].value["run"].to_list() == ["study/good"]
    curves = next(d.value for d in app.dataframe if "training" in d.value and "epoch" in d.value)
    assert curves["validation"].to_list() == [1.0] * 3, "the loss"


def test_an_empty_folder_says_what_writes_a_run(draw, tmp_path: Path) -> None:
    drawn = draw("runs")
    settings.PROCESS.use(replace(settings.PROCESS.settings, runs=tmp_path))
    app = drawn.run()
    assert any("python \\-m train" in i.value or "python -m train" in i.value for i in app.info)
