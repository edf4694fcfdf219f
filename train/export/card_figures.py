"""The figures of a model card: measured through ONNX Runtime as it is served, by the same code as
`python -m evaluation report`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace

import numpy as np
import pyarrow as pa

from core.artifacts.card import Card
from core.labels import FERPLUS8
from core.predictor import Predictor
from core.preprocess import to_input
from evaluation.analysis.summary import table_report
from evaluation.predictions.columns import assemble, prediction_columns
from evaluation.predictions.predict import BATCH_SIZE
from evaluation.quality.duplicates import digest
from train.batches.data import DatasetPart
from train.export.calibrate import fit, truths
from train.export.thresholds import HELD, LEAST, Raw, Row, limits, of_ages, row

CHUNK = BATCH_SIZE
"""Pictures at once: what 1,024 of 224 pixels leave inside EfficientNet-B0 took 17 GB."""


def measured(
    predictor: Predictor, train_parts: Sequence[DatasetPart], val_parts: Sequence[DatasetPart]
) -> Card:
    """The card of a file that is ready to be served, with calibration, thresholds and figures from
    what this very file says.
    """
    raw = [said(predictor, part) for part in val_parts]
    heads = predictor.card.heads
    together = {h.task: np.concatenate([r[h.task] for r in raw]) for h in heads}
    served = copy(predictor)
    served.card = replace(
        predictor.card, calibration=fit(heads, together, truths(heads, val_parts))
    )
    tables = [predictions(served, part, r) for part, r in zip(val_parts, raw, strict=True)]
    found = limits(val_parts, tables)
    rows = [
        *figures(tables, train_parts, val_parts),
        *found.rows,
        *of_ages(served.card, val_parts, together),
    ]
    return replace(served.card, thresholds=found.thresholds, metrics=tuple(rows))


def figures(
    tables: Sequence[pa.Table], train_parts: Sequence[DatasetPart], val_parts: Sequence[DatasetPart]
) -> Iterator[Row]:
    """Rows {data, split, metric, value, ci95, n, group?} over all validation parts and their
    predictions tables.
    """
    for part, table in zip(val_parts, tables, strict=True):
        found = table_report(table)
        if found.emotion:
            yield row(part, "emotion_accuracy", found.emotion.accuracy)
            yield from _without_leaks(
                table, part, [t for t in train_parts if t.samples.name == part.samples.name]
            )
            yield row(part, "emotion_macro_f1", found.emotion.macro_f1)
            yield row(part, "emotion_expected_calibration_error", found.emotion.ece)
            seen = [c for c in found.emotion.per_class if c.n]
            yield from (row(part, "emotion_recall", c.recall, f"emotion: {c.label}") for c in seen)
        if found.gender:
            yield row(part, "gender_accuracy", found.gender.accuracy)
        if found.age:
            yield row(part, "age_mean_absolute_error_years", found.age.mae)
            yield row(part, "age_bias_years", found.age.bias)
            if found.age.interval:
                yield row(part, HELD, found.age.interval.coverage)
        for task, figure, metric in (
            ("gender", "accuracy", "gender_accuracy"),
            ("age", "mae", "age_mean_absolute_error_years"),
        ):
            report = getattr(found, task)
            for group, values in (report.groups if report else {}).items():
                name = {"gender": "perceived gender", "age_decade": "age"}.get(group, group)
                yield from (
                    row(part, metric, getattr(v, figure), f"{name}: {v.value}")
                    for v in values
                    if getattr(v, figure).n >= LEAST
                )
        if found.gender:  # by true gender, accuracy is that class's recall
            for c in (c for c in found.gender.per_class if c.n):
                yield row(part, "gender_accuracy", c.recall, f"perceived gender: {c.label}")


def said(predictor: Predictor, part: DatasetPart) -> Raw:
    """Raw outputs by task (N, width), before any calibration."""
    chunks = (part.crops[i : i + CHUNK] for i in range(0, len(part), CHUNK))
    found = [predictor.logits(to_input(crops, predictor.card.input)) for crops in chunks]
    return {h.task: np.concatenate([f[h.task] for f in found]) for h in predictor.card.heads}


def predictions(predictor: Predictor, part: DatasetPart, raw: Raw | None = None) -> pa.Table:
    """The predictions table of crops that are already there; columns without any value are left
    out. raw: what was `said`.
    """
    head = predictor.card.head("emotion")
    places = (
        np.array([FERPLUS8.index(label) for label in head.labels] + [-1]) if head else None
    )  # the last place is for -1
    samples = (
        part.samples
        if places is None
        else replace(part.samples, emotion=places[part.samples.emotion])
    )
    values = prediction_columns(predictor, predictor.calibrate(raw or said(predictor, part)))
    table = assemble(samples, [values], [True] * len(part), predictor.card.name, part.samples.root)
    return table.drop_columns(
        [name for name in table.column_names if table[name].null_count == len(table)]
    )


def _without_leaks(
    table: pa.Table, part: DatasetPart, train_parts: Sequence[DatasetPart]
) -> Iterator[Row]:
    """Accuracy on the pictures whose pixels do not stand in the training split too: FER+'s official
    splits leak.
    """
    if not train_parts:
        return
    theirs = np.concatenate([digest.digests(t.samples.paths) for t in train_parts])
    fresh = ~digest.shared(digest.digests(part.samples.paths), theirs)
    if fresh.any():
        found = table_report(table.filter(pa.array(fresh)))
        yield row(
            part,
            "emotion_accuracy_without_pictures_that_train_has_too",
            found.emotion.accuracy,
        )
