"""What a run folder says about its run: `history.parquet`, `recipe.json`, `summary.json`, the page
`curves.html` and TensorBoard's events.

All are written anew after every epoch, each as a whole or not at all, so an interrupted run has
them too. Older run folders, which hold the first two only, get the rest by `python -m train summary
RUN`; what they did not note (machine, versions) stays null.
"""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import DataError, UserError
from evaluation.training_runs import generalization_gap
from train.recipe.recipe import Recipe, from_dict

FORMAT = 1
HISTORY, RECIPE, SUMMARY, CURVES, EVENTS = (
    "history.parquet",
    "recipe.json",
    "summary.json",
    "curves.html",
    "events.out.tfevents.mien",
)
PACKAGES = ("torch", "timm", "accelerate", "numpy", "torchvision", "opencv-python-headless", "onnx")
Row = dict[str, float]


def facts(recipe: Recipe, processes: int = 1) -> dict[str, Any]:
    """What `summary.json` says of the run beside its figures: noted once, as it starts."""
    import psutil
    import torch

    from core.system import processor_name
    from train.loop.initialize import count_parameters

    machine = {
        "system": platform.platform(),
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "processes": processes,
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "parameters": count_parameters(recipe),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
    }


def best_row(history: Sequence[Row], min_delta: float) -> Row:
    """The epoch whose weights best.pt holds: the last one whose score is over the best before it by
    more than `min_delta`.
    """
    best = history[0]
    for row in history[1:]:
        if row["val_score"] > best["val_score"] + min_delta:
            best = row
    return best


def summarise(
    history: Sequence[Row],
    recipe: Recipe,
    known: dict[str, Any],
    planned: int | None = None,
    state: str = "",
) -> dict[str, Any]:
    """The content of `summary.json`. known: see `facts`. planned: epochs, where it is another
    number than the recipe's. state: "finished", "stopped early" or "unfinished", which is running
    or interrupted; by default from the number of epochs.
    """
    best, last = best_row(history, recipe.min_delta), history[-1]
    seconds = sum(r["seconds"] for r in history)
    planned = planned or recipe.epochs
    return {
        "format": FORMAT,
        "state": state or ("finished" if last["epoch"] >= planned else "unfinished"),
        "epochs": {"done": int(last["epoch"]), "planned": planned, "recipe": recipe.epochs},
        "best": _figures(best),
        "last": _figures(last),
        "gap": gap_of(best),
        "last_gap": gap_of(last),
        "timing": {
            "seconds": round(seconds, 3),
            "seconds_per_epoch": round(seconds / len(history), 3),
            "cpu_seconds": round(sum(r["cpu_seconds"] for r in history), 3)
            if all("cpu_seconds" in r for r in history)
            else None,
            "images_per_s": round(
                float(
                    pd.Series([r["images_per_s"] for r in history if "images_per_s" in r]).median()
                ),
                2,
            ),
        },
        "peak_memory_mb": max(
            (round(r["memory_mb"], 1) for r in history if "memory_mb" in r), default=None
        ),
        "source": recipe.source,
        "expected": dict(recipe.expected),
        "recipe": recipe.to_dict(),
        **{k: known.get(k) for k in ("started", "machine", "parameters", "versions", "limit")},
    }


def gap_of(row: Row) -> dict[str, Any] | None:
    """Training minus validation accuracy of one epoch with the FER notebook's verdict; None where
    the run has no classes.
    """
    task = generalization_gap.task_of(row)
    points = generalization_gap.gap(row, task) if task else None
    if points is None:
        return None
    band = generalization_gap.verdict(points)
    return {"task": task, "points": round(points, 3), "verdict": band.name, "meaning": band.meaning}


def _figures(row: Row) -> dict[str, Any]:
    return {
        "epoch": int(row["epoch"]),
        **{k: round(v, 6) for k, v in row.items() if k.startswith(("train_", "val_")) or k == "lr"},
    }


def write(
    folder: Path, known: dict[str, Any] | None = None, planned: int | None = None, state: str = ""
) -> dict[str, Any]:
    """Writes summary.json, curves.html and the events of a run folder from its history and recipe,
    and returns the summary.

    known: see `facts`; without it, what an earlier summary knew is kept.

    Raises:
        DataError: no history there, or a damaged one.
        UserError: the disk is full or not writable.
    """
    from train.runs import curves, tensorboard

    history, recipe = read(folder)
    if known is None:
        known = _known(folder, recipe)
        planned, state = planned or known.get("planned"), state or known.get("state", "")
    summary: dict[str, Any] = _plain(summarise(history, recipe, known, planned, state))
    text = json.dumps(summary, indent=1, allow_nan=False)
    put(folder / SUMMARY, lambda p: p.write_text(text, encoding="utf-8"))
    page = curves.page(folder.resolve().name, history, summary)
    put(folder / CURVES, lambda p: p.write_text(page, encoding="utf-8"))
    with space_for(folder / EVENTS):
        tensorboard.write(folder / EVENTS, history, _epoch_ends(folder, history, known))
    return summary


def read(folder: Path) -> tuple[list[Row], Recipe]:
    """A run folder's history, one row an epoch without missing values, and its recipe.

    Raises:
        DataError: it is not a run folder, or no epoch is finished.
    """
    try:
        table = pd.read_parquet(folder / HISTORY)
        recipe = from_dict(json.loads((folder / RECIPE).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise DataError(
            f"Expected a run folder with {HISTORY} and {RECIPE}, got {folder} without; no epoch is finished there."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"Expected a run folder of `python -m train`, got {folder}, whose files cannot be read: {error}"
        ) from error
    if not len(table) or not {"epoch", "val_score", "seconds"} <= set(table.columns):
        raise DataError(
            f"Expected epoch, val_score and seconds in {folder / HISTORY}, got {len(table)} rows of {list(table.columns)}."
        )
    return [
        {k: float(v) for k, v in row.items() if not pd.isna(v)} for row in table.to_dict("records")
    ], recipe


def put(path: Path, fill: Callable[[Path], Any]) -> None:
    """Lets `fill` write a neighbour of `path`, then renames it: a reader meets the old file or the
    new one, never half of one.

    Raises:
        UserError: the disk is full or not writable; the old file is untouched.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        with space_for(path):
            fill(new)
            new.replace(path)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def space_for(path: Path) -> Iterator[None]:
    """Tells what to do when `path` cannot be written.

    Raises:
        UserError: the disk is full or not writable.
    """
    try:
        yield
    except OSError as error:
        raise UserError(
            f"Expected to write {path}, got: {error}; the checkpoints are intact, free some space and --resume."
        ) from error


def _known(folder: Path, recipe: Recipe) -> dict[str, Any]:
    from train.loop.initialize import count_parameters

    try:
        old = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        return {**old, "planned": old["epochs"]["planned"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {"parameters": count_parameters(recipe)}


def _epoch_ends(folder: Path, history: Sequence[Row], known: dict[str, Any]) -> list[float]:
    """Seconds since 1970 at which each epoch ended, breaks of an interrupted run left out."""
    if known.get("started"):
        at = datetime.fromisoformat(known["started"]).timestamp()
    else:
        at = (folder / HISTORY).stat().st_mtime - sum(r["seconds"] for r in history)
    return [at := at + row["seconds"] for row in history]


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
