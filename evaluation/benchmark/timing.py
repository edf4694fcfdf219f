"""Times of our models and of reference networks: alone, and over whole frames, in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from core import image as images
from core.errors import DataError
from core.face_model import FaceModel, open_model
from core.faces import LIVE_SIDE, Detector
from core.pipeline import Pipeline
from core.predictor import Predictor
from core.preprocess import InputSpec, crop_face, to_input
from core.progress import task
from evaluation.benchmark.interleave import Call, Times, take_repeated_turns, take_turns
from evaluation.benchmark.reference_models import ReferenceNetwork, open_reference

STAGES = ("decode", "detect", "align", "net", "total")
ROUND_SHARES = {1: 1.0, 4: 0.2, 32: 0.04}
"""Faces in a batch -> its share of --rounds; a round runs all networks once."""
MIN_ROUNDS = 3
REPEATS = 10
"""Calls of a turn that count, after one that only brings the weights back into the caches."""
NetworkTimes = dict[int, dict[int, Times]]
"""Threads -> faces in a batch -> name: (rounds, calls of a turn) milliseconds.

REPEATS calls with one face, one with more.
"""
FirstTimes = dict[int, Times]
"""Threads -> times of one face right after another network."""


@dataclass
class TimedModel:
    """One of our models, and the times of its stages.

    Attributes:
        key: its name in tables.
        path: its bundle.
        pipeline: what runs it.
        stages: faces in the frame -> stage -> milliseconds of every counted frame.
    """

    key: str
    path: Path
    pipeline: Pipeline
    stages: dict[int, dict[str, list[float]]] = field(default_factory=dict)

    def frame(self, data: bytes, faces: int) -> None:
        """Run the pipeline from JPEG bytes to the finished reading, and record its stages.

        Raises:
            DataError: Not all faces were detected.
        """
        start = perf_counter()
        image = images.load(data)
        decoded = perf_counter()
        reading = self.pipeline(image, LIVE_SIDE, turned=False)
        done = perf_counter()
        if len(reading.faces) != faces:
            raise DataError(
                f"Expected {faces} faces in the frame, got {len(reading.faces)} "
                f"from {self.pipeline.detector.name}."
            )
        times = reading.timing_ms | {
            "decode": (decoded - start) * 1000,
            "total": (done - start) * 1000,
        }
        stages = self.stages.setdefault(faces, {name: [] for name in STAGES})
        for name in STAGES:
            stages[name].append(times[name])


def time_networks(
    models: Sequence[TimedModel],
    keys: Sequence[str],
    rounds: int,
    threads: tuple[int, ...],
    batches: tuple[int, ...],
) -> tuple[NetworkTimes, FirstTimes]:
    """Time the networks alone, from a batch of prepared crops to logits.

    Args:
        models: ours.
        keys: of the reference networks.
        rounds: of batches of one face; ROUND_SHARES has those of larger ones.
        threads: numbers of threads of a call.
        batches: numbers of faces, of ROUND_SHARES.

    Returns:
        The times, and, by threads, those of the calls with one crop right after another network.
    """
    plan = {batch: max(MIN_ROUNDS, round(rounds * ROUND_SHARES[batch])) for batch in batches}
    total = len(threads) * sum(n + _warm_up(n) for n in plan.values())
    turns_done = count(1)
    network_times: NetworkTimes = {}
    first_times: FirstTimes = {}
    with task("networks alone", total) as advance:
        for n_threads in threads:
            our_networks = {model.key: _our_network(model, n_threads) for model in models}
            opened = {key: open_reference(key, n_threads) for key in keys}
            for batch, n in plan.items():
                calls = {key: make(batch) for key, make in our_networks.items()} | {
                    key: _call(net, batch) for key, net in opened.items()
                }
                turns = take_repeated_turns(
                    calls,
                    n,
                    _warm_up(n),
                    1 + REPEATS if batch == 1 else 1,
                    lambda: advance(next(turns_done)),
                )
                if batch == 1:
                    first_times[n_threads] = {name: values[:, 0] for name, values in turns.items()}
                    turns = {name: values[:, 1:] for name, values in turns.items()}
                network_times.setdefault(n_threads, {})[batch] = turns
    return network_times, first_times


def _warm_up(rounds: int) -> int:
    return min(10, max(1, rounds // 5))


def _our_network(timed: TimedModel, threads: int) -> Callable[[int], Call]:
    """Return a function: number of faces -> a call that runs our network on so many."""
    model: FaceModel = (
        timed.pipeline.predictor
        if threads == 1
        else open_model(timed.path, threads, is_trusted=timed.pipeline.predictor.is_trusted)
    )

    def make(faces: int) -> Call:
        if not isinstance(model, Predictor):  # an ensemble's members have inputs of their own
            crops = model.blank(faces)
            return lambda: model.probabilities(crops)
        batch = _noise(faces, model.card.input)
        return lambda: model.logits(batch)

    return make


def _call(net: ReferenceNetwork, faces: int) -> Call:
    batch = _noise(faces, net.reference.spec)
    return lambda: net.run(batch)


def _noise(faces: int, spec: InputSpec) -> NDArray[np.float32]:
    """Return a prepared batch of random pixels: float32 (faces, C, size, size)."""
    crops = np.random.default_rng(0).integers(
        0, 256, (faces, spec.size, spec.size, spec.channels), np.uint8
    )
    return to_input(crops, spec)


def time_frames(
    models: Sequence[TimedModel],
    references: Sequence[ReferenceNetwork],
    frames: Mapping[int, bytes],
    rounds: int,
) -> dict[int, Times]:
    """Time whole frames from JPEG bytes to predictions, one thread; fills `stages` of our models.

    Returns:
        {faces in the frame: {name: (rounds,) milliseconds}}.
    """
    warm_up = _warm_up(rounds)
    turns_done = count(1)
    frame_times = {}
    with task("whole frames", len(frames) * (rounds + warm_up)) as advance:
        for faces, data in frames.items():
            calls: dict[str, Call] = {
                model.key: partial(model.frame, data, faces) for model in models
            }
            calls |= {
                net.key: partial(_frame, net, models[0].pipeline.detector, data)
                for net in references
            }
            frame_times[faces] = take_turns(
                calls, rounds, warm_up, lambda: advance(next(turns_done))
            )
            for model in models:
                model.stages[faces] = {
                    name: values[-rounds:] for name, values in model.stages[faces].items()
                }
    return frame_times


def _frame(net: ReferenceNetwork, detector: Detector, data: bytes) -> None:
    """Do what a demo with that network would do for a frame."""
    image, spec = images.load(data), net.reference.spec
    net.run(to_input(np.stack([crop_face(image, face, spec) for face in detector(image)]), spec))
