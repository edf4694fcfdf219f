"""Train a recipe and export the result: recipe -> run folder -> bundle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from core import progress
from core.errors import UserError
from core.system import ROOT
from evaluation.training_runs.run_folder import RunFolder
from train.recipe.arguments import data_folders, is_generated, is_manifest
from train.recipe.override import override
from train.recipe.ranges import check_values
from train.recipe.recipe import Recipe, load, short_name

if TYPE_CHECKING:
    from train.batches.data import DatasetPart

FLAGSHIP = "mien"
"""The recipe that is trained where none is named: that of the shipped model."""


@dataclass(frozen=True, slots=True)
class Job:
    """One training as it was asked for.

    Attributes:
        recipe: name of a file of train/recipes, or the path of another Python file.
        sets: changes of the recipe, as for --set.
        data: folder, manifest or JSON file, as for --data; None where all data are drawn.
        out: run folder; None for runs/RECIPE.
        epochs: instead of the recipe's.
        budget_s: seconds that training may take; the schedule is fitted into it.
        limit: samples of each data set, spread over it; None for all.
        resume: continue from the run folder's last checkpoint.
        keep_lr: stay at the last learning rate where a longer schedule would raise it.
    """

    recipe: str
    sets: tuple[str, ...] = ()
    data: str | None = None
    out: Path | None = None
    epochs: int | None = None
    budget_s: float | None = None
    limit: int | None = None
    resume: bool = False
    keep_lr: bool = False

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.out or ROOT / "runs" / short_name(self.recipe)

    @property
    def folders(self) -> Mapping[str, str]:
        """Data set -> folder; drawn data sets need none."""
        return data_folders(self.data) if self.data else {"*": "."}

    def changes(self) -> list[str]:
        """Return all changes of the recipe, as for --set."""
        is_named = self.data is not None and is_manifest(self.data)
        # a manifest is one data set: there are none to be drawn by their weights
        manifest = ["data=manifest", "validation="] if is_named else []
        if is_named and load(self.recipe).sampling.order == "weighted":
            manifest.append("sampling.order=shuffle")
        epochs = [f"epochs={self.epochs}"] if self.epochs is not None else []
        return [*manifest, *self.sets, *epochs]

    def resolve(self) -> Recipe:
        """Return the recipe with all changes applied.

        Raises:
            UserError: no such recipe or field, or a value of another type or out of its range.
        """
        recipe: Recipe = override(load(self.recipe), self.changes())
        check_values(recipe)
        return recipe


def fit(job: Job) -> Path | None:
    """Train a recipe and export its best checkpoint.

    Returns:
        The bundle's folder; None in all processes but the first.

    Raises:
        UserError: no data, or the folder holds a run that is not to be resumed.
    """
    from train.loop import distributed

    recipe = job.resolve()
    _check_job(job, recipe)
    with distributed.process_group():
        return train_and_export(job, recipe)


def fit_with_prerequisites(job: Job) -> Path | None:
    """Train all recipes that the job's recipe builds on, where they are not finished yet, then it.

    Each lies in runs/NAME and is resumed where it was stopped. The job's budget is shared by
    those left to train, in proportion to their epochs. Returns and raises as `fit` does.
    """
    from train.loop import distributed
    from train.runs import prerequisites

    _check_job(job, job.resolve())
    with distributed.process_group():
        changes = job.changes()
        for text in changes:
            if text.startswith(prerequisites.LINKS):
                raise UserError(
                    f"Expected no --prerequisites with --set {text}, as each recipe has its own; "
                    f"try python -m train {job.recipe} --set {text}."
                )
        recipes = {name: override(load(name), changes) for name in prerequisites.order(job.recipe)}
        finished = {
            name
            for name, recipe in recipes.items()
            if name != job.recipe
            and prerequisites.finished(name, recipe, job.limit, job.budget_s is not None)
        }
        epochs = {name: r.epochs for name, r in recipes.items() if name not in finished}
        share_s = {
            name: None if job.budget_s is None else job.budget_s * n / sum(epochs.values())
            for name, n in epochs.items()
        }
        for name in list(epochs)[:-1]:
            progress.say(f"{job.recipe} builds on {name}, which comes first")
            train_and_export(
                replace(job, recipe=name, out=None, budget_s=share_s[name], resume=True),
                recipes[name],
            )
        return train_and_export(replace(job, budget_s=share_s[job.recipe]), recipes[job.recipe])


def load_splits(job: Job, recipe: Recipe, *splits: str) -> list[list[DatasetPart]]:
    """Load the samples of a job's recipe, one list of parts per split ("train", "val").

    Raises:
        UserError: no data.
    """
    from core.faces import best_detector
    from train.batches.data import load_parts

    _check_data(job, recipe)
    detector, description = best_detector()
    progress.say(f"detector: {description}")
    return [load_parts(recipe, job.folders, split, detector, job.limit) for split in splits]


def train_and_export(job: Job, recipe: Recipe) -> Path | None:
    """Train the resolved `recipe` of a job in this process, which has joined the others."""
    from train.export.export import export_run
    from train.loop import distributed
    from train.loop.trainer import Trainer

    started = monotonic()
    with distributed.local_main_first():
        train_parts, val_parts = load_splits(job, recipe, "train", "val")
    data_seconds = monotonic() - started
    run = Trainer(recipe, job.folder)
    data = {
        f"{part.samples.name} {part.samples.split}": part.samples.fingerprint
        for part in (*train_parts, *val_parts)
    }
    run.facts = replace(
        run.facts, limit=job.limit, budget_s=job.budget_s, data=data, data_seconds=data_seconds
    )
    if job.resume:
        progress.say(
            f"resumed after epoch {run.epoch}"
            if run.resume(job.keep_lr)
            else f"nothing to resume in {job.folder}; starts anew"
        )
    run.train(train_parts, val_parts, job.budget_s)
    if not distributed.is_main():
        return None
    bundle = export_run(job.folder, short_name(job.recipe), train_parts, val_parts)
    progress.say(f"model and card: {bundle}")
    return bundle


def _check_job(job: Job, recipe: Recipe) -> None:
    _check_data(job, recipe)
    _check_folder(job.folder)
    if RunFolder(job.folder).last_checkpoint.is_file() and not job.resume:
        raise UserError(
            f"Expected an empty run folder, got {job.folder} with a checkpoint; add --resume to "
            "continue, or choose another --out."
        )


def _check_folder(folder: Path) -> None:
    """Refuse a run folder that cannot be written, before data are read.

    Raises:
        UserError: it is a file, or below one, or cannot be written.
    """
    parent = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        reason = "cannot be written" if parent.is_dir() else "is a file"
        raise UserError(
            f"Expected a run folder that can be written, got {folder}: {parent} {reason}; "
            "choose another --out."
        )


def _check_data(job: Job, recipe: Recipe) -> None:
    if job.data is None and not is_generated(recipe):
        raise UserError(
            "Expected --data DIR, the folder that holds the data sets; see docs/training.md."
        )
