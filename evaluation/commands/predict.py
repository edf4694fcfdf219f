"""predict: a model's predictions for a data set, as a table (Parquet, or CSV by the suffix of
--out).

Crops are made as in training (`core.data.base.crop_cache.face_of`); a file that cannot be read is
left out and counted. Memory does not grow with the data. A run that was stopped goes on where it
stopped when the same command is given again, and ends with the same table; a run with another
model, other data or other options starts anew.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa

from core import registry, system
from core.data import Samples
from core.data.base.crop_cache import VERSION, each, face_of
from core.ensemble import open_model
from core.errors import DataError
from core.faces import Detector, best_detector
from core.labels import FERPLUS8, GENDER2
from core.predictor import Predictor
from core.progress import say, task
from evaluation.predictions import conditions, table
from evaluation.predictions.partial import Parts
from evaluation.predictions.schema import GROUP, P_EMOTION, P_GENDER, conform

BATCH = 64
PART = 1024
"""Samples after which work is kept: at most so many are done again after a stop. A multiple of
BATCH, so that batches stay the same.
"""
VERSIONED = ("numpy", "onnxruntime", "opencv-python-headless", "pyarrow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `predict`."""
    add_source(parser)
    parser.add_argument(
        "--dataset", required=True, help=f"one of {', '.join(registry.names('core.data'))}"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N samples")
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="T.parquet",
        help="table to write; *.csv writes CSV",
    )
    parser.add_argument(
        "--name",
        help="what the table calls the model (default: its own name), to tell two ways of using one model apart",
    )
    parser.add_argument(
        "--embedding", action="store_true", help="also write the network's embedding of every face"
    )
    parser.add_argument(
        "--conditions",
        action="store_true",
        help="also measure size, blur, light and pose of every face, for `slices`",
    )


