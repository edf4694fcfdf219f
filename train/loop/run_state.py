"""What a run writes after every epoch, and what it checks before it goes on from there."""

from __future__ import annotations

import json
import resource
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic, process_time

import pandas as pd

from core import progress
from core.artifacts.card import Head
from core.errors import UserError
from evaluation.training_runs.run_folder import HISTORY, RECIPE
from train.batches.pool import SamplePool
from train.recipe.recipe import Recipe, from_dict
from train.runs.facts import RunFacts
from train.runs.status import differing_fields
from train.runs.writing import write_file

EpochRow = dict[str, float]
RESUMED_FACTS = ("started", "limit", "budget_s", "data")
"""Fields of `RunFacts` that the last checkpoint holds; older ones lack some."""


def write_history(folder: Path, history: Sequence[EpochRow], recipe: Recipe) -> None:
    """Write the history, one row an epoch, and the recipe of a run."""
    write_file(folder / HISTORY, lambda path: pd.DataFrame(history).to_parquet(path))
    text = json.dumps(recipe.to_dict(), indent=1)
    write_file(folder / RECIPE, lambda path: path.write_text(text, encoding="utf-8"))


def check_resumable(state: Mapping[str, object], recipe: Recipe, facts: RunFacts) -> Recipe:
    """Return the recipe that a run was begun with, if it may go on with `recipe`.

    Another number of epochs is no hindrance.

    Args:
        state: of the last checkpoint.
        recipe: to go on with.
        facts: of the run that goes on: its data and --limit.

    Raises:
        UserError: it was begun with another recipe, whose fields are named, with other data, which
            are named, or another --limit.
    """
    begun_with = from_dict(state["recipe"])
    differing = [name for name in differing_fields(recipe, begun_with) if name != "epochs"]
    if differing:
        raise UserError(
            f"Expected to resume the same recipe, got other values of {', '.join(differing)}; "
            "use another --out."
        )
    limit_before = state.get("limit", facts.limit)  # older checkpoints do not have it
    if facts.limit != limit_before:
        now, before = (f"--limit {n}" if n else "no --limit" for n in (facts.limit, limit_before))
        raise UserError(
            f"Expected to resume with {before}, as it was begun, got {now}; use another --out."
        )
    data_before = state.get("data")
    if isinstance(data_before, Mapping) and facts.data is not None:
        names = {**data_before, **facts.data}
        changed = [name for name in names if facts.data.get(name) != data_before.get(name)]
        if changed:
            raise UserError(
                "Expected to resume on the same data, got other pictures or labels in "
                f"{', '.join(changed)}; use another --out, or --data of the run's beginning."
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
    spread = row.get("val_age_error_sd")
    figures = ", ".join(
        f"{name.removeprefix('val_')} {value:.4f}"
        + (f" ± {spread:.4f}" if name == "val_age_mae" and spread is not None else "")
        for name, value in row.items()
        if name.startswith("val_") and name != "val_age_error_sd"
    )
    return (
        f"epoch {row['epoch']:.0f}/{epochs}: loss {row['train_loss']:.3f}; {figures}; "
        f"{row['images_per_s']:.0f} images/s, {minutes_left:.0f} min left"
    )


def measure_cost(started: float, cpu_started: float) -> EpochRow:
    """Return what an epoch has cost: seconds, of the processor too, and the peak memory so far.

    Args:
        started: `time.monotonic` at its start.
        cpu_started: `time.process_time` at its start.
    """
    return {
        "seconds": monotonic() - started,
        "cpu_seconds": process_time() - cpu_started,
        "memory_mb": peak_memory_mb(),
    }


def peak_memory_mb() -> float:
    """Return the highest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux: KiB


def say_absent_classes(pool: SamplePool, heads: Sequence[Head]) -> None:
    """Say which classes of the heads no training sample shows."""
    for head in heads:
        if labels := ", ".join(head.labels[k] for k in pool.absent(head.task)):
            progress.say(
                f"no training sample shows {labels}; the network cannot learn that, "
                "add some or leave it out of the heads"
            )
