"""The figures of a model card, measured through ONNX Runtime as it is served.

By the same code as `python -m evaluation report`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core import vocabulary
from core.artifacts.card import Card
from core.artifacts.card_rows import MetricRow
from core.labels import FERPLUS8, GENDER2
from core.predictor import Predictor
from core.preprocess import to_input
from evaluation.analysis.classification import ClassificationReport
from evaluation.analysis.regression import RegressionReport
from evaluation.analysis.summary import TableReport, table_report
from evaluation.predictions.columns import (
    Ages,
    assemble,
    prediction_columns,
    without_empty_columns,
)
from evaluation.predictions.predict import BATCH_SIZE
from evaluation.quality.duplicates import digest
from train.batches.data import DatasetPart
from train.export.calibrate import fit, true_labels
from train.export.card_metric import card_metric
from train.export.thresholds import COVERED_AGES, MIN_GROUP_SIZE, age_rows, fit_thresholds

BATCH = BATCH_SIZE
"""Crops in one run of the network: EfficientNet-B0 took 17 GB for 1,024 crops of 224 pixels."""
Logits = Mapping[str, NDArray[np.float32]]


def measured_card(
    predictor: Predictor, train_parts: Sequence[DatasetPart], val_parts: Sequence[DatasetPart]
) -> Card:
    """Return the card of a model file with calibration, thresholds and figures.

    All are measured on what this very file predicts for the validation parts.

    Args:
        predictor: of the file.
        train_parts: to leave out validation pictures that are in them too.
        val_parts: to measure on.
    """
    by_part = [logits_of(predictor, part) for part in val_parts]
    heads = predictor.card.heads
    together = {h.task: np.concatenate([z[h.task] for z in by_part]) for h in heads}
    calibrated = copy(predictor)
    calibrated.card = replace(
        predictor.card, calibration=fit(heads, together, true_labels(heads, val_parts))
    )
    tables = [predictions(calibrated, p, z) for p, z in zip(val_parts, by_part, strict=True)]
    thresholds, selective_rows = fit_thresholds([p.samples for p in val_parts], tables)
    rows = [
        *figure_rows(tables, train_parts, val_parts),
        *selective_rows,
        *age_rows(calibrated.card, val_parts, together),
    ]
    return replace(
        calibrated.card,
        thresholds=thresholds,
        metrics=tuple(rows),
    )


def figure_rows(
    tables: Sequence[pa.Table], train_parts: Sequence[DatasetPart], val_parts: Sequence[DatasetPart]
) -> Iterator[MetricRow]:
    """Yield the figures of all validation parts, over all samples, by class and by group.

    Args:
        tables: predictions of the validation parts.
        train_parts: as for `measured_card`.
        val_parts: the samples.
    """
    for part, table in zip(val_parts, tables, strict=True):
        report = table_report(table)
        if report.emotion:
            yield from _emotion_rows(part, table, report.emotion, train_parts)
        if report.gender:
            yield card_metric([part.samples], "gender_accuracy", report.gender.accuracy)
        if report.age:
            yield from _age_rows(part, report.age)
        yield from _group_rows(part, report)


def _emotion_rows(
    part: DatasetPart,
    table: pa.Table,
    emotion: ClassificationReport,
    train_parts: Sequence[DatasetPart],
) -> Iterator[MetricRow]:
    samples = [part.samples]
    yield card_metric(samples, "emotion_accuracy", emotion.accuracy)
    # of all data sets: one set of pictures may have two sets of labels, as FER2013's
    with_emotions = [t for t in train_parts if (t.samples.emotion >= 0).any()]
    yield from _rows_without_leaks(table, part, with_emotions)
    yield card_metric(samples, "emotion_macro_f1", emotion.macro_f1)
    if emotion.ece:
        yield card_metric(samples, "emotion_expected_calibration_error", emotion.ece)
    for label in emotion.per_class:
        if label.n:
            yield card_metric(samples, "emotion_recall", label.recall, f"emotion: {label.label}")


def _age_rows(part: DatasetPart, age: RegressionReport) -> Iterator[MetricRow]:
    yield card_metric([part.samples], "age_mean_absolute_error_years", age.mae)
    yield card_metric([part.samples], "age_bias_years", age.bias)
    if age.interval:
        yield card_metric([part.samples], COVERED_AGES, age.interval.coverage)


def _group_rows(part: DatasetPart, report: TableReport) -> Iterator[MetricRow]:
    """Yield rows by group; by true gender, accuracy is the recall of that class."""
    samples = [part.samples]
    for group, values in (report.gender.groups if report.gender else {}).items():
        for value in values:
            if value.accuracy.n >= MIN_GROUP_SIZE:
                name = f"{vocabulary.group_title(group)}: {value.value}"
                yield card_metric(samples, "gender_accuracy", value.accuracy, name)
    for group, errors in (report.age.groups if report.age else {}).items():
        for error in errors:
            if error.mae.n >= MIN_GROUP_SIZE:
                name = f"{vocabulary.group_title(group)}: {error.value}"
                yield card_metric(samples, "age_mean_absolute_error_years", error.mae, name)
    for label in report.gender.per_class if report.gender else ():
        if label.n:
            name = f"perceived gender: {label.label}"
            yield card_metric(samples, "gender_accuracy", label.recall, name)


def logits_of(predictor: Predictor, part: DatasetPart) -> Logits:
    """Return raw outputs by task, (N, width), before any calibration."""
    starts = range(0, len(part), BATCH)
    batches = [
        predictor.logits(to_input(part.crops[i : i + BATCH], predictor.card.input)) for i in starts
    ]
    return {
        h.task: np.concatenate([batch[h.task] for batch in batches]) for h in predictor.card.heads
    }


def predictions(predictor: Predictor, part: DatasetPart, logits: Logits | None = None) -> pa.Table:
    """Return the predictions table of a part; columns without any value are left out.

    Args:
        predictor: with its calibration.
        part: whose crops are ready.
        logits: of `logits_of`, where they are known already.
    """
    values = predictor.calibrate(logits or logits_of(predictor, part))
    return predictions_table(predictor.card, predictor.ages, part, values)


def predictions_table(
    card: Card, ages: Ages, part: DatasetPart, values: Mapping[str, np.ndarray]
) -> pa.Table:
    """Return the table of calibrated values by task for a part, without columns that are empty.

    Args:
        card: names the model, its heads and labels.
        ages: values of `age` -> expected years and the ends of their interval, each (N,).
        part: the samples.
        values: by task, (N, width).
    """
    samples = part.samples
    for task, space in (("emotion", FERPLUS8), ("gender", GENDER2)):
        head = card.head(task)
        if head is not None:
            # A part's labels are indices of the head's, a table's of the label space; -1 stays.
            codes = np.array([space.index(label) for label in head.labels] + [-1])
            samples = replace(samples, **{task: codes[getattr(samples, task)]})
    columns = prediction_columns(card, ages, values)
    table = assemble(samples, [columns], [True] * len(part), card.name, samples.root)
    return without_empty_columns(table)


def _rows_without_leaks(
    table: pa.Table, part: DatasetPart, train_parts: Sequence[DatasetPart]
) -> Iterator[MetricRow]:
    """Yield accuracies without the pictures that training has too, as some of FER+'s are."""
    if not train_parts:
        return
    in_training = np.concatenate([digest.pixel_digests(t.samples.paths) for t in train_parts])
    is_new = ~digest.occurs_in(digest.pixel_digests(part.samples.paths), in_training)
    if is_new.any():
        report = table_report(table.filter(pa.array(is_new)))
        if report.emotion is None:
            return
        yield card_metric(
            [part.samples],
            "emotion_accuracy_without_pictures_that_train_has_too",
            report.emotion.accuracy,
        )
