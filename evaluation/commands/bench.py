"""bench: what a face and a frame cost, beside the networks that people would pick instead; memory,
start-up, the demo, the metrics.

All networks take turns in the same loop, so that other work on the machine meets them alike; the
others have random weights, as time does not depend on them. A network reads a face eleven times in
its turn: the last ten are its time, as in a stream of faces; the first one finds the caches full of
the others' weights and is told apart. Frames are 640x480 JPEGs with one face and with five: decode,
detect, align, network; our detector and crops for all. Times are milliseconds, median and 95th
percentile. Under `metrics`, what figures of a generated table of --rows rows take.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

import cv2

from core.artifacts.downloads import ROOT
from core.ensemble import Ensemble
from core.errors import DataError
from core.pipeline import Pipeline
from core.progress import say, task
from core.system import processor_name
from evaluation.benchmark import app_processes, memory_probe, tables
from evaluation.benchmark.frames import HEIGHT, SCENES, WIDTH, jpeg
from evaluation.benchmark.interleave import Times, faster, percentiles
from evaluation.benchmark.reference_models import REFERENCES, Network, file_of, missing, reference
from evaluation.benchmark.timing import Firsts, Nets, Ours, time_frames, time_nets
from evaluation.report.text import console

MODEL = ROOT / "assets" / "models" / "mien"
THREADS, BATCHES = (1, 2), (1, 4, 32)
B0 = "efficientnet_b0_224"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `bench`."""
    parser.add_argument(
        "--model",
        action="append",
        type=Path,
        help="model file or folder, may be given again (default: the shipped one)",
    )
    parser.add_argument(
        "--rounds", type=int, default=100, help="faces and frames to time (default: %(default)s)"
    )
    parser.add_argument(
        "--beside",
        action="append",
        choices=tuple(REFERENCES),
        help="only this network beside ours, may be given again",
    )
    parser.add_argument("--no-reference", action="store_true", help="no other network beside ours")
    parser.add_argument(
        "--no-demo", action="store_true", help="do not start processes for memory and start-up"
    )
    parser.add_argument(
        "--rows",
        type=int,
        default=1_000_000,
        help="generated rows to time metrics on, 0: none (default: %(default)s)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one thread, one face, 20 rounds, no processes, no metrics",
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="one JSON object on stdout")
    shown.add_argument("--markdown", action="store_true", help="the table as the README has it")


def run(args: argparse.Namespace) -> int:
    """Prints the benchmark."""
    if args.quick:
        args.rounds, args.rows, args.no_demo = min(args.rounds, 20), 0, True
    if args.rounds < 2:
        raise DataError(f"Expected --rounds to be at least 2, got {args.rounds}.")
    if args.rows < 0 or 0 < args.rows < 100:
        raise DataError(f"Expected --rows to be 0 or at least 100, got {args.rows}.")
    cv2.setNumThreads(1)
    frames = {faces: jpeg(make()) for faces, make in SCENES.items()}
    paths = args.model or [MODEL]
    ours = [Ours(f"model {i}", path, Pipeline(path, threads=1)) for i, path in enumerate(paths)]
    say(f"Face detector: {ours[0].pipeline.about_detector}")
    keys, left_out = _beside(args)
    result: dict[str, Any] = {
        "frame": f"{WIDTH}x{HEIGHT} JPEG, {len(frames[1])} bytes, one face",
        "threads": 1,
        "rounds": args.rounds,
        "frame_of_five": f"{WIDTH}x{HEIGHT} JPEG, {len(frames[5])} bytes, five faces",
        "machine": {
            "cpu": processor_name(),
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2),
            "python": platform.python_version(),
        },
        "detector": ours[0].pipeline.detector.name,
        "left_out": left_out,
    }
    others = [reference(key) for key in keys]
    nets, firsts = time_nets(
        ours,
        keys,
        args.rounds,
        THREADS[:1] if args.quick else THREADS,
        BATCHES[:1] if args.quick else BATCHES,
    )
    whole = time_frames(ours, others, frames, args.rounds)
    result["models"] = [_ours(one, keys, nets, firsts, whole) for one in ours]
    result["references"] = [_other(one, nets, firsts, whole) for one in others]
    _add_processes(result, ours, others, frames[1], wanted=not args.no_demo)
    result["metrics"] = None
    if args.rows:
        from evaluation.benchmark.metrics_speed import pace

        say(f"timing metrics on {args.rows} generated rows ...")
        result["metrics"] = pace(args.rows)
    if args.json:
        print(json.dumps(result, allow_nan=False))
    elif args.markdown:
        print(tables.markdown(result))
    else:
        tables.show(result, console())
    return 0


