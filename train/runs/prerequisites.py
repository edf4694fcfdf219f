"""Recipes that a recipe builds on: the runs that it starts from, and its teachers."""

from __future__ import annotations

from pathlib import Path

from core import registry
from core.errors import DataError, UserError
from core.system import ROOT
from evaluation.training_runs.run_folder import RunFolder
from train.recipe.recipe import Recipe, from_dict, load
from train.runs.status import differing_fields

RUNS = Path("runs")
LINKS = ("start=", "distill.teachers=")
"""Fields that say what a recipe builds on, as --set has them."""


def links(recipe: Recipe) -> tuple[str, ...]:
    """Return the recipes that this one builds on directly: it names their folders runs/NAME."""
    names = registry.names("train.recipes")
    paths = [Path(p) for p in (*recipe.starts, *recipe.distill.teachers)]
    return tuple(dict.fromkeys(p.name for p in paths if p.parent == RUNS and p.name in names))


def order(name: str) -> tuple[str, ...]:
    """Return `name` and all that it builds on, each once, after what it builds on itself."""
    ordered: dict[str, None] = {}

    def visit(recipe_name: str) -> None:
        for prerequisite in links(load(recipe_name)):
            visit(prerequisite)
        ordered.setdefault(recipe_name)

    visit(name)
    return tuple(ordered)


def finished(name: str, recipe: Recipe, limit: int | None = None, budgeted: bool = False) -> bool:
    """Return whether runs/`name` holds a run of `recipe` that came to its end.

    Args:
        name: of the run folder.
        recipe: resolved.
        limit: samples of each data set that the run has to have.
        budgeted: whether a budget may have ended it early.

    Returns:
        False where there is no run, or one to be resumed.

    Raises:
        UserError: it holds another run than that; names what differs.
    """
    folder = RunFolder(ROOT / RUNS / name)
    try:
        summary = folder.summary()
        if summary is None:
            return False
        differing = differing_fields(recipe, from_dict(summary["recipe"]))
        is_over = summary["state"] in ("finished", "stopped early")
        epochs = summary["epochs"]
        is_shortened = is_over and epochs["planned"] < epochs["recipe"]
    except (DataError, KeyError, TypeError, ValueError):
        return False
    differing += ["--limit"] if summary.get("limit") != limit else []
    differing += ["--budget"] if is_shortened and not budgeted else []
    if differing:
        raise UserError(
            f"Expected {folder.path}, which another recipe builds on, to be new or the same "
            f"training as this command, got one with another {', '.join(differing)}; "
            "move it away, or repeat its command."
        )
    return is_over
