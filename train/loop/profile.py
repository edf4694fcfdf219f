"""How fast the input pipeline is beside the training it feeds: `python -m train RECIPE --data DIR
--profile`.

Both are measured in turns of a second, so that other work on the machine meets both, and each
alone: batches are made and thrown away, then ready batches are learnt from. On a CPU the two share
the cores, so a ratio of 3 costs training a quarter of its time; beside an accelerator the batches
are made meanwhile, and a ratio over 1 is enough.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, process_time
from typing import Any

import torch

from core import progress
from train.batches.collate import TrainingBatch, collate
from train.batches.data import DatasetPart
from train.batches.pool import gather
from train.batches.sampling import batches
from train.loop.trainer import Trainer
from train.recipe.recipe import Recipe
from train.runs.facts import machine

WANTED = 3.0
TURN_S = 1.0
READY = 4
"""Batches that training is measured on; more would only fill memory."""


@dataclass(slots=True)
class Clock:
    """Images and the time they took, of all threads in `cpu_s`."""

    images: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0

    def run(self, step: Callable[[], int], seconds: float) -> None:
        """Repeats `step`, which returns how many images it did, for about `seconds`."""
        started, worked = monotonic(), process_time()
        while True:
            self.images += step()
            if monotonic() - started >= seconds:
                break
        self.seconds += monotonic() - started
        self.cpu_s += process_time() - worked

    def figures(self) -> dict[str, float]:
        """Rounded, for JSON."""
        return {
            "images_per_s": round(self.images / self.seconds, 1),
            "images_per_cpu_s": round(self.images / max(self.cpu_s, 1e-9), 1),
            "images": self.images,
            "seconds": round(self.seconds, 2),
        }


def profile(recipe: Recipe, parts: Sequence[DatasetPart], seconds: float = 5.0) -> dict[str, Any]:
    """Images per second of the loader (crops from the cache, augmented, normalised, mixed) and of
    training (forward, backward, step), each measured for about `seconds`; their ratio; and the
    verdict.
    """
    recipe = replace(recipe, start="")  # fresh weights take as long, and need no run to be there
    data = gather(parts, recipe)
    names = tuple(p.samples.name for p in parts)
    loader, training = Clock(), Clock()
    with tempfile.TemporaryDirectory() as folder:
        run = Trainer(recipe, Path(folder))
        draw = run.start_epoch()

        def order() -> Iterator[torch.Tensor]:
            for epoch in itertools.count():
                yield from batches(
                    recipe.sampling,
                    recipe.batch,
                    recipe.seed,
                    epoch,
                    data.source,
                    data.label(),
                    names,
                )

        indices = order()

        def load() -> int:
            return len(collate(data.batch(next(indices)), recipe, draw))

        ready: Iterator[TrainingBatch] = itertools.cycle(
            [collate(data.batch(next(indices)), recipe, draw) for _ in range(READY)]
        )

        def learn() -> int:
            batch = next(ready)
            run._step(batch)
            return len(batch)

        load(), learn()  # the first ones also allocate and compile
        turns = max(1, round(seconds / TURN_S))
        with progress.task("profile", turns) as advance:
            for turn in range(turns):
                loader.run(load, TURN_S)
                training.run(learn, TURN_S)
                advance(turn + 1)
    ratio = (loader.images / loader.seconds) / (training.images / training.seconds)
    return {
        "batch": recipe.batch,
        "amp": recipe.amp,
        "loader": loader.figures(),
        "training": training.figures(),
        "ratio": round(ratio, 2),
        "wanted": WANTED,
        "verdict": "keeps up" if ratio >= WANTED else "holds training up",
        "machine": machine(),
    }


def describe(name: str, found: dict[str, Any]) -> str:
    """A few lines for a terminal."""
    lines = [
        f"{name}, batch {found['batch']}, {found['amp']}, {found['machine']['processor']}, {found['machine']['threads']} threads"
    ]
    for part, what in (
        ("loader", "crops, augmented and normalised"),
        ("training", "forward, backward, step"),
    ):
        v = found[part]
        lines.append(
            f"{part:9} {v['images_per_s']:>11,.0f} images/s {v['images_per_cpu_s']:>11,.0f} per CPU second  ({what})"
        )
    return "\n".join(
        [
            *lines,
            f"ratio     {found['ratio']:>11.1f}, wanted {found['wanted']:.0f}: the input pipeline {found['verdict']}",
        ]
    )
