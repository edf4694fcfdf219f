"""How far a run is: new, to be continued, or the finished run of a recipe on given data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from core.artifacts import bundle
from core.artifacts.card import Card
from core.errors import UserError
from evaluation.training_runs.run_folder import RunFolder
from train.recipe.recipe import Recipe, from_dict
from train.runs import checkpoint
from train.runs.card_metrics import CARD_METRICS, DataUse, PooledMetric, data_uses, pooled_metric

DESCRIPTIVE_FIELDS = ("source", "expected", "findings")
"""Fields of a recipe that describe it and change no weight."""
AGE_TOLERANCE_YEARS, SHARE_TOLERANCE = 0.2, 0.01
"""How far a card's figure may be from the history's: half precision and another runtime turn a few
close calls.
"""
MAX_UNREADABLE_SHARE = 0.01
"""Share of the samples that the card may lack: those whose pictures could not be decoded."""


@dataclass(frozen=True, slots=True, eq=False)
class RunStatus:
    """What a run folder holds, seen from a recipe and its data.

    Attributes:
        state: new (nothing there), open (to be resumed, or exported), finished, or foreign (another
            run, not to be touched).
        why: the reason in words.
        history: one row an epoch.
        best: the epoch, from 1, whose weights were exported.
        images: seen in training, with repeats.
        card: of the exported bundle.
        figures: by the name in the history; none where the card contradicts it.
    """

    state: Literal["new", "open", "finished", "foreign"]
    why: str = ""
    history: Sequence[Mapping[str, float]] = ()
    best: int = 0
    images: int = 0
    card: Card | None = None
    figures: Mapping[str, PooledMetric] = field(default_factory=dict)

    @property
    def data(self) -> tuple[DataUse, ...]:
        """What the run was trained and validated on."""
        return data_uses(self.card) if self.card else ()


def differing_fields(ours: Recipe, theirs: Recipe) -> list[str]:
    """Return the fields in which two recipes differ, but for those that change no weight."""
    mine, other = ours.to_dict(), theirs.to_dict()
    return [k for k in mine if mine[k] != other[k] and k not in DESCRIPTIVE_FIELDS]


LAST_ENTRIES = ("recipe", "epoch", "epochs", "stale", "step", "history")
BEST_ENTRIES = ("recipe", "model", "epoch")
"""What the checkpoints of a run hold."""


def read_status(path: Path, recipe: Recipe, data: Sequence[DataUse] | None = None) -> RunStatus:
    """Return the status of the folder `path` as a run of `recipe`.

    Args:
        path: a run folder, which need not exist.
        recipe: resolved.
        data: what the run has to be trained and validated on; None for any data.
    """
    folder = RunFolder(path)
    if not folder.last_checkpoint.is_file() or not folder.best_checkpoint.is_file():
        return RunStatus("new", f"nothing in {path}")
    try:
        last = checkpoint.load(folder.last_checkpoint, LAST_ENTRIES)
        best = int(checkpoint.load(folder.best_checkpoint, BEST_ENTRIES)["epoch"])
        differing = differing_fields(recipe, from_dict(last["recipe"]))
    except UserError as error:  # damaged, or a newer version's
        return RunStatus("foreign", str(error))
    if differing and differing != ["epochs"]:
        return RunStatus(
            "foreign",
            f"{path} holds a run with other values of {', '.join(differing)}; "
            "another --out leaves it alone",
        )
    is_over = last["epoch"] >= last["epochs"] or 0 < recipe.patience <= last["stale"]
    if differing or not is_over:
        return RunStatus("open", f"stopped after epoch {last['epoch']} of {last['epochs']}")
    try:
        card = bundle.load_card(folder.bundle)
    except UserError as error:
        return RunStatus("open", f"not exported: {error}")
    if mismatch := _data_mismatch(card, data):
        return RunStatus(
            "foreign",
            f"{path} holds a run on other data ({mismatch}); another --out leaves it alone",
        )
    return _exported(card, recipe, last, best)


def _exported(card: Card, recipe: Recipe, last: Mapping[str, Any], best: int) -> RunStatus:
    """Return the status of a run that is over and has a bundle."""
    history = last["history"]
    figures = {name: m for name in CARD_METRICS if (m := pooled_metric(card, name))}
    trained = sum(use.n for use in data_uses(card) if use.split == "train")
    images = last["step"] * recipe.accumulation * min(recipe.batch, trained or recipe.batch)
    contradicted = [
        name
        for name, metric in figures.items()
        if not _agrees(name, metric, history[best - 1].get(f"val_{name}"))
    ]
    why = "" if figures else "its card has no figures"
    if contradicted:
        why = f"its card and its history disagree about {', '.join(contradicted)}"
    state: Literal["open", "finished"] = "open" if why else "finished"
    return RunStatus(state, why, history, best, images, card, {} if why else figures)


def _agrees(name: str, metric: PooledMetric, in_history: float | None) -> bool:
    tolerance = AGE_TOLERANCE_YEARS if name == "age_mae" else max(SHARE_TOLERANCE, 2.5 / metric.n)
    return in_history is None or abs(metric.value - in_history) <= tolerance


def _data_mismatch(card: Card, data: Sequence[DataUse] | None) -> str:
    """Return which part of a card's data is not as expected; empty where none is."""
    by_part = {(use.name, use.split): use for use in data_uses(card)}
    for expected in data or ():
        use = by_part.get((expected.name, expected.split))
        n, fingerprint = (use.n, use.fingerprint) if use else (0, "")
        if (
            fingerprint != expected.fingerprint
            or not expected.n * (1 - MAX_UNREADABLE_SHARE) <= n <= expected.n
        ):
            return (
                f"{n:,} pictures of {expected.name} {expected.split}, not {expected.n:,}, "
                "or changed ones"
            )
    return ""


def total(history: Sequence[Mapping[str, float]], column: str) -> float | None:
    """Return the sum of a column of the history; None where an epoch lacks it, as in older runs."""
    values = [row.get(column) for row in history]
    numbers = [v for v in values if v is not None and not math.isnan(v)]
    return float(sum(numbers)) if numbers and len(numbers) == len(values) else None
