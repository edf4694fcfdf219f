"""Transfer against custom: what training runs that began with learned weights reach beside those
that began with none, and at what size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import DataError
from evaluation.commands import runs
from evaluation.training_runs import generalization_gap

TRANSFER, CUSTOM = "transfer", "custom"
MOST = 200
"""Run folders that are read."""


@dataclass(frozen=True, slots=True)
class Learned:
    """One run at its best epoch. kind: TRANSFER where it began with weights learned elsewhere
    (`pretrained`, or `start`), else CUSTOM.

    parameters: None where the run did not note them. train, val: accuracy in [0, 1]. gap:
    percentage points with its verdict.
    """

    run: str
    family: str
    kind: str
    parameters: int | None
    task: str
    train: float
    val: float
    gap: float
    verdict: generalization_gap.Band


def kind(recipe: Mapping[str, Any]) -> str:
    """TRANSFER or CUSTOM, as a recipe says.

    >>> kind({"model": {"family": "timm", "pretrained": True}}), kind({"model": {"pretrained": False}, "start": ""})
    ('transfer', 'custom')
    """
    model = recipe.get("model")
    learned = bool(model.get("pretrained")) if isinstance(model, Mapping) else False
    return TRANSFER if learned or recipe.get("start") else CUSTOM


def learned(root: str | Path) -> list[Learned]:
    """The runs in and below `root` that learned classes, in order of their folders; those that
    cannot be read are left out.

    Raises:
        DataError: `root` is no folder.
    """
    made = []
    for _, folder in zip(range(MOST), runs.find(root), strict=False):
        try:
            run = runs.read(folder)
        except DataError:
            continue
        task, gap, band = run.task, run.gap(), run.verdict
        if task is None or gap is None or band is None:
            continue
        row, model = run.row(run.best), run.recipe.get("model")
        counted = (run.summary or {}).get("parameters")
        size = counted.get("total") if isinstance(counted, Mapping) else None
        made.append(
            Learned(
                run.name,
                str(model.get("family", "")) if isinstance(model, Mapping) else "",
                kind(run.recipe),
                size if isinstance(size, int) and size > 0 else None,
                task,
                row[f"train_{task}_accuracy"],
                row[f"val_{task}_accuracy"],
                gap,
                band,
            )
        )
    return made
