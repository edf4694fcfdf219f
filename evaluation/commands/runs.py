"""runs: training runs as files: epochs, best epoch, the distance of training and validation with
its verdict, and what it took.

A run folder is what `python -m train` writes: `history.parquet` (a row per epoch), `recipe.json`
and, of newer runs, `summary.json`. Nothing here needs torch, and nothing in a folder is believed
before it was checked.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from core.errors import DataError
from evaluation.report.text import grid, wide
from evaluation.training_runs import generalization_gap

HISTORY, RECIPE, SUMMARY = "history.parquet", "recipe.json", "summary.json"
MOST_BYTES, MOST_EPOCHS, MOST_COLUMNS = 64_000_000, 1_000_000, 1000
DEEPEST = 6
"""Folders below the one that is searched."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One training run.

    history: column -> float64 (epochs,), NaN where an epoch has no value; always has `epoch`, which
    rises. recipe, summary: as written; summary None where the run has none.
    """

    name: str
    folder: Path
    history: Mapping[str, np.ndarray]
    recipe: Mapping[str, Any]
    summary: Mapping[str, Any] | None

    def __len__(self) -> int:
        return len(self.history["epoch"])

    def row(self, at: int) -> dict[str, float]:
        """The figures of one epoch; those that are NaN are left out."""
        return {
            name: float(values[at])
            for name, values in self.history.items()
            if not np.isnan(values[at])
        }

    @property
    def best(self) -> int:
        """Place of the epoch whose weights were kept: the last whose score beat all before by more
        than the recipe's `min_delta`.

        The last epoch where the history has no score.
        """
        scores = self.history.get("val_score")
        if scores is None or np.isnan(scores).all():
            return len(self) - 1
        delta = self.recipe.get("min_delta", 0.0)
        delta = float(delta) if isinstance(delta, int | float) else 0.0
        at = int(np.flatnonzero(~np.isnan(scores))[0])
        for i, score in enumerate(scores):
            if score > scores[at] + delta:
                at = i
        return at

    @property
    def task(self) -> str | None:
        """The task whose accuracies make the gap; None where no epoch has both."""
        return generalization_gap.task_of(self.row(self.best))

    def gap(self, at: int | None = None, task: str | None = None) -> float | None:
        """Training minus validation accuracy of an epoch (default: the best), percentage points;
        None where it has not both.
        """
        row, task = self.row(self.best if at is None else at), task or self.task
        return generalization_gap.gap(row, task) if task else None

    @property
    def verdict(self) -> generalization_gap.Band | None:
        """What the best epoch's gap says."""
        gap = self.gap()
        return None if gap is None else generalization_gap.verdict(gap)

    @property
    def seconds(self) -> float | None:
        """All epochs together; None where not noted."""
        values = self.history.get("seconds")
        return None if values is None or np.isnan(values).all() else float(np.nansum(values))

    @property
    def state(self) -> str:
        """As the summary says, else `finished` or `unfinished` by the recipe's number of epochs,
        else `unknown`.
        """
        if self.summary is not None and isinstance(self.summary.get("state"), str):
            return str(self.summary["state"])
        planned = self.recipe.get("epochs")
        return (
            "unknown"
            if not isinstance(planned, int)
            else "finished"
            if self.history["epoch"][-1] >= planned
            else "unfinished"
        )


def read(folder: str | Path) -> Run:
    """The run in `folder`.

    Raises:
        DataError: no run there, or a file that is none of what `python -m train` writes; names the
        file and what is wrong.
    """
    folder = Path(folder)
    if not (folder / HISTORY).is_file():
        raise DataError(
            f"Expected a training run in {folder}, got no {HISTORY} there; try `python -m evaluation runs runs`."
        )
    history = _history(folder / HISTORY)
    recipe = _object(folder / RECIPE) if (folder / RECIPE).is_file() else {}
    summary = _object(folder / SUMMARY) if (folder / SUMMARY).is_file() else None
    return Run(folder.resolve().name, folder, history, recipe, summary)


