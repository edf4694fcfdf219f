"""Estimate the memory and time of a training from steps measured on this machine."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from core import progress, system
from core.errors import UserError
from core.faces import best_detector
from train.batches.data import DatasetPart, load_parts
from train.loop.memory import is_out_of_memory
from train.loop.profile import TrainingProfile, profile
from train.loop.run_state import peak_memory_mb
from train.recipe.recipe import Recipe
from train.recipe.settings import Distill, Sampling

READY_BATCHES = 5
"""Batches of drawn faces that are learnt from; the profile holds four of them in memory."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What a training would take, without validation and export.

    Attributes:
        batch: samples of a batch that fits into memory.
        accumulation: batches for each update of the weights, so that as many samples count.
        images: of an epoch.
        epochs: of the recipe.
        images_per_s: of loading and training together.
        epoch_s: seconds of an epoch.
        total_s: seconds of all epochs.
        memory_mb: MiB at the highest, of the accelerator or else of this process.
        available_mb: MiB of the accelerator or else of the machine; None where not known.
        device: accelerator or processor.
    """

    batch: int
    accumulation: int
    images: int
    epochs: int
    images_per_s: float
    epoch_s: float
    total_s: float
    memory_mb: float
    available_mb: float | None
    device: str


def estimate(recipe: Recipe, images: int) -> TrainingPlan:
    """Return what a recipe would take on this machine, measured on drawn faces.

    Args:
        recipe: trained from fresh weights, without teachers.
        images: of an epoch.

    Raises:
        UserError: not even a batch of two fits into memory.
    """
    recipe = replace(recipe, start="", distill=Distill(), sampling=Sampling(), data=("synthetic",))
    parts = _drawn_parts(recipe)
    batch = recipe.batch
    while True:
        try:
            report = profile(replace(recipe, batch=batch), parts)
            break
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if batch < 4:
                raise UserError(
                    f"Expected a batch of 2 samples to fit into memory, got: {error}; try a "
                    "smaller network or input."
                ) from error
            progress.say(f"a batch of {batch} does not fit into memory")
            batch //= 2
    return _plan(recipe, report, images)


def _drawn_parts(recipe: Recipe) -> list[DatasetPart]:
    detector, _ = best_detector()
    return load_parts(recipe, {"*": "."}, "train", detector, READY_BATCHES * recipe.batch)


def _plan(recipe: Recipe, report: TrainingProfile, images: int) -> TrainingPlan:
    """Return the plan for `images` training pictures, from the measured speed and memory."""
    on_accelerator = torch.cuda.is_available()
    loading, training = (1 / p["images_per_s"] for p in (report.loader, report.training))
    # a CPU loads and trains on the same cores; beside an accelerator both go on at once
    seconds_per_image = max(loading, training) if on_accelerator else loading + training
    memory_mb = peak_memory_mb()
    machine = system.describe_machine()
    available_mb = machine.memory_gb * 1024 if machine.memory_gb else None
    if on_accelerator:
        memory_mb = torch.cuda.max_memory_reserved() / 2**20
        available_mb = torch.cuda.get_device_properties(0).total_memory / 2**20
    return TrainingPlan(
        batch=report.batch,
        accumulation=-(-recipe.batch * recipe.accumulation // report.batch),
        images=images,
        epochs=recipe.epochs,
        images_per_s=1 / seconds_per_image,
        epoch_s=images * seconds_per_image,
        total_s=images * seconds_per_image * recipe.epochs,
        memory_mb=memory_mb,
        available_mb=available_mb,
        device=str(report.machine["accelerator"] or report.machine["processor"]),
    )


def describe(name: str, recipe: Recipe, plan: TrainingPlan) -> str:
    """Return a plan as lines for a terminal, with advice on batch and time."""
    available = f" of {plan.available_mb / 1024:.1f}" if plan.available_mb else ""
    lines = [
        f"{name} on {plan.device}: {plan.images_per_s:,.0f} images/s in batches of {plan.batch}, "
        f"{plan.memory_mb / 1024:.1f}{available} GiB of memory",
        f"an epoch of {plan.images:,} images takes {_time(plan.epoch_s)}, all {plan.epochs} "
        f"{_time(plan.total_s)}, validation and export apart",
    ]
    if plan.batch < recipe.batch:
        lines.append(
            f"batches of {recipe.batch} do not fit: --set batch={plan.batch} --set "
            f"accumulation={plan.accumulation}"
        )
    if plan.total_s > 3600:
        lines.append(
            "to fit the schedule into a time: --budget, such as --budget 1h, which is enough for "
            f"{int(3600 / plan.epoch_s)} epochs"
        )
    return "\n".join(lines)


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
