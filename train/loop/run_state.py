"""What a run writes after every epoch, and what it checks before it goes on from there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from core.errors import UserError
from evaluation.training_runs.run_folder import HISTORY, RECIPE
from train.recipe.recipe import Recipe, from_dict
from train.runs.status import differing_fields
from train.runs.writing import write_file

EpochRow = dict[str, float]


def write_history(folder: Path, history: Sequence[EpochRow], recipe: Recipe) -> None:
    """Write the history, one row an epoch, and the recipe of a run."""
    write_file(folder / HISTORY, lambda path: pd.DataFrame(history).to_parquet(path))
    text = json.dumps(recipe.to_dict(), indent=1)
    write_file(folder / RECIPE, lambda path: path.write_text(text, encoding="utf-8"))


def check_resumable(state: Mapping[str, object], recipe: Recipe, limit: int | None) -> Recipe:
    """Return the recipe that a run was begun with, if it may go on with `recipe`.

    Another number of epochs is no hindrance.

    Args:
        state: of the last checkpoint.
        recipe: to go on with.
        limit: samples of each data set, None for all.

    Raises:
        UserError: it was begun with another recipe, whose fields are named, or another --limit.
    """
    begun_with = from_dict(state["recipe"])
    differing = [name for name in differing_fields(recipe, begun_with) if name != "epochs"]
    if differing:
        raise UserError(
            f"Expected to resume the same recipe, got other values of {', '.join(differing)}; "
            "use another --out."
        )
    limit_before = state.get("limit", limit)  # older checkpoints do not have it
    if limit != limit_before:
        now, before = (f"--limit {n}" if n else "no --limit" for n in (limit, limit_before))
        raise UserError(
            f"Expected to resume with {before}, as it was begun, got {now}; use another --out."
        )
    return begun_with


def describe_epoch(row: EpochRow, epochs: int, seconds: float) -> str:
    """Return one line about an epoch.

    Args:
        row: of the history.
        epochs: planned.
        seconds: that all epochs so far took.
    """
    minutes_left = seconds / row["epoch"] * (epochs - row["epoch"]) / 60
    figures = ", ".join(
        f"{name.removeprefix('val_')} {value:.4f}"
        for name, value in row.items()
        if name.startswith("val_")
    )
    return (
        f"epoch {row['epoch']:.0f}/{epochs}: loss {row['train_loss']:.3f}; {figures}; "
        f"{row['images_per_s']:.0f} images/s, {minutes_left:.0f} min left"
    )