def add_source(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which model looks at which pictures."""
    parser.add_argument(
        "--model", required=True, type=Path, help="model file or its folder, or an ensemble's"
    )
    parser.add_argument(
        "--data",
        required=True,
        type=Path,
        metavar="DIR",
        help="the data set's folder, or the folder that holds it",
    )
    parser.add_argument(
        "--split",
        default="val",
        choices=("train", "val", "test", "all"),
        help="default: %(default)s",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=system.usable_processors(),
        help="default: one a usable processor (%(default)s)",
    )


def load_samples(dataset: str, args: argparse.Namespace, seed: int | None = None) -> Samples:
    """The samples that `add_source`'s arguments and --limit name; what was left out is said. seed:
    draws them instead of taking the first.

    Raises:
        DataError: a number below 1, or anything that the data set refuses.
    """
    if (args.limit or 1) < 1 or args.threads < 1:
        raise DataError(
            f"Expected --limit and --threads to be at least 1, got {args.limit} and {args.threads}."
        )
    samples: Samples = registry.load("core.data", dataset).load(args.data, args.split)
    if args.limit and args.limit < len(samples):
        drawn = (
            None
            if seed is None
            else np.random.default_rng(seed).choice(len(samples), args.limit, replace=False)
        )
        samples = samples.take(slice(args.limit) if drawn is None else np.sort(drawn))
    for problem in samples.problems[:5]:
        say(f"left out: {problem.file}: {problem.reason}")
    if len(samples.problems) > 5:
        say(f"... and {len(samples.problems) - 5} more")
    return samples


def run(args: argparse.Namespace) -> int:
    """Writes the table; progress and what was left out go to stderr. Exit status 130 where Ctrl-C
    stopped it.
    """
    predictor = open_model(args.model, threads=args.threads)
    samples = load_samples(args.dataset, args)
    detector, about = best_detector()
    say(f"Face detector: {about}")
    start, kept = perf_counter(), Parts(args.out)
    table.check_target(args.out)
    if differs := kept.begin(key(predictor, samples, detector, args)):
        say(
            f"an unfinished run for {args.out} was made with another {' and '.join(differs)}; starts anew"
        )
    count = -(-len(samples) // PART)
    try:
        _make(kept, predictor, samples, detector, args)
        faces = rows = unreadable = 0
        with table.writer(args.out, describe(predictor, samples, detector, args.name)) as out:
            for part, bad in kept.merged(count):
                unreadable += bad
                if len(part):
                    out.write(part)
                    rows, faces = rows + len(part), faces + sum(part["face_found"].to_pylist())
            if rows == 0:
                kept.drop()
                raise DataError(
                    f"Expected pictures of {args.dataset} that can be read, got {unreadable} that cannot; see {samples.root}."
                )
            out.meta = replace(out.meta, left_out=len(samples.problems) + unreadable)
    except KeyboardInterrupt:
        finished = sum(kept.done(i) or 0 for i in range(count))
        say(
            f"stopped after {finished} of {len(samples)} samples; {args.out} is not written yet: the same command goes on from there"
        )
        return 130
    kept.drop()
    took = perf_counter() - start
    text = f"{args.out}: {rows} samples of {args.dataset} ({args.split}) in {took:.1f} s, a face found in {faces / rows:.1%}"
    say(text + (f", {unreadable} unreadable files left out" if unreadable else ""))
    return 0


def _make(
    kept: Parts,
    predictor: Predictor,
    samples: Samples,
    detector: Detector,
    args: argparse.Namespace,
) -> None:
    """Makes the parts that are not there yet."""
    count = -(-len(samples) // PART)
    there = [kept.done(i) for i in range(count)]
    done = sum(n or 0 for n in there)
    if done:
        say(f"goes on: {done} of {len(samples)} samples are there")
    absent = _absent(samples)
    with task(f"predict {args.dataset}", len(samples), done) as advance:
        for i in range(count):
            if there[i] is None:

                def heard(n: int, before: int = done) -> None:
                    advance(before + n)

                part = samples.take(slice(i * PART, (i + 1) * PART))
                made, bad = predict(
                    predictor,
                    part,
                    detector,
                    args.data,
                    embedding=args.embedding,
                    measured=args.conditions,
                    threads=args.threads,
                    heard=heard,
                    name=args.name,
                )
                kept.save(i, conform(made.drop_columns(absent)) if len(made) else made, bad)
                done += len(part)


def key(
    predictor: Predictor, samples: Samples, detector: Detector, args: argparse.Namespace
) -> dict[str, Any]:
    """What the rows depend on: only where all of it is the same may a stopped run go on."""
    names = "\n".join(
        f"{i}\t{path}" for i, path in zip(samples.ids, _relative(samples, args.data), strict=True)
    )
    return {
        "model": predictor.fingerprint,
        "data": [
            samples.name,
            samples.split,
            samples.fingerprint,
            hashlib.sha256(names.encode()).hexdigest(),
        ],
        "options": {"embedding": args.embedding, "conditions": args.conditions, "name": args.name},
        "detector": detector.name,
        "version": [PART, VERSION, *map(version, VERSIONED)],
    }


def describe(
    predictor: Predictor, samples: Samples, detector: Detector, name: str | None = None
) -> table.Meta:
    """Where the table comes from."""
    versions = {name: version(name) for name in VERSIONED}
    return table.Meta(
        model=name or predictor.card.name,
        card_sha256=hashlib.sha256(predictor.card.to_json().encode()).hexdigest(),
        dataset=samples.name,
        split=samples.split,
        fingerprint=samples.fingerprint,
        detector=detector.name,
        left_out=len(samples.problems),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"python": platform.python_version(), **versions},
        thresholds=dict(predictor.card.thresholds),
    )


def predict(
    predictor: Predictor,
    samples: Samples,
    detector: Detector,
    base: Path,
    *,
    embedding: bool = False,
    measured: bool = False,
    threads: int = 1,
    heard: Callable[[int], None] = lambda done: None,
    name: str | None = None,
) -> tuple[pa.Table, int]:
    """The table of all samples and the number of files that could not be read; paths are relative
    to `base`.

    measured: with the columns of `evaluation.predictions.conditions`. heard: is told how many
    samples are done.
    """

    def look(path: Path) -> tuple[np.ndarray, bool, dict[str, float]] | None:
        found = face_of(path, detector, samples.tight)
        if found is None:
            return None
        picture, face = found
        return (
            predictor.crops(picture, [face])[0],
            face is not None,
            conditions.conditions(picture, face) if measured else {},
        )

    seen = enumerate(each(samples.paths, look, threads))
    rows: list[int] = []
    values: list[dict[str, np.ndarray]] = []
    found: list[bool] = []
    conditioned: list[dict[str, float]] = []
    done = 0
    while batch := list(islice(seen, BATCH)):
        good = [(i, *one) for i, one in batch if one is not None]
        if good:
            values.append(outputs(predictor, np.stack([crop for _, crop, _, _ in good]), embedding))
            rows += [i for i, *_ in good]
            found += [face for *_, face, _ in good]
            conditioned += [c for *_, c in good]
        done += len(batch)
        heard(done)
    if not rows:
        return pa.table({}), done
    made = assemble(samples.take(np.array(rows)), values, found, name or predictor.card.name, base)
    for name, column in (conditions.columns(conditioned) if measured else {}).items():
        made = (
            made if name in made.column_names else made.append_column(name, column)
        )  # a data set's own group stays
    return made, done - len(rows)


def _absent(samples: Samples) -> list[str]:
    """Truths that the data set lacks altogether: they get no column."""
    return [
        *(["emotion_true", "emotion_votes"] if (samples.emotion < 0).all() else []),
        *(["gender_true"] if (samples.gender < 0).all() else []),
        *(["age_true"] if np.isnan(samples.age).all() else []),
    ]


def outputs(
    predictor: Predictor, crops: np.ndarray, embedding: bool = False
) -> dict[str, np.ndarray]:
    """uint8 crops (N, S, S, C) -> prediction columns of the table, each (N,) or, for the embedding,
    (N, features).
    """
    return columns_of(predictor, predictor.probabilities(crops, embedding))


def columns_of(predictor: Predictor, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """As `outputs`, from the predictor's calibrated values of some of its tasks, and the embedding
    where it is there.
    """
    columns: dict[str, np.ndarray] = {}
    for head in (h for h in predictor.card.heads if h.task in values):
        p = values[head.task]
        if head.task == "emotion":
            names = [FERPLUS8.labels[FERPLUS8.index(label)] for label in head.labels]
            columns["emotion_pred"] = np.array(names)[p.argmax(axis=1)]
            columns |= {P_EMOTION + name: p[:, i] for i, name in enumerate(names)}
        elif head.task == "gender":
            columns[P_GENDER] = p[:, [GENDER2.index(label) for label in head.labels].index(0)]
        else:
            columns |= dict(
                zip(("age_pred", "age_low", "age_high"), predictor.ages(p), strict=True)
            )
    return columns | {name: values[name] for name in values if name == "embedding"}


def assemble(
    samples: Samples, values: list[dict[str, np.ndarray]], found: list[bool], model: str, base: Path
) -> pa.Table:
    """Names, truths, predictions and groups of `samples` as one table."""
    n = len(samples)
    columns: dict[str, object] = {
        "sample_id": list(samples.ids),
        "dataset": [samples.name] * n,
        "split": [samples.split] * n,
        "model": [model] * n,
        "path": _relative(samples, base),
        "emotion_true": _names(samples.emotion, FERPLUS8.labels),
        "emotion_votes": [None if np.isnan(v).any() else v.tolist() for v in samples.emotion_votes],
        "gender_true": _names(samples.gender, GENDER2.labels),
        "age_true": pa.array(samples.age, pa.float32(), from_pandas=True),
    }
    for name in values[0] if values else ():
        joined = np.concatenate([v[name] for v in values])
        columns[name] = list(joined) if joined.ndim == 2 else joined
    columns |= {GROUP + name: group.astype(str) for name, group in samples.groups.items()}
    columns["face_found"] = np.array(found, bool)
    return pa.table(columns)


def _relative(samples: Samples, base: Path) -> list[str]:
    """The files' names below `base`, or below the data set's own folder where that lies elsewhere,
    as for one that is drawn.
    """
    inside = all(p.is_relative_to(base) for p in samples.paths)
    return [p.relative_to(base if inside else samples.root).as_posix() for p in samples.paths]


def _names(index: np.ndarray, labels: tuple[str, ...]) -> list[str | None]:
    return [labels[i] if i >= 0 else None for i in index]
