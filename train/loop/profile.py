"""Measure the input pipeline beside the training that it feeds: `python -m train RECIPE --profile`.

Both are measured in turns of a second, so that other work on the machine meets both, and each
alone: batches are made and thrown away, then ready batches are learnt from. On a CPU the two share
the cores, so a ratio of 3 costs training a quarter of its time; beside an accelerator the batches
are made meanwhile, and a ratio over 1 is enough.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic, process_time

from core import progress
from train.batches.collate import collate
from train.batches.data import DatasetPart
from train.batches.pool import Batch, gather
from train.batches.sampling import batches
from train.loop.trainer import Trainer
from train.recipe.recipe import Recipe
from train.runs.facts import machine

MIN_RATIO = 3.0
"""Images per second of the loader over those of training, from which it is fast enough."""
TURN_S = 1.0
READY_BATCHES = 4
"""Batches that training is measured on; a larger number would only fill memory."""


@dataclass(slots=True)
class Clock:
    """Images and the time that they took; `cpu_s` is of all threads."""

    images: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0

    def run(self, step: Callable[[], int], seconds: float) -> None:
        """Repeat `step`, which returns its number of images, for about `seconds`."""
        started, cpu_started = monotonic(), process_time()
        while True:
            self.images += step()
            if monotonic() - started >= seconds:
                break
        self.seconds += monotonic() - started
        self.cpu_s += process_time() - cpu_started

    def figures(self) -> dict[str, float]:
        """Return images per second, elapsed and of the processor, and on how much."""
        return {
            "images_per_s": round(self.images / self.seconds, 1),
            "images_per_cpu_s": round(self.images / max(self.cpu_s, 1e-9), 1),
            "images": self.images,
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True, slots=True)
class TrainingProfile:
    """Speed of the loader, which makes batches, and of training, which learns from ready ones.

    Attributes:
        batch: images of a batch.
        amp: precision of the recipe.
        loader, training: see `Clock.figures`.
        ratio: images per second of the loader over those of training.
        wanted: ratio from which the loader is fast enough.
        verdict: whether it is, in words.
        machine: on which this was measured.
    """

    batch: int
    amp: str
    loader: Mapping[str, float]
    training: Mapping[str, float]
    ratio: float
    wanted: float
    verdict: str
    machine: Mapping[str, str | float | None]


def profile(recipe: Recipe, parts: Sequence[DatasetPart], seconds: float = 5.0) -> TrainingProfile:
    """Return images per second of the loader and of training, their ratio, and a verdict.

    Args:
        recipe: trained from fresh weights.
        parts: the training samples.
        seconds: about how long each of the two is measured.
    """
    recipe = replace(recipe, start="")  # fresh weights take as long, and need no run to be there
    pool = gather(parts, recipe)
    names = tuple(p.samples.name for p in parts)
    loader_clock, training_clock = Clock(), Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(recipe, Path(folder))
        generator = trainer.start_epoch()

        order = partial(
            batches,
            recipe.sampling,
            recipe.batch,
            recipe.seed,
            source=pool.source,
            label=pool.label(),
            names=names,
        )
        indices = itertools.chain.from_iterable(order(epoch=i) for i in itertools.count())
        steps = itertools.count(1)

        def load() -> Batch:
            return collate(pool.batch(next(indices)), recipe, generator)

        ready = itertools.cycle([load() for _ in range(READY_BATCHES)])

        def learn() -> int:
            batch = next(ready)
            trainer.train_step(batch, update=next(steps) % recipe.accumulation == 0)
            return len(batch)

        load()  # the first ones also allocate and compile
        learn()
        turns = max(1, round(seconds / TURN_S))
        with progress.task("profile", turns) as advance:
            for turn in range(turns):
                loader_clock.run(lambda: len(load()), TURN_S)
                training_clock.run(learn, TURN_S)
                advance(turn + 1)
    return _compared(recipe, loader_clock, training_clock)


def _compared(recipe: Recipe, loader: Clock, training: Clock) -> TrainingProfile:
    """Return both speeds, their ratio and the verdict."""
    ratio = (loader.images / loader.seconds) / (training.images / training.seconds)
    return TrainingProfile(
        batch=recipe.batch,
        amp=recipe.amp,
        loader=loader.figures(),
        training=training.figures(),
        ratio=round(ratio, 2),
        wanted=MIN_RATIO,
        verdict="keeps up" if ratio >= MIN_RATIO else "holds training up",
        machine=machine(),
    )


def describe(name: str, report: TrainingProfile) -> str:
    """Return a few lines about a report of `profile` for a terminal."""
    computer = report.machine
    lines = [
        f"{name}, batch {report.batch}, {report.amp}, {computer['processor']}, "
        f"{computer['threads']} threads"
    ]
    lines += [
        f"{part:9} {speeds['images_per_s']:>11,.0f} images/s "
        f"{speeds['images_per_cpu_s']:>11,.0f} per CPU second  ({description})"
        for part, speeds, description in (
            ("loader", report.loader, "crops, augmented and normalised"),
            ("training", report.training, "forward, backward, step"),
        )
    ]
    lines.append(
        f"ratio     {report.ratio:>11.1f}, wanted {report.wanted:.0f}: "
        f"the input pipeline {report.verdict}"
    )
    return "\n".join(lines)
