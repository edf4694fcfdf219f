"""Recipes that build on others: the run that one starts from and the teachers that it learns from come first."""

from __future__ import annotations

import json
from pathlib import Path

from core import discover
from core.weights import ROOT
from train.recipe import Recipe, load
from train.summary import SUMMARY

RUNS = Path("runs")


def links(recipe: Recipe) -> tuple[str, ...]:
    """Recipes that this one builds on directly: those whose run folder, runs/NAME, it names."""
    known = discover.names("train.recipes")
    named = [Path(p) for p in (recipe.start, *recipe.distill.teachers) if p]
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


def finished(name: str) -> bool:
    """Whether runs/`name` holds a run that came to its end."""
    try:
        return json.loads((ROOT / RUNS / name / SUMMARY).read_text(encoding="utf-8"))["state"] in ("finished", "stopped early")
    except (OSError, ValueError, KeyError, TypeError):
        return False
