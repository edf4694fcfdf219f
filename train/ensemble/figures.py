"""What an ensemble gains: its out-of-fold figures beside those of its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from core.artifacts.card_rows import MetricRow
from core.data import Samples
from core.ensemble import Ensemble, Values, canonical
from core.labels import FERPLUS8
from core.vocabulary import TASKS
from evaluation.analysis.classification import ClassificationReport
from evaluation.analysis.regression import RegressionReport
from evaluation.analysis.summary import TableReport, table_report
from evaluation.analysis.table_pairs import compare
from evaluation.predictions.columns import assemble, prediction_columns, without_empty_columns
from evaluation.statistics.estimate import Estimate
from train.ensemble.member_predictions import MemberPredictions
from train.ensemble.weights import TaskWeights, apply_calibration
from train.export.calibrate import Array
from train.export.card_metric import card_metric
from train.export.thresholds import CROSS_FITTED_COVERAGE

CARD_FIGURES = (
    ("emotion", "accuracy", "emotion_accuracy"),
    ("emotion", "macro_f1", "emotion_macro_f1"),
    ("emotion", "ece", "emotion_expected_calibration_error"),
    ("gender", "accuracy", "gender_accuracy"),
    ("age", "mae", "age_mean_absolute_error_years"),
    ("age", "bias", "age_bias_years"),
    ("age", "coverage", CROSS_FITTED_COVERAGE),
)
"""Task, figure of `evaluation.analysis.summary`, metric in a card."""


@dataclass(frozen=True, slots=True, eq=False)
class GainRow:
    """One figure of the ensemble beside its members'.

    Attributes:
        data, split, task, metric, n: what was measured.
        members: of each alone, without flip averaging; None where it lacks the task.
        ensemble: out of fold.
        best: index of the best member alone.
        difference: the ensemble's minus that member's, on the same samples.
        better: whether the interval of the difference excludes chance.
    """

    data: str
    split: str
    task: str
    metric: str
    n: int
    members: Sequence[Estimate | None]
    ensemble: Estimate
    best: int
    difference: Estimate
    better: bool


@dataclass(frozen=True, slots=True, eq=False)
class EnsembleFigures:
    """What an ensemble reaches on one data set.

    Attributes:
        gains: by task, against the best member.
        metrics: rows of the card.
        samples: the data set, without labels of classes that the ensemble does not have.
        table: the ensemble's predictions.
    """

    gains: Sequence[GainRow]
    metrics: Sequence[MetricRow]
    samples: Samples
    table: pa.Table


def measure(
    ensemble: Ensemble,
    name: str,
    weights: Mapping[str, TaskWeights],
    predictions: MemberPredictions,
    rows: slice,
) -> EnsembleFigures:
    """Measure an ensemble and its members on one data set.

    Args:
        ensemble: with equal weights.
        name: of the ensemble.
        weights: by task.
        predictions: of the members.
        rows: the samples' rows in `weights`.
    """
    samples = _with_known_emotions(ensemble, predictions.samples)
    tables = [
        _table(ensemble, f"member {i + 1}", values, samples)
        for i, values in enumerate(predictions.alone)
    ]
    values = _out_of_fold(ensemble, weights, predictions.members, rows)
    ends = weights["age"].interval_ends[rows] if "age" in weights else None
    table = _table(ensemble, name, values, samples, ends)
    of_members, ours = [table_report(t) for t in tables], table_report(table)
    gains = [
        gain
        for task in TASKS
        if (gain := _gain(task, samples, tables, of_members, table, ours)) is not None
    ]
    metrics = [
        card_metric([samples], metric, estimate)
        for task, figure, metric in CARD_FIGURES
        if (estimate := _figure(ours.tasks.get(task), figure)) is not None
    ]
    return EnsembleFigures(gains, metrics, samples, table)


def _with_known_emotions(ensemble: Ensemble, samples: Samples) -> Samples:
    """Return samples without the labels that the ensemble has no class for, as in training."""
    head = ensemble.card.head("emotion")
    if head is None:
        return samples
    has_class = np.isin(FERPLUS8.labels, canonical("emotion", head.labels))
    is_usable = (samples.emotion >= 0) & has_class[samples.emotion]
    return replace(samples, emotion=np.where(is_usable, samples.emotion, -1))


def _gain(
    task: str,
    samples: Samples,
    tables: Sequence[pa.Table],
    of_members: Sequence[TableReport],
    table: pa.Table,
    ours: TableReport,
) -> GainRow | None:
    """Return the main figure of a task beside the members; None where nobody has one."""
    metric = TASKS[task].metric
    figures = [_figure(report.tasks.get(task), metric.key) for report in of_members]
    values = {i: f.value for i, f in enumerate(figures) if f and f.value is not None}
    estimate = _figure(ours.tasks.get(task), metric.key)
    if estimate is None or not values:
        return None
    is_higher_better = metric.better == "higher"
    best = max(values, key=lambda i: values[i] if is_higher_better else -values[i])
    comparison = compare(tables[best], table, limit=0).tasks[task]
    difference = comparison.differences[metric.key].difference
    low, high = difference.low, difference.high
    is_better = low is not None and high is not None and (low > 0 if is_higher_better else high < 0)
    return GainRow(
        samples.name,
        samples.split,
        task,
        metric.key,
        ours.tasks[task].n,
        figures,
        estimate,
        best,
        difference,
        is_better,
    )


def _figure(report: ClassificationReport | RegressionReport | None, name: str) -> Estimate | None:
    """Return a figure of a task's report; None where it has none."""
    if isinstance(report, RegressionReport) and name == "coverage":
        return report.interval.coverage if report.interval else None
    figure: Estimate | None = getattr(report, name, None)
    return figure


def _out_of_fold(
    ensemble: Ensemble,
    weights: Mapping[str, TaskWeights],
    members: Sequence[Values],
    rows: slice,
) -> Values:
    """Return the ensemble's predictions, of labelled samples by what the other folds chose."""
    values = {}
    for task, shares in ensemble.shares.items():
        fitted = weights.get(task)
        by_task = {task: fitted.weights if fitted else shares}
        values[task] = ensemble.average(members, by_task)[task]
        head = ensemble.card.head(task)
        if fitted and head is not None:
            p: Array = apply_calibration(head, values[task], fitted.calibration)
            out_of_fold = fitted.out_of_fold[rows]
            values[task] = np.where(np.isnan(out_of_fold), p, out_of_fold)
    return values


def _table(
    ensemble: Ensemble, name: str, values: Values, samples: Samples, ends: Array | None = None
) -> pa.Table:
    """Return a predictions table.

    ends: (N, 2) of the ages' intervals instead of those that follow from the values; NaN rows keep
    the latter.
    """
    columns = prediction_columns(ensemble.card, ensemble.ages, values)
    if ends is not None:
        for column, end in zip(("age_low", "age_high"), ends.T, strict=True):
            columns[column] = np.where(np.isnan(end), columns[column], end)
    table = assemble(samples, [columns], [True] * len(samples), name, samples.root)
    return without_empty_columns(table)
