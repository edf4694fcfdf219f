"""Transfer learning against custom networks: accuracy and size of training runs of either kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.errors import DataError
from evaluation.training_runs import generalization_gap
from evaluation.training_runs.run_folder import find
from evaluation.training_runs.training_run import TrainingRun, read

TRANSFER = "transfer"
CUSTOM = "custom"
MAX_RUNS = 200
"""Run folders that are read."""


@dataclass(frozen=True, slots=True)
class ClassifierRun:
    """A run that learned classes, at its best epoch.

    Attributes:
        kind: TRANSFER where it began with weights learned elsewhere (`pretrained`, or `start`),
            else CUSTOM.
        parameters: None where the run did not record them.
        train, val: accuracy in [0, 1].
        gap: percentage points, with its verdict.
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


def kind(recipe: Mapping[str, object]) -> str:
    """Return TRANSFER or CUSTOM for a recipe.

    >>> kind({"model": {"family": "timm", "pretrained": True}})
    'transfer'
    >>> kind({"model": {"pretrained": False}, "start": ""})
    'custom'
    """
    model = recipe.get("model")
    pretrained = bool(model.get("pretrained")) if isinstance(model, Mapping) else False
    return TRANSFER if pretrained or recipe.get("start") else CUSTOM


def classifier_runs(root: str | Path) -> list[ClassifierRun]:
    """Return the runs in and below `root` that learned classes, in order of their folders.

    Folders that cannot be read are left out.

    Raises:
        DataError: `root` is no folder.
    """
    rows = []
    for folder in islice(find(root), MAX_RUNS):
        try:
            run = read(folder)
        except DataError:
            continue
        if row := _classifier_run(run):
            rows.append(row)
    return rows


def _classifier_run(run: TrainingRun) -> ClassifierRun | None:
    task, gap, band = run.task, run.gap(), run.verdict
    if task is None or gap is None or band is None:
        return None
    row, model = run.row(run.best), run.recipe.get("model")
    parameters = (run.summary or {}).get("parameters")
    total = parameters.get("total") if isinstance(parameters, Mapping) else None
    return ClassifierRun(
        run=run.name,
        family=str(model.get("family", "")) if isinstance(model, Mapping) else "",
        kind=kind(run.recipe),
        parameters=total if isinstance(total, int) and total > 0 else None,
        task=task,
        train=row[f"train_{task}_accuracy"],
        val=row[f"val_{task}_accuracy"],
        gap=gap,
        verdict=band,
    )
