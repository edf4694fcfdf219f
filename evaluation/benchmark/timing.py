"""bench's clock: our network and others alone, and whole frames through them, in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

from core import image as images
from core.errors import DataError
from core.face_model import FaceModel
from core.faces import Detector
from core.pipeline import Pipeline
from core.predictor import Predictor
from core.preprocess import InputSpec, crop_face, to_input
from core.progress import task
from evaluation.benchmark.interleave import Call, Times, take_rows, take_turns
from evaluation.benchmark.reference_models import Network, reference

STAGES = ("decode", "detect", "align", "net", "total")
SHARE = {1: 1.0, 4: 0.2, 32: 0.04}
"""Part of --rounds that a batch of so many faces gets, at least MIN_ROUNDS; a round costs all
networks once.
"""
MIN_ROUNDS = 3
ROW = 10
"""A network's calls in a row that count, after one that only brings its weights back into the
caches.
"""
Nets = dict[int, dict[int, Times]]
"""Threads -> faces in a batch -> name: (rounds, calls in a row) milliseconds; ROW calls of one
face, one of more.
"""
Firsts = dict[int, Times]
"""Threads -> times of one face right after another network."""


@dataclass
class Ours:
    """A model of ours under the clock. `stages`: number of faces in the frame -> stage ->
    milliseconds of every counted frame.
    """

    key: str
    path: Path
    pipeline: Pipeline
    stages: dict[int, dict[str, list[float]]] = field(default_factory=dict)

    def frame(self, data: bytes, faces: int) -> None:
        """From JPEG bytes to the finished reading.

        Raises:
            DataError: not all faces were found.
        """
        start = perf_counter()
        picture = images.load(data)
        decoded = perf_counter()
        reading = self.pipeline(picture)
        done = perf_counter()
        if len(reading.faces) != faces:
            raise DataError(
                f"Expected {faces} faces in the frame, got {len(reading.faces)} from {self.pipeline.detector.name}."
            )
        times = reading.timing_ms | {
            "decode": (decoded - start) * 1000,
            "total": (done - start) * 1000,
        }
        seen = self.stages.setdefault(faces, {name: [] for name in STAGES})
        for name in STAGES:
            seen[name].append(times[name])


def time_nets(
    ours: list[Ours],
    keys: list[str],
    rounds: int,
    threads: tuple[int, ...],
    batches: tuple[int, ...],
) -> tuple[Nets, Firsts]:
    """{threads: {batch: {name: (rounds, calls) milliseconds}}} of the networks alone: a batch of
    crops, made ready, to raw answers. Second, by threads, the calls with one crop that come right
    after another network.
    """
    plan = {batch: max(MIN_ROUNDS, round(rounds * SHARE[batch])) for batch in batches}
    total = len(threads) * sum(n + _warm_up(n) for n in plan.values())
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        advance(done)

    found: Nets = {}
    firsts: Firsts = {}
    with task("networks alone", total) as advance:
        for count in threads:
            mine = {one.key: _net(one, count) for one in ours}
            others = {key: reference(key, count) for key in keys}
            for batch, n in plan.items():
                calls = {key: make(batch) for key, make in mine.items()} | {
                    key: _call(net, batch) for key, net in others.items()
                }
                rows = take_rows(calls, n, _warm_up(n), 1 + ROW if batch == 1 else 1, tick)
                if batch == 1:
                    firsts[count] = {name: times[:, 0] for name, times in rows.items()}
                    rows = {name: times[:, 1:] for name, times in rows.items()}
                found.setdefault(count, {})[batch] = rows
    return found, firsts


def _warm_up(rounds: int) -> int:
    return min(10, max(1, rounds // 5))


def _net(one: Ours, threads: int) -> Callable[[int], Call]:
    """Number of faces -> a call that runs our network on so many."""
    model: FaceModel = (
        one.pipeline.predictor
        if threads == 1
        else Pipeline(one.path, one.pipeline.detector, threads).predictor
    )

    def make(faces: int) -> Call:
        if not isinstance(
            model, Predictor
        ):  # an ensemble: its members' inputs differ, so it takes crops
            crops = model.blank(faces)
            return lambda: model.probabilities(crops)
        batch = _noise(faces, model.card.input)
        return lambda: model.logits(batch)

    return make


def _call(net: Network, faces: int) -> Call:
    batch = _noise(faces, net.reference.spec)
    return lambda: net.run(batch)


def _noise(faces: int, spec: InputSpec) -> np.ndarray:
    """float32 (faces, C, size, size): random pixels, made ready."""
    crops = np.random.default_rng(0).integers(
        0, 256, (faces, spec.size, spec.size, spec.channels), np.uint8
    )
    return to_input(crops, spec)


def time_frames(
    ours: list[Ours], others: list[Network], frames: Mapping[int, bytes], rounds: int
) -> dict[int, Times]:
    """{faces in the frame: {name: (rounds,) milliseconds}} from JPEG bytes to answers, one thread;
    fills `stages` of ours.
    """
    warm_up = _warm_up(rounds)
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        advance(done)

    found = {}
    with task("whole frames", len(frames) * (rounds + warm_up)) as advance:
        for faces, data in frames.items():
            calls: dict[str, Call] = {one.key: partial(one.frame, data, faces) for one in ours}
            calls |= {
                net.key: partial(_frame, net, ours[0].pipeline.detector, data) for net in others
            }
            found[faces] = take_turns(calls, rounds, warm_up, tick)
            for one in ours:
                one.stages[faces] = {
                    name: times[-rounds:] for name, times in one.stages[faces].items()
                }
    return found


def _frame(net: Network, detector: Detector, data: bytes) -> None:
    """What a demo with that network would do for a frame."""
    picture, spec = images.load(data), net.reference.spec
    net.run(
        to_input(np.stack([crop_face(picture, face, spec) for face in detector(picture)]), spec)
    )
