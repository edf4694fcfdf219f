"""predict: a model's predictions for a data set, as a table (Parquet, or CSV by the suffix of --out).

Crops are made as in training (`core.prepare.stream`); a file that cannot be read is left out and counted. Memory does not grow with the
data.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from core import discover
from core.data import Samples
from core.errors import DataError
from core.faces import Detector, best_detector
from core.labels import FERPLUS8, GENDER2
from core.predictor import INTERVAL, Predictor, interval
from core.prepare import SEEN, UNREADABLE, stream
from core.preprocess import to_input
from evaluation import table
from evaluation.conform import GROUP, P_EMOTION, P_GENDER

BATCH = 64
PART = 4096
"""Rows written at a time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `predict`."""
    parser.add_argument("--model", required=True, type=Path, help="model file or its folder")
    parser.add_argument("--dataset", required=True, help=f"one of {', '.join(discover.names('core.data'))}")
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="the data set's folder, or the folder that holds it")
    parser.add_argument("--split", default="val", choices=("train", "val", "test", "all"), help="default: %(default)s")
    parser.add_argument("--out", required=True, type=Path, metavar="T.parquet", help="table to write; *.csv writes CSV")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N samples")
    parser.add_argument("--embedding", action="store_true", help="also write the network's embedding of every face")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="default: one per core (%(default)s)")


def run(args: argparse.Namespace) -> int:
    """Writes the table; progress and what was left out go to stderr."""
    console = Console(stderr=True, highlight=False)
    if (args.limit or 1) < 1 or args.threads < 1:
        raise DataError(f"Expected --limit and --threads to be at least 1, got {args.limit} and {args.threads}.")
    predictor = Predictor(args.model, threads=args.threads)
    samples: Samples = discover.load("core.data", args.dataset).load(args.data, args.split)
    samples = samples.take(slice(args.limit)) if args.limit else samples
    detector, about = best_detector()
    console.print(f"Face detector: {about}", markup=False, soft_wrap=True)
    left_out = len(samples.problems)
    for problem in samples.problems[:5]:
        console.print(f"left out: {problem.file}: {problem.reason}", markup=False, soft_wrap=True)
    if left_out > 5:
        console.print(f"... and {left_out - 5} more", markup=False)

    start, done, faces, unreadable = perf_counter(), 0, 0, 0
    columns = (TextColumn("predict"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with bars as bar, table.writer(args.out, describe(predictor, samples, detector)) as out:
        task = bar.add_task("predict", total=len(samples))
        for part, bad in parts(predictor, samples, detector, args.data, embedding=args.embedding, threads=args.threads):
            if len(part):
                out.write(part)
            done, faces, unreadable = done + len(part), faces + sum(part["face_found"].to_pylist()), unreadable + bad
            bar.update(task, completed=done + unreadable)
        if done == 0:
            raise DataError(f"Expected pictures of {args.dataset} that can be read, got {unreadable} that cannot; look at {samples.root}.")
        out.meta = replace(out.meta, left_out=left_out + unreadable)
    took = perf_counter() - start
    text = f"{args.out}: {done} samples of {args.dataset} ({args.split}) in {took:.1f} s, a face found in {faces / done:.1%}"
    console.print(text + (f", {unreadable} unreadable files left out" if unreadable else ""), markup=False, soft_wrap=True)
    return 0


def describe(predictor: Predictor, samples: Samples, detector: Detector) -> table.Meta:
    """Where the table comes from."""
    versions = {name: version(name) for name in ("numpy", "onnxruntime", "opencv-python-headless", "pyarrow")}
    return table.Meta(
        model=predictor.card.name, card_sha256=hashlib.sha256(predictor.card.to_json().encode()).hexdigest(), dataset=samples.name,
        split=samples.split, fingerprint=samples.fingerprint, detector=detector.name, left_out=len(samples.problems),
        created=datetime.now(UTC).isoformat(timespec="seconds"), versions={"python": platform.python_version(), **versions},
    )  # fmt: skip


def parts(
    predictor: Predictor, samples: Samples, detector: Detector, base: Path, *, embedding: bool = False, threads: int = 1
) -> Iterator[tuple[pa.Table, int]]:
    """The table in parts of about PART rows, each with the number of files that could not be read; paths are relative to `base`.

    A truth that the data set lacks altogether has no column.
    """
    crops = enumerate(stream(samples, detector, predictor.card.input, threads))
    absent = [
        *(["emotion_true", "emotion_votes"] if (samples.emotion < 0).all() else []),
        *(["gender_true"] if (samples.gender < 0).all() else []),
        *(["age_true"] if np.isnan(samples.age).all() else []),
    ]
    rows: list[int] = []
    values: list[dict[str, np.ndarray]] = []
    found: list[bool] = []
    bad = 0
    while batch := list(islice(crops, BATCH)):
        good = [(i, crop, state) for i, (crop, state) in batch if state != UNREADABLE]
        bad += len(batch) - len(good)
        if good:
            values.append(outputs(predictor, np.stack([crop for _, crop, _ in good]), embedding))
            rows += [i for i, _, _ in good]
            found += [state == SEEN for _, _, state in good]
        if len(rows) >= PART:
            yield assemble(samples.take(np.array(rows)), values, found, predictor.card.name, base).drop_columns(absent), bad
            rows, values, found, bad = [], [], [], 0
    if rows or bad:
        last = samples.take(np.array(rows, np.int64))
        yield assemble(last, values, found, predictor.card.name, base).drop_columns(absent), bad


def outputs(predictor: Predictor, crops: np.ndarray, embedding: bool = False) -> dict[str, np.ndarray]:
    """uint8 crops (N, S, S, C) -> prediction columns of the table, each (N,) or, for the embedding, (N, features)."""
    raw = predictor.logits(to_input(crops, predictor.card.input), embedding)
    columns: dict[str, np.ndarray] = {}
    values = predictor.calibrate(raw)
    for head in predictor.card.heads:
        p = values[head.task]
        if head.task == "emotion":
            names = [FERPLUS8.labels[FERPLUS8.index(label)] for label in head.labels]
            columns["emotion_pred"] = np.array(names)[p.argmax(axis=1)]
            columns |= {P_EMOTION + name: p[:, i] for i, name in enumerate(names)}
        elif head.task == "gender":
            columns[P_GENDER] = p[:, [GENDER2.index(label) for label in head.labels].index(0)]
        elif head.kind == "distribution":
            columns["age_pred"] = p @ np.arange(p.shape[1])  # (N, bins) -> (N,)
            columns["age_low"], columns["age_high"] = interval(p, INTERVAL)
        else:
            half = predictor.card.calibration.get(head.task, 10.0)
            columns |= {"age_pred": p[:, 0], "age_low": p[:, 0] - half, "age_high": p[:, 0] + half}
    return columns | ({"embedding": raw["embedding"]} if embedding else {})


def assemble(samples: Samples, values: list[dict[str, np.ndarray]], found: list[bool], model: str, base: Path) -> pa.Table:
    """Names, truths, predictions and groups of `samples` as one table."""
    n = len(samples)
    columns: dict[str, object] = {
        "sample_id": list(samples.ids), "dataset": [samples.name] * n, "split": [samples.split] * n, "model": [model] * n,
        "path": [p.relative_to(base).as_posix() for p in samples.paths],
        "emotion_true": _names(samples.emotion, FERPLUS8.labels),
        "emotion_votes": [None if np.isnan(v).any() else v.tolist() for v in samples.emotion_votes],
        "gender_true": _names(samples.gender, GENDER2.labels),
        "age_true": pa.array(samples.age, pa.float32(), from_pandas=True),
    }  # fmt: skip
    for name in values[0] if values else ():
        joined = np.concatenate([v[name] for v in values])
        columns[name] = list(joined) if joined.ndim == 2 else joined
    columns |= {GROUP + name: group.astype(str) for name, group in samples.groups.items()}
    columns["face_found"] = np.array(found, bool)
    return pa.table(columns)


def _names(index: np.ndarray, labels: tuple[str, ...]) -> list[str | None]:
    return [labels[i] if i >= 0 else None for i in index]
