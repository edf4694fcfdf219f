"""How far a run folder is: whether it holds the finished run of a recipe on given data, and its
figures and costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from core.artifacts import bundle
from core.artifacts.bundle import Card
from core.errors import UserError
from train.recipe.recipe import Recipe, from_dict
from train.runs import checkpoint

SAYS_NOTHING = ("source", "expected", "findings")
"""Fields of a recipe that change no weight."""
CARD = {
    "emotion_accuracy": "emotion_accuracy",
    "gender_accuracy": "gender_accuracy",
    "age_mae": "age_mean_absolute_error_years",
}
"""A figure's name in the history (without `val_`) -> on the card."""
NEAR = {"age_mae": 0.2}
"""How far a card's figure may be from the history's (shares: 0.01): half precision and another
runtime turn a few close calls.
"""
UNREADABLE = 0.01
"""Share of the pictures that may be missing on the card: those that could not be decoded."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure over all validation parts that carry it, with its 95 % interval. on: (data set,
    fingerprint, n) of each part.
    """

    value: float
    low: float
    high: float
    n: int
    on: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """state: new (nothing there), open (to be gone on with, or exported), finished, or foreign
    (another run: hands off). why: in words.

    history: one row an epoch. best: the epoch, from 1, whose weights were exported. images: seen in
    training. figures: by the name in the history, none where the card says otherwise than it.
    """

    state: Literal["new", "open", "finished", "foreign"]
    why: str = ""
    history: Sequence[Mapping[str, float]] = ()
    best: int = 0
    images: int = 0
    card: Card | None = None
    figures: Mapping[str, Measured] = field(default_factory=dict)


def look(folder: Path, recipe: Recipe, data: list[dict[str, Any]] | None = None) -> Standing:
    """What stands in `folder`, as a run of `recipe` on `data` ({name, split, fingerprint, n} each;
    None: on any).
    """
    if not (folder / "last.pt").is_file() or not (folder / "best.pt").is_file():
        return Standing("new", f"nothing in {folder}")
    try:
        last, best = (
            checkpoint.load(folder / "last.pt"),
            int(checkpoint.load(folder / "best.pt")["epoch"]),
        )
        theirs, ours = from_dict(last["recipe"]).to_dict(), recipe.to_dict()
    except UserError as error:  # damaged, or a newer version's
        return Standing("foreign", str(error))
    differing = [k for k in ours if ours[k] != theirs[k] and k not in SAYS_NOTHING]
    if differing and differing != ["epochs"]:
        return Standing(
            "foreign",
            f"{folder} holds a run with other values of {', '.join(differing)}; another --out leaves it alone",
        )
    over = last["epoch"] >= last["epochs"] or 0 < recipe.patience <= last["stale"]
    if differing or not over:
        return Standing("open", f"stopped after epoch {last['epoch']} of {last['epochs']}")
    try:
        card = bundle.load(folder / "bundle").card
    except UserError as error:
        return Standing("open", f"not exported: {error}")
    strange = _strange(card, data)
    if strange:
        return Standing(
            "foreign",
            f"{folder} holds a run on other data ({strange}); another --out leaves it alone",
        )
    history = last["history"]
    figures = {name: m for name in CARD if (m := measured(card, name))}
    trained = sum(d["n"] for d in card.data if d["split"] == "train")
    images = last["step"] * recipe.accumulation * min(recipe.batch, trained or recipe.batch)
    wrong = [
        name
        for name, m in figures.items()
        if not _near(name, m, history[best - 1].get(f"val_{name}"))
    ]
    state: Literal["open", "finished"] = "open" if wrong or not figures else "finished"
    why = (
        f"its card and its history disagree about {', '.join(wrong)}"
        if wrong
        else ""
        if figures
        else "its card has no figures"
    )
    return Standing(state, why, history, best, images, card, {} if wrong else figures)


def _near(name: str, m: Measured, history: float | None) -> bool:
    return history is None or abs(m.value - history) <= NEAR.get(name, max(0.01, 2.5 / m.n))


def _strange(card: Card, data: list[dict[str, Any]] | None) -> str:
    """Which part of a card's data is not as expected; empty where all are, or nothing is expected."""
    if data is None:
        return ""
    there = {(d["name"], d["split"]): d for d in card.data}
    for d in data:
        has = there.get((d["name"], d["split"]), {"fingerprint": "", "n": 0})
        if (
            has["fingerprint"] != d["fingerprint"]
            or not d["n"] * (1 - UNREADABLE) <= has["n"] <= d["n"]
        ):
            return f"{has['n']:,} pictures of {d['name']} {d['split']}, not {d['n']:,}, or changed ones"
    return ""


def measured(card: Card, name: str) -> Measured | None:
    """A figure of a card over all its data sets, each sample counting once; None where the card has
    none, or none with an interval.

    Their intervals are put together as those of independent samples (Zou and Donner, Stat. Med.
    2008); one alone stays as it is.
    """
    rows = [
        m
        for m in card.metrics
        if m["metric"] == CARD[name] and not m.get("group") and m["value"] is not None
    ]
    if not rows or not all(
        m.get("ci95") for m in rows
    ):  # without an interval there is nothing to compare
        return None
    n, value = (np.array([m[k] for m in rows], float) for k in ("n", "value"))
    low, high = np.array([m["ci95"] for m in rows], float).T
    share = n / n.sum()
    middle = float(share @ value)
    below, above = (float(np.sqrt(((share * d) ** 2).sum())) for d in (value - low, high - value))
    marks = {(d["name"], d["split"]): d["fingerprint"] for d in card.data}
    on = tuple((m["data"], marks.get((m["data"], m["split"]), ""), int(m["n"])) for m in rows)
    return Measured(middle, middle - below, middle + above, int(n.sum()), on)


def total(history: Sequence[Mapping[str, float]], column: str) -> float | None:
    """Sum of a column of the history; None where an older run lacks it."""
    values = pd.DataFrame(list(history)).get(column)
    return None if values is None or values.isna().any() else float(values.sum())
