"""Recipes that build on others: the run that one starts from and the teachers that it learns from
come first.
"""

from __future__ import annotations

import json
from pathlib import Path

from core import registry
from core.artifacts.downloads import ROOT
from core.errors import UserError
from train.recipe.recipe import Recipe, from_dict, load
from train.runs.status import SAYS_NOTHING
from train.runs.summary import SUMMARY

RUNS = Path("runs")
LINKS = ("start=", "distill.teachers=")
"""Fields that say what a recipe builds on, as --set has them."""


def links(recipe: Recipe) -> tuple[str, ...]:
    """Recipes that this one builds on directly: those whose run folder, runs/NAME, it names."""
    known = registry.names("train.recipes")
    named = [Path(p) for p in (*recipe.starts, *recipe.distill.teachers)]
    return tuple(dict.fromkeys(p.name for p in named if p.parent == RUNS and p.name in known))


def order(name: str) -> tuple[str, ...]:
    """`name` and all that it builds on, each once, after what it builds on itself."""
    found: dict[str, None] = {}

    def visit(one: str) -> None:
        for before in links(load(one)):
            visit(before)
        found.setdefault(one)

    visit(name)
    return tuple(found)


def finished(name: str, recipe: Recipe, limit: int | None = None, budgeted: bool = False) -> bool:
    """Whether runs/`name` holds a run of `recipe` on so many samples that came to its end; False
    where there is none, or one to go on with. budgeted: whether a budget may have ended it early.

    Raises:
        UserError: it holds another run than that; names what differs.
    """
    folder = ROOT / RUNS / name
    try:
        found = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        theirs, over, epochs = (
            from_dict(found["recipe"]).to_dict(),
            found["state"] in ("finished", "stopped early"),
            found["epochs"],
        )
        short = over and epochs["planned"] < epochs["recipe"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    ours = recipe.to_dict()
    differing = [k for k in ours if ours[k] != theirs[k] and k not in SAYS_NOTHING]
    differing += ["--limit"] * (found.get("limit") != limit) + ["--budget"] * (
        short and not budgeted
    )
    if differing:
        raise UserError(
            f"Expected {folder}, which the flagship builds on, to be new or a run as asked for now, got one with another "
            f"{', '.join(differing)}; move it away, or ask for the same."
        )
    return over