def _beside(args: argparse.Namespace) -> tuple[list[str], str | None]:
    """The references to time, and why some are left out (None: none is). Builds those that no cache
    has.
    """
    if args.no_reference:
        return [], None
    keys = args.beside or list(REFERENCES)
    if name := missing():
        titles = ", ".join(REFERENCES[key].title for key in keys)
        text = f"left out, because {name} is not installed (`make install` brings it): {titles}"
        say(text)
        return [], text
    with task("building the networks beside ours, once", len(keys)) as advance:
        for i, key in enumerate(keys):
            advance(i, key)
            file_of(key)
    return keys, None


def _ours(
    one: Ours, keys: list[str], nets: Nets, firsts: Firsts, whole: dict[int, Times]
) -> dict[str, Any]:
    card, size = one.pipeline.predictor.card, one.pipeline.predictor.size
    single = nets[1][1]
    ratios = {
        key: faster(single[one.key].mean(axis=1), single[key].mean(axis=1)) for key in keys
    }  # of turns, whose calls are alike
    net = (
        {
            "model": percentiles(single[one.key]),
            B0: percentiles(single[B0]),
            "times_faster": ratios[B0],
        }
        if B0 in keys
        else None
    )
    stages = {
        faces: {name: percentiles(values) for name, values in seen.items()}
        for faces, seen in one.stages.items()
    }
    return {
        "model": str(one.path),
        "name": card.name,
        "input": card.input.size,
        "channels": card.input.channels,
        "bytes": size,
        "precision": card.precision,
        "ms": stages[1],
        "ms_of_five": stages[5],
        "net": net,
        "nets": _shares(one.key, nets),
        "first": {str(t): percentiles(times[one.key]) for t, times in firsts.items()},
        "faster": ratios,
        "faster_first": {key: faster(firsts[1][one.key], firsts[1][key]) for key in keys},
        "faster_frame": {key: faster(whole[1][one.key], whole[1][key]) for key in keys},
    }


def _other(net: Network, nets: Nets, firsts: Firsts, whole: dict[int, Times]) -> dict[str, Any]:
    return {
        "key": net.key,
        "title": net.reference.title,
        "input": net.reference.size,
        "channels": net.reference.channels,
        "precision": "fp32",
        "parameters": net.parameters,
        "bytes": net.bytes,
        "nets": _shares(net.key, nets),
        "first": {str(t): percentiles(times[net.key]) for t, times in firsts.items()},
        "frames": {str(faces): percentiles(times[net.key]) for faces, times in whole.items()},
    }


def _shares(key: str, nets: Nets) -> dict[str, Any]:
    """{threads: {batch: {p50, p95}}} of one network, milliseconds a batch; keys are text, as JSON
    has them.
    """
    return {
        str(t): {str(batch): percentiles(times[key]) for batch, times in by_batch.items()}
        for t, by_batch in nets.items()
    }


def _add_processes(
    result: dict[str, Any], ours: list[Ours], others: list[Network], frame: bytes, wanted: bool
) -> None:
    """Memory and start-up, each in processes of their own: None throughout unless `wanted`."""
    for entry in (*result["models"], *result["references"]):
        entry["alone"] = None
    for entry in result["models"]:
        entry |= {"startup_s": None, "demo": None, "parameters": None}
    if not wanted:
        return
    with (
        task("memory and start-up", 3 * len(ours) + len(others)) as advance,
        tempfile.TemporaryDirectory() as folder,
    ):
        picture = Path(folder) / "frame.jpg"
        picture.write_bytes(frame)
        for i, (one, entry) in enumerate(zip(ours, result["models"], strict=True)):
            model, spec = one.pipeline.predictor, one.pipeline.predictor.card.input
            if not isinstance(model, Ensemble):
                entry["alone"] = memory_probe.network_alone(
                    model.path, (1, spec.channels, spec.size, spec.size)
                )
                entry["parameters"] = memory_probe.numbers_in(model.path)
            advance(3 * i + 1)
            entry["startup_s"] = round(app_processes.cold_start(one.path, picture), 2)
            advance(3 * i + 2)
            entry["demo"] = app_processes.demo(one.path, picture)
            advance(3 * i + 3)
        for i, (net, entry) in enumerate(
            zip(others, result["references"], strict=True), 3 * len(ours) + 1
        ):
            spec = net.reference.spec
            entry["alone"] = memory_probe.network_alone(
                net.path, (1, spec.channels, spec.size, spec.size), net.reference.copies
            )
            advance(i)
