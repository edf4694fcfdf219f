"""A training run as it was recorded: epochs, best epoch, gap with its verdict, state and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.training_runs import generalization_gap
from evaluation.training_runs.run_folder import RunFolder


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRun:
    """One training run.

    Attributes:
        history: column -> (epochs,), NaN where an epoch has no value; always has `epoch`, which
            rises.
        recipe, summary: as written; summary is None where the run has none.
    """

    name: str
    folder: Path
    history: Mapping[str, NDArray[np.float64]]
    recipe: Mapping[str, object]
    summary: Mapping[str, object] | None

    def __len__(self) -> int:
        return len(self.history["epoch"])

    def row(self, index: int) -> dict[str, float]:
        """Return the figures of one epoch; those that are NaN are left out."""
        return {
            name: float(values[index])
            for name, values in self.history.items()
            if not np.isnan(values[index])
        }

    @property
    def best(self) -> int:
        """Index of the epoch whose weights were kept.

        The last whose score beat all before it by more than the recipe's `min_delta`; the last
        epoch where the history has no score.
        """
        scores = self.history.get("val_score")
        if scores is None or np.isnan(scores).all():
            return len(self) - 1
        delta = self.recipe.get("min_delta", 0.0)
        delta = float(delta) if isinstance(delta, int | float) else 0.0
        best = int(np.flatnonzero(~np.isnan(scores))[0])
        for i, score in enumerate(scores):
            if score > scores[best] + delta:
                best = i
        return best

    @property
    def task(self) -> str | None:
        """The task whose accuracies make the gap; None where no epoch has both."""
        return generalization_gap.task_of(self.row(self.best))

    def gap(self, index: int | None = None, task: str | None = None) -> float | None:
        """Return training minus validation accuracy of an epoch, in percentage points.

        None where the epoch has not both. `index` is the best epoch and `task` the run's by
        default.
        """
        row, task = self.row(self.best if index is None else index), task or self.task
        return generalization_gap.gap(row, task) if task else None

    @property
    def verdict(self) -> generalization_gap.Band | None:
        """The band of the best epoch's gap; None where it has none."""
        gap = self.gap()
        return None if gap is None else generalization_gap.verdict(gap)

    @property
    def seconds(self) -> float | None:
        """Duration of all epochs together; None where not recorded."""
        values = self.history.get("seconds")
        return None if values is None or np.isnan(values).all() else float(np.nansum(values))

    @property
    def state(self) -> str:
        """The summary's state, else by the recipe's number of epochs.

        `finished`, `stopped early`, `unfinished`, or `unknown` where neither file says.
        """
        if self.summary is not None and isinstance(self.summary.get("state"), str):
            return str(self.summary["state"])
        planned = self.recipe.get("epochs")
        if not isinstance(planned, int):
            return "unknown"
        return "finished" if self.history["epoch"][-1] >= planned else "unfinished"


def read(folder: str | Path | RunFolder) -> TrainingRun:
    """Read the run in `folder`.

    Raises:
        DataError: No run there, or a file that is none of what `python -m train` writes; names the
            file and what is wrong.
    """
    files = folder if isinstance(folder, RunFolder) else RunFolder(Path(folder))
    return TrainingRun(files.name, files.path, files.history(), files.recipe(), files.summary())


@dataclass(frozen=True, slots=True)
class RunOverview:
    """A run in a row: the figures of its best epoch and what it took.

    Accuracies (`train`, `val`) in [0, 1], gaps in percentage points, `age_mae` in years; None where
    not recorded. `epochs` and `best_epoch` count from 1.
    """

    run: str
    folder: str
    state: str
    epochs: int
    best_epoch: int
    task: str | None
    train: float | None
    val: float | None
    gap: float | None
    verdict: str | None
    meaning: str | None
    last_gap: float | None
    score: float | None
    age_mae: float | None
    seconds: float | None
    images_per_s: float | None
    memory_mb: float | None


def overview(run: TrainingRun) -> RunOverview:
    """Return the figures of a run's best epoch, its gap with its verdict, and its costs."""
    best, task, band = run.row(run.best), run.task, run.verdict
    rates = _recorded(run, "images_per_s")
    memory = _recorded(run, "memory_mb")
    return RunOverview(
        run=run.name,
        folder=str(run.folder),
        state=run.state,
        epochs=int(run.history["epoch"][-1]),
        best_epoch=int(run.history["epoch"][run.best]),
        task=task,
        train=best.get(f"train_{task}_accuracy"),
        val=best.get(f"val_{task}_accuracy"),
        gap=run.gap(),
        verdict=band.name if band else None,
        meaning=band.meaning if band else None,
        last_gap=run.gap(len(run) - 1),
        score=_finite(best.get("val_score")),
        age_mae=_finite(best.get("val_age_mae")),
        seconds=run.seconds,
        images_per_s=float(np.median(rates)) if len(rates) else None,
        memory_mb=float(np.max(memory)) if len(memory) else None,
    )


def _recorded(run: TrainingRun, column: str) -> NDArray[np.float64]:
    values = run.history.get(column, np.zeros(0))
    return values[~np.isnan(values)]


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else value
