"""A predictions table written in parts: memory stays bounded and a stopped run can be resumed.

A run that was stopped is resumed when it is asked for again, and ends with the same table; a run
with another model, other data or other options starts anew. The engine may differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from core import system
from core.data import Samples
from core.data.base.crop_cache import VERSION as CROP_VERSION
from core.data.base.object_store import absolute
from core.errors import DataError
from core.face_model import FaceModel
from core.faces import Detector
from core.files import disk_errors
from core.progress import say, task
from evaluation.engines import Engine
from evaluation.predictions import table
from evaluation.predictions.columns import absent_labels, relative_paths
from evaluation.predictions.partial import PartialTable
from evaluation.predictions.predict import describe, predict
from evaluation.predictions.schema import to_schema

PART_SIZE = 256
"""Samples after which work is kept, and that an engine hands out together: at most so many are
predicted again after a stop, by each process.

A multiple of BATCH_SIZE, so that the batches stay the same.
"""


class Stopped(Exception):
    """The run was stopped by Ctrl-C; its finished parts are kept."""

    def __init__(self, done: int, total: int) -> None:
        super().__init__(f"stopped after {done} of {total} samples")


@dataclass(frozen=True, slots=True)
class PredictionRun:
    """What is predicted, and how.

    Attributes:
        predictor: the model.
        samples: the pictures.
        detector: finds the faces.
        base: folder that the table's paths are relative to.
        engine: where it runs.
        embedding: whether the table gets embeddings.
        conditions: whether the table gets the conditions of each picture.
        name: what the table calls the model; its own name where None.
    """

    predictor: FaceModel
    samples: Samples
    detector: Detector
    base: Path
    engine: Engine
    embedding: bool = False
    conditions: bool = False
    name: str | None = None

    @property
    def part_count(self) -> int:
        """Number of parts."""
        return -(-len(self.samples) // PART_SIZE)

    def key(self) -> dict[str, object]:
        """Return all that the rows depend on: only where it is the same may a run be resumed."""
        names = "\n".join(
            f"{sample_id}\t{path}"
            for sample_id, path in zip(
                self.samples.ids, relative_paths(self.samples, self.base), strict=True
            )
        )
        return {
            "model": self.predictor.fingerprint,
            "data": [
                self.samples.name,
                self.samples.split,
                self.samples.fingerprint,
                hashlib.sha256(names.encode()).hexdigest(),
            ],
            "options": {
                "embedding": self.embedding,
                "conditions": self.conditions,
                "name": self.name,
                "operating_point": self.predictor.card.operating_point,
            },
            "detector": self.detector.name,
            "version": [PART_SIZE, CROP_VERSION, system.versions(system.COMPUTING_PACKAGES)],
        }


@dataclass(frozen=True, slots=True)
class PredictionCounts:
    """Rows written, faces found among them, and unreadable files that were left out."""

    rows: int
    faces: int
    unreadable: int


def predict_to_file(run: PredictionRun, out: Path) -> PredictionCounts:
    """Predict all samples and write the table to `out`, as Parquet, or CSV by its suffix.

    Raises:
        DataError: `out` is a folder, the disk is full, or none of the files can be read; an older
            table stays.
        Stopped: Ctrl-C; the finished parts are kept.
    """
    parts = PartialTable(out)
    table.check_target(out)
    with disk_errors(out, "try another place"):
        differences = parts.begin(run.key())
    if differences:
        say(
            f"an unfinished run for {out} was made with another {' and '.join(differences)}; "
            "starts anew"
        )
    remedy = "free some space and give the same command again, which goes on from here"
    try:
        with disk_errors(out, remedy):
            _make_parts(run, parts)
            return _merge(run, parts, out)
    except KeyboardInterrupt:
        done = sum(parts.sample_count(i) or 0 for i in range(run.part_count))
        raise Stopped(done, len(run.samples)) from None


def _make_parts(run: PredictionRun, parts: PartialTable) -> None:
    """Predict the parts of the table that an earlier run did not finish."""
    counts = [parts.sample_count(i) for i in range(run.part_count)]
    done = sum(n or 0 for n in counts)
    if done:
        say(f"goes on: {done} of {len(run.samples)} samples are there")
    predict_part = partial(
        _predict_part,
        predict_samples=partial(
            predict,
            run.predictor,
            detector=run.detector,
            base=absolute(run.base),
            embedding=run.embedding,
            with_conditions=run.conditions,
            threads=run.engine.threads,
            name=run.name,
        ),
        absent=absent_labels(run.samples),
    )
    todo = [i for i, n in enumerate(counts) if n is None]
    samples = (_absolute(run.samples.take(slice(i * PART_SIZE, (i + 1) * PART_SIZE))) for i in todo)
    with task(f"predict {run.samples.name}", len(run.samples), done) as advance:
        for at, (part, unreadable) in run.engine.map(predict_part, samples):
            parts.save(todo[at], part, unreadable)
            done += len(part) + unreadable
            advance(done)


def _predict_part(
    samples: Samples,
    predict_samples: Callable[[Samples], tuple[pa.Table, int]],
    absent: Sequence[str],
) -> tuple[pa.Table, int]:
    """Return the samples' rows without `absent` columns, and the count of unreadable files.

    An engine calls it, in this process or in another.
    """
    part, unreadable = predict_samples(samples)
    return to_schema(part.drop_columns(absent)) if len(part) else part, unreadable


def _absolute(samples: Samples) -> Samples:
    """Return samples that another process finds from its own working folder."""
    paths = tuple(absolute(path) for path in samples.paths)
    return replace(samples, root=absolute(samples.root), paths=paths)


def _merge(run: PredictionRun, parts: PartialTable, out: Path) -> PredictionCounts:
    rows = faces = unreadable = 0
    meta = describe(run.predictor, run.samples, run.detector, run.name)
    with table.writer(out, meta) as writer:
        for part, unreadable_in_part in parts.merged(run.part_count):
            unreadable += unreadable_in_part
            if len(part):
                writer.write(part)
                rows, faces = rows + len(part), faces + sum(part["face_found"].to_pylist())
        if rows == 0:
            parts.remove()
            raise DataError(
                f"Expected pictures of {run.samples.name} that can be read, "
                f"got {unreadable} that cannot; see {run.samples.root}."
            )
        writer.meta = replace(meta, left_out=len(run.samples.problems) + unreadable)
    parts.remove()
    return PredictionCounts(rows, faces, unreadable)
