"""The benchmark: our models and reference networks timed in turns, with memory and start-up.

All networks take turns in the same loop, so that other work on the machine meets them alike; the
references have random weights, as time does not depend on them.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2

from core.pipeline import Pipeline
from core.predictor import Predictor
from core.progress import say, task
from core.system import SHIPPED_MODEL, processor_name
from evaluation.benchmark import app_processes, memory_probe
from evaluation.benchmark.frames import HEIGHT, SCENES, WIDTH, jpeg
from evaluation.benchmark.interleave import Times, percentiles, times_faster
from evaluation.benchmark.reference_models import (
    REFERENCES,
    ReferenceNetwork,
    missing_package,
    model_file,
    open_reference,
)
from evaluation.benchmark.tables import BenchmarkResult
from evaluation.benchmark.timing import (
    FirstTimes,
    NetworkTimes,
    TimedModel,
    time_frames,
    time_networks,
)

THREAD_COUNTS = (1, 2)
BATCH_SIZES = (1, 4, 32)
MAIN_REFERENCE = "efficientnet_b0_224"
"""The reference that `net` compares with."""


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """What is measured.

    Attributes:
        models: files or folders; the shipped model where empty.
        rounds: faces and frames to time, at least 2.
        references: their keys.
        metrics_rows: generated rows to time the metrics on; 0: none.
        processes: whether to measure memory and start-up in processes.
        quick: one thread, one face.
        is_trusted: open models with operators or sizes that are not allowed, too.
    """

    models: Sequence[Path] = ()
    rounds: int = 100
    references: Sequence[str] = tuple(REFERENCES)
    metrics_rows: int = 1_000_000
    processes: bool = True
    quick: bool = False
    is_trusted: bool = False


def run_benchmark(options: BenchmarkOptions) -> BenchmarkResult:
    """Return the result of `bench --json`."""
    cv2.setNumThreads(1)
    frames = {faces: jpeg(draw()) for faces, draw in SCENES.items()}
    paths = options.models or [SHIPPED_MODEL]
    models = [
        TimedModel(f"model {i}", path, Pipeline(path, threads=1, is_trusted=options.is_trusted))
        for i, path in enumerate(paths)
    ]
    say(f"Face detector: {models[0].pipeline.about_detector}")
    keys, left_out = available_references(options.references)
    result: BenchmarkResult = {
        "frame": f"{WIDTH}x{HEIGHT} JPEG, {len(frames[1])} bytes, one face",
        "threads": 1,
        "rounds": options.rounds,
        "frame_of_five": f"{WIDTH}x{HEIGHT} JPEG, {len(frames[5])} bytes, five faces",
        "machine": {
            "cpu": processor_name(),
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2),
            "python": platform.python_version(),
        },
        "detector": models[0].pipeline.detector.name,
        "left_out": left_out,
    }
    references = [open_reference(key) for key in keys]
    times, first_times = time_networks(
        models,
        keys,
        options.rounds,
        THREAD_COUNTS[:1] if options.quick else THREAD_COUNTS,
        BATCH_SIZES[:1] if options.quick else BATCH_SIZES,
    )
    frame_times = time_frames(models, references, frames, options.rounds)
    result["models"] = [_model(m, keys, times, first_times, frame_times) for m in models]
    result["references"] = [_reference(r, times, first_times, frame_times) for r in references]
    _add_processes(result, models, references, frames[1], enabled=options.processes)
    result["metrics"] = None
    if options.metrics_rows:
        from evaluation.benchmark.metrics_speed import time_metrics

        say(f"timing metrics on {options.metrics_rows} generated rows ...")
        result["metrics"] = asdict(time_metrics(options.metrics_rows))
    return result


def available_references(keys: Sequence[str]) -> tuple[list[str], str | None]:
    """Return the references to time, and why they are left out (None: none is).

    Those that the cache lacks are built.
    """
    if not keys:
        return [], None
    if package := missing_package():
        titles = ", ".join(REFERENCES[key].title for key in keys)
        text = f"left out, because {package} is not installed (`make install` brings it): {titles}"
        say(text)
        return [], text
    with task("building the networks beside ours, once", len(keys)) as advance:
        for i, key in enumerate(keys):
            advance(i, key)
            model_file(key)
    return list(keys), None


def _model(
    model: TimedModel,
    keys: Sequence[str],
    times: NetworkTimes,
    first_times: FirstTimes,
    frame_times: dict[int, Times],
) -> BenchmarkResult:
    """Return what `bench --json` says of one of our models."""
    card, size = model.pipeline.predictor.card, model.pipeline.predictor.size
    single = times[1][1]
    ratios = {  # of turns, whose calls are alike
        key: times_faster(single[model.key].mean(axis=1), single[key].mean(axis=1)).to_dict()
        for key in keys
    }
    net = None
    if MAIN_REFERENCE in keys:
        net = {
            "model": percentiles(single[model.key]),
            MAIN_REFERENCE: percentiles(single[MAIN_REFERENCE]),
            "times_faster": ratios[MAIN_REFERENCE],
        }
    stages = {
        faces: {name: percentiles(values) for name, values in stage_times.items()}
        for faces, stage_times in model.stages.items()
    }
    first, frame = first_times[1], frame_times[1]
    return {
        "model": str(model.path),
        "name": card.name,
        "input": card.input.size,
        "channels": card.input.channels,
        "bytes": size,
        "precision": card.precision,
        "ms": stages[1],
        "ms_of_five": stages[5],
        "net": net,
        "nets": _by_threads_and_batch(model.key, times),
        "first": {str(t): percentiles(f[model.key]) for t, f in first_times.items()},
        "faster": ratios,
        "faster_first": {k: times_faster(first[model.key], first[k]).to_dict() for k in keys},
        "faster_frame": {k: times_faster(frame[model.key], frame[k]).to_dict() for k in keys},
    }


def _reference(
    network: ReferenceNetwork,
    times: NetworkTimes,
    first_times: FirstTimes,
    frame_times: dict[int, Times],
) -> BenchmarkResult:
    return {
        "key": network.key,
        "title": network.reference.title,
        "input": network.reference.size,
        "channels": network.reference.channels,
        "precision": "fp32",
        "parameters": network.parameters,
        "bytes": network.bytes,
        "nets": _by_threads_and_batch(network.key, times),
        "first": {str(t): percentiles(f[network.key]) for t, f in first_times.items()},
        "frames": {str(faces): percentiles(f[network.key]) for faces, f in frame_times.items()},
    }


def _by_threads_and_batch(key: str, times: NetworkTimes) -> dict[str, BenchmarkResult]:
    """Return {threads: {batch: {p50, p95}}} of a network, milliseconds a batch; text keys."""
    return {
        str(threads): {str(batch): percentiles(t[key]) for batch, t in by_batch.items()}
        for threads, by_batch in times.items()
    }


def _add_processes(
    result: BenchmarkResult,
    models: Sequence[TimedModel],
    references: Sequence[ReferenceNetwork],
    frame: bytes,
    *,
    enabled: bool,
) -> None:
    """Add memory and start-up, each in processes of their own; None throughout unless `enabled`."""
    for entry in (*result["models"], *result["references"]):
        entry["alone"] = None
    for entry in result["models"]:
        entry |= {"startup_s": None, "demo": None, "parameters": None}
    if not enabled:
        return
    total = 3 * len(models) + len(references)
    with task("memory and start-up", total) as advance, tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "frame.jpg"
        image.write_bytes(frame)
        for i, (model, entry) in enumerate(zip(models, result["models"], strict=True)):
            predictor, spec = model.pipeline.predictor, model.pipeline.predictor.card.input
            if isinstance(predictor, Predictor):
                shape = (1, spec.channels, spec.size, spec.size)
                entry["alone"] = asdict(memory_probe.probe_network(predictor.path, shape))
                entry["parameters"] = memory_probe.count_numbers(predictor.path)
            advance(3 * i + 1)
            entry["startup_s"] = round(
                app_processes.cold_start(model.path, image, is_trusted=predictor.is_trusted), 2
            )
            advance(3 * i + 2)
            entry["demo"] = asdict(
                app_processes.measure_demo(model.path, image, is_trusted=predictor.is_trusted)
            )
            advance(3 * i + 3)
        pairs = zip(references, result["references"], strict=True)
        for i, (network, entry) in enumerate(pairs, 3 * len(models) + 1):
            spec = network.reference.spec
            shape = (1, spec.channels, spec.size, spec.size)
            probe = memory_probe.probe_network(network.path, shape, network.reference.copies)
            entry["alone"] = asdict(probe)
            advance(i)