def find(root: str | Path) -> Iterator[Path]:
    """Run folders in and below `root`, in order of their paths; links are not followed.

    Raises:
        DataError: `root` is no folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(
            f"Expected a folder with training runs, got {root}; try `python -m evaluation runs runs`."
        )
    for here, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        if len(Path(here).relative_to(root).parts) >= DEEPEST:
            folders.clear()
        if HISTORY in files:
            yield Path(here)


def _small(path: Path) -> Path:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise DataError(
            f"Expected {path} to have at most {MOST_BYTES} bytes, got {size}; it is no file of a training run."
        )
    return path


def _history(path: Path) -> dict[str, np.ndarray]:
    try:
        file = pq.ParquetFile(_small(path))
        shape = (file.metadata.num_rows, file.metadata.num_columns)
        if not 0 < shape[0] <= MOST_EPOCHS or shape[1] > MOST_COLUMNS:
            raise DataError(
                f"Expected 1 to {MOST_EPOCHS} epochs and at most {MOST_COLUMNS} columns in {path}, got {shape}."
            )
        table = file.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"Expected a Parquet table in {path}, got: {str(error)[:200]}") from None
    found: dict[str, np.ndarray] = {}
    for name in table.column_names:
        column = table[name]
        if name.startswith("__index_level_"):  # what pandas adds
            continue
        if not (
            pa.types.is_integer(column.type)
            or pa.types.is_floating(column.type)
            or pa.types.is_null(column.type)
        ):
            raise DataError(
                f"Expected numbers in column {name[:60]!r} of {path}, got {column.type}; it is no history of a run."
            )
        found[name] = column.cast(pa.float64()).to_numpy().astype(np.float64)
    epoch = found.get("epoch")
    if epoch is None or not np.isfinite(epoch).all() or (np.diff(epoch) <= 0).any() or epoch[0] < 0:
        raise DataError(
            f"Expected a column `epoch` of rising numbers in {path}, got {'none' if epoch is None else epoch[:5].tolist()}."
        )
    return found


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_small(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"Expected JSON in {path}, got: {str(error)[:200]}") from None
    if not isinstance(value, dict):
        raise DataError(f"Expected a JSON object in {path}, got a {type(value).__name__}.")
    return value


def line(run: Run) -> dict[str, Any]:
    """A run in a row: {run, folder, state, epochs, best_epoch, task, train, val, gap, verdict,
    meaning, last_gap, score, age_mae, seconds, images_per_s, memory_mb}; accuracies in [0, 1], gaps
    in percentage points, None where not noted.
    """
    best, task, band = run.row(run.best), run.task, run.verdict
    rates = run.history.get("images_per_s", np.zeros(0))
    memory = run.history.get("memory_mb", np.zeros(0))
    return {
        "run": run.name,
        "folder": str(run.folder),
        "state": run.state,
        "epochs": int(run.history["epoch"][-1]),
        "best_epoch": int(run.history["epoch"][run.best]),
        "task": task,
        "train": best.get(f"train_{task}_accuracy"),
        "val": best.get(f"val_{task}_accuracy"),
        "gap": run.gap(),
        "verdict": band and band.name,
        "meaning": band and band.meaning,
        "last_gap": run.gap(len(run) - 1),
        "score": _finite(best.get("val_score")),
        "age_mae": _finite(best.get("val_age_mae")),
        "seconds": run.seconds,
        "images_per_s": float(np.nanmedian(rates))
        if len(rates) and not np.isnan(rates).all()
        else None,
        "memory_mb": float(np.nanmax(memory))
        if len(memory) and not np.isnan(memory).all()
        else None,
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `runs`."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="a run folder, or a folder with run folders anywhere below",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Prints a row per run; a folder that cannot be read is named and makes the exit status 2."""
    rows, refused = [], []
    for folder in find(args.folder):
        try:
            rows.append(line(read(folder)))
        except DataError as error:
            refused.append({"folder": str(folder), "error": str(error)})
    if not rows and not refused:
        raise DataError(
            f"Expected training runs in {args.folder}, got none; try `python -m train RECIPE --data DIR --out {args.folder}`."
        )
    if args.json:
        print(json.dumps({"runs": rows, "refused": refused}, allow_nan=False))
    else:
        show(rows, refused, wide())
    return 2 if refused else 0


def show(rows: list[dict[str, Any]], refused: list[dict[str, str]], console: Console) -> None:
    """The runs as a table."""
    table = grid(
        "Training runs, best epoch", "run", "epoch", "train", "val", "gap", "verdict", "MAE", "min"
    )
    for row in rows:
        percents = ["-" if row[k] is None else f"{row[k]:.1%}" for k in ("train", "val")]
        gap = "-" if row["gap"] is None else f"{row['gap']:+.1f}"
        epoch = f"{row['best_epoch']}/{row['epochs']}{'' if row['state'] == 'finished' else ' ...'}"
        age, minutes = (
            "-" if row[k] is None else f"{row[k] / by:.1f}"
            for k, by in (("age_mae", 1), ("seconds", 60))
        )
        table.add_row(row["run"], epoch, *percents, gap, row["verdict"] or "-", age, minutes)
    if rows:
        console.print(table)
        text = "gap: training minus validation accuracy, percentage points; training figures are taken under augmentation and dropout"
        console.print(text, soft_wrap=True)
    for entry in refused:
        console.print(f"not read: {entry['error']}", soft_wrap=True)
