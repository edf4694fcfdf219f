"""The data that a study's members have to be trained on, to tell their runs from others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from core import progress, registry
from core.data import Samples
from core.errors import DataError
from train.recipe.recipe import Recipe
from train.runs.card_metrics import DataUse
from train.study.plan import StudyPlan

Result = TypeVar("Result")


class PlannedData:
    """The samples that a plan's --data and --limit select; each data set is read once."""

    def __init__(self, plan: StudyPlan) -> None:
        self.plan = plan
        self._samples: dict[tuple[str, str, str], Samples] = {}

    def of(self, recipe: Recipe) -> list[DataUse] | None:
        """Return what a recipe is trained and validated on; None where the data are not here."""
        from train.batches.data import relabel

        uses: list[DataUse] = []
        try:
            for name in recipe.data:
                folder = self._folder(name)
                if folder is None:
                    return None
                for split in ("train", "val"):
                    samples, _ = _silently(relabel, self._load(name, folder, split), recipe)
                    uses.append(DataUse(name, split, samples.fingerprint, len(samples)))
        except DataError:  # training names the fault and the way out
            return None
        return uses

    def _folder(self, name: str) -> str | None:
        folders = self.plan.folders or {}
        generated = getattr(registry.load("core.data", name), "GENERATED", False)
        return folders.get(name, folders.get("*", "." if generated else None))

    def _load(self, name: str, folder: str, split: str) -> Samples:
        key = (name, folder, split)
        if key not in self._samples:
            with progress.task(f"read {name} {split}"):
                samples = registry.load("core.data", name).load(folder, split)
            self._samples[key] = samples.spread(self.plan.limit)
        return self._samples[key]


def _silently(work: Callable[..., Result], *arguments: object) -> Result:
    """`work` without the lines that it prints; training prints them again."""
    with progress.console().capture():
        return work(*arguments)
