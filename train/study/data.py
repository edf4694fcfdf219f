"""The data that a study's members have to be trained on, to tell their runs from others."""

from __future__ import annotations

from core import progress
from core.data import Samples
from core.errors import DataError
from train.batches.data import read_split, relabel
from train.recipe.recipe import Recipe
from train.runs.card_metrics import DataUse
from train.study.plan import StudyPlan


class PlannedData:
    """The samples that a plan's --data and --limit select; each data set is read once."""

    def __init__(self, plan: StudyPlan) -> None:
        self.plan = plan
        self._samples: dict[tuple[str, str], Samples] = {}

    def of(self, recipe: Recipe) -> list[DataUse] | None:
        """Return what a recipe is trained and validated on; None where the data are not here."""
        uses: list[DataUse] = []
        try:
            parts = [(name, split) for split in ("train", "val") for name in recipe.datasets(split)]
            for name, split in parts:
                samples = self._load(name, split)
                with progress.console().capture():  # training prints these lines again
                    samples, _ = relabel(samples, recipe)
                uses.append(DataUse(name, split, samples.fingerprint, len(samples)))
        except DataError:  # training names the fault and the way out
            return None
        return uses

    def _load(self, name: str, split: str) -> Samples:
        if (name, split) not in self._samples:
            samples = read_split(name, self.plan.folders or {}, split)
            self._samples[name, split] = samples.spread(self.plan.limit)
        return self._samples[name, split]
