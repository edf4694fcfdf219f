"""The summary of a run folder, written with its curves and TensorBoard events.

All are written anew after every epoch, each complete or not at all, so an interrupted run has them
too. Older run folders, which hold only the history and the recipe, get the rest by `python -m train
summary RUN`; what they did not record (machine, versions) stays null.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from core.errors import DataError
from core.files import disk_errors
from evaluation.statistics.estimate import to_json_values
from evaluation.training_runs.run_folder import RunFolder
from train.recipe.recipe import Recipe, from_dict
from train.runs import curves, history_picture, tensorboard
from train.runs.facts import RunFacts
from train.runs.gap import gap_of
from train.runs.panels import panels
from train.runs.status import total
from train.runs.writing import REMEDY, write_file

FORMAT = 1
EpochRow = Mapping[str, float]
"""One epoch of a history: column -> value."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The content of `summary.json`.

    Attributes:
        history: one row an epoch.
        recipe: resolved.
        facts: recorded as the run started.
        planned: number of epochs.
        state: finished, stopped early, or unfinished, which is running or interrupted.
    """

    history: Sequence[EpochRow]
    recipe: Recipe
    facts: RunFacts
    planned: int
    state: str

    @property
    def done(self) -> int:
        """Number of finished epochs."""
        return int(self.history[-1]["epoch"])

    @property
    def best(self) -> EpochRow:
        """The epoch whose weights were kept."""
        return best_row(self.history, self.recipe.min_delta)

    def to_dict(self) -> dict[str, object]:
        """Return the summary as JSON has it, without NaN."""
        rates = [r["images_per_s"] for r in self.history if "images_per_s" in r]
        memory = [round(r["memory_mb"], 1) for r in self.history if "memory_mb" in r]
        seconds = sum(r["seconds"] for r in self.history)
        cpu_seconds, loading_seconds = (
            total(self.history, name) for name in ("cpu_seconds", "loading_seconds")
        )
        content = {
            "format": FORMAT,
            "state": self.state,
            "epochs": {
                "done": self.done,
                "planned": self.planned,
                "recipe": self.recipe.epochs,
            },
            "best": _figures(self.best),
            "last": _figures(self.history[-1]),
            "gap": gap_of(self.best),
            "last_gap": gap_of(self.history[-1]),
            "timing": {
                "seconds": round(seconds, 3),
                "seconds_per_epoch": round(seconds / len(self.history), 3),
                "cpu_seconds": _rounded(cpu_seconds),
                "images_per_s": round(float(np.median(rates)), 2) if rates else None,
                "data_seconds": _rounded(self.facts.data_seconds),
                "loading_seconds": _rounded(loading_seconds),
            },
            "peak_memory_mb": max(memory, default=None),
            "source": self.recipe.source,
            "expected": dict(self.recipe.expected),
            "recipe": self.recipe.to_dict(),
            "started": self.facts.started,
            "machine": self.facts.machine,
            "parameters": self.facts.parameters,
            "versions": self.facts.versions,
            "limit": self.facts.limit,
        }
        return dict(to_json_values(content))


def best_row(history: Sequence[EpochRow], min_delta: float) -> EpochRow:
    """Return the epoch whose weights were kept.

    It is the last one whose score beat the best before it by more than `min_delta`.
    """
    best = history[0]
    for row in history[1:]:
        if row["val_score"] > best["val_score"] + min_delta:
            best = row
    return best


def write(path: Path, facts: RunFacts, planned: int, state: str) -> RunSummary:
    """Write summary, curves and events of a run folder from its history and recipe.

    Args:
        path: the run folder.
        facts: recorded as the run started.
        planned: number of epochs.
        state: finished, stopped early, or unfinished.

    Raises:
        DataError: no history there, or a damaged one.
        UserError: the disk is full or not writable.
    """
    history, recipe = read(path)
    summary = RunSummary(history, recipe, facts, planned, state)
    folder = RunFolder(path)
    text = json.dumps(summary.to_dict(), indent=1, allow_nan=False)
    write_file(folder.summary_file, lambda p: p.write_text(text, encoding="utf-8"))
    gap, epoch = gap_of(summary.best), int(summary.best["epoch"])
    page = curves.page(folder.name, history, epoch, planned, state, gap)
    write_file(folder.curves_file, lambda p: p.write_text(page, encoding="utf-8"))
    drawn = panels(history, epoch, gap.task if gap else None)
    write_file(folder.picture_file, lambda p: history_picture.write(p, folder.name, drawn))
    with disk_errors(folder.events_file, REMEDY):
        tensorboard.write(folder.events_file, history, _epoch_ends(folder, history, facts.started))
    return summary


def rewrite(path: Path, count_parameters: Callable[[Recipe], Mapping[str, int]]) -> RunSummary:
    """Write the files of `write` anew; what an earlier summary recorded is kept.

    Args:
        path: the run folder.
        count_parameters: the recipe's, for a run without a summary.

    Raises:
        DataError, UserError: as `write`.
    """
    history, recipe = read(path)
    try:
        old = RunFolder(path).summary() or {}
        planned, state = int(old["epochs"]["planned"]), str(old["state"])
        kept = ("started", "machine", "parameters", "versions", "limit")
        data_seconds = old["timing"].get("data_seconds")
        facts = RunFacts(**{name: old.get(name) for name in kept}, data_seconds=data_seconds)
    except (DataError, KeyError, TypeError, ValueError):
        planned = recipe.epochs
        state = "finished" if history[-1]["epoch"] >= planned else "unfinished"
        facts = RunFacts(parameters=count_parameters(recipe))
    return write(path, facts, planned, state)


def read(path: Path) -> tuple[list[dict[str, float]], Recipe]:
    """Return a run folder's history, one row an epoch without missing values, and its recipe.

    Raises:
        DataError: it is not a run folder, or no epoch is finished.
    """
    folder = RunFolder(path)
    history = folder.history_rows()
    if not {"val_score", "seconds"} <= set(history[0]):
        raise DataError(
            f"Expected val_score and seconds in {folder.history_file}, got {sorted(history[0])}."
        )
    try:
        return history, from_dict(folder.recipe())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"Expected a recipe of `python -m train` in {folder.recipe_file}, got: {error}"
        ) from error


def _figures(row: EpochRow) -> dict[str, object]:
    return {
        "epoch": int(row["epoch"]),
        **{k: round(v, 6) for k, v in row.items() if k.startswith(("train_", "val_")) or k == "lr"},
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _epoch_ends(folder: RunFolder, history: Sequence[EpochRow], started: str | None) -> list[float]:
    """Return seconds since 1970 at which epochs ended, breaks of an interrupted run left out."""
    if started:
        at = datetime.fromisoformat(started).timestamp()
    else:
        at = folder.history_file.stat().st_mtime - sum(r["seconds"] for r in history)
    return [at := at + row["seconds"] for row in history]
