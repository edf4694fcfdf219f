"""Thresholds of confidence for a card, and what they bring; how far the age intervals hold.

The figures of thresholds and intervals are cross-fitted: each half of the people is measured with
the numbers that were chosen on the other half.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from core.artifacts.card import Card
from core.artifacts.card_rows import MetricRow
from core.calibration import INTERVAL_COVERAGE
from core.data import Samples
from core.labels import age_decade
from evaluation.analysis.thresholds import single_threshold
from evaluation.metrics.regression import BANDS, WIDTH, bands
from evaluation.predictions import arrays
from evaluation.statistics.sample import Sample
from train.batches.data import DatasetPart
from train.export.calibrate import ByTask, cross_fitted_ages, true_labels
from train.export.card_metric import card_metric

MIN_GROUP_SIZE = 10
"""Groups of fewer samples get no figure of their own."""
MIN_THRESHOLD_SAMPLES = 100
"""Samples from which on a threshold is chosen; with fewer, the card has none."""
MAX_INTERVAL_YEARS = 40.0
"""Width of an interval over which an age is uncertain: it hardly tells young from old. Not fitted:
a width chosen so that wider ones are off by ten years did not keep that promise on other people,
and called half of those over fifty uncertain.
"""
COVERAGE, SELECTIVE_ACCURACY = "{}_answered", "{}_accuracy_of_answers"
SELECTIVE_MAE = "age_mean_absolute_error_years_of_answers"
ABSTAINED_MAE = "age_mean_absolute_error_years_of_uncertain"
COVERED_AGES = f"age_inside_its_{round(100 * INTERVAL_COVERAGE)}_percent_interval"
CROSS_FITTED_COVERAGE = f"{COVERED_AGES}_cross_fitted"
INTERVAL_WIDTH = "age_mean_interval_width_years"
TRUE_AGE, PREDICTED_AGE = "age", "predicted age"
"""Groups by decade."""


def fit_thresholds(
    samples: Sequence[Samples], tables: Sequence[pa.Table]
) -> tuple[dict[str, float], list[MetricRow]]:
    """Choose the confidence below which a predicted emotion or perceived gender is uncertain.

    An age is uncertain where its interval is wider than MAX_INTERVAL_YEARS. See
    `evaluation.analysis.thresholds.single_threshold`.

    Args:
        samples: one for each data set; all choose together.
        tables: predictions of these samples.

    Returns:
        A card's thresholds, and the figures that go with them.
    """
    thresholds: dict[str, float] = {}
    rows: list[MetricRow] = []
    for task in ("emotion", "gender"):
        having = [
            (s, table, classes)
            for s, table in zip(samples, tables, strict=True)
            if (classes := arrays.classes(table, task))
        ]
        if sum(len(classes.rows) for *_, classes in having) < MIN_THRESHOLD_SAMPLES:
            continue
        of_samples = [s for s, *_ in having]
        together = pa.concat_tables([t for _, t, _ in having], promote_options="default")
        chosen = single_threshold(together, task)
        thresholds[task] = chosen.limit
        rows.append(card_metric(of_samples, COVERAGE.format(task), chosen.coverage))
        if chosen.accuracy.n:
            rows.append(card_metric(of_samples, SELECTIVE_ACCURACY.format(task), chosen.accuracy))
    if any("age_pred" in table.column_names for table in tables):
        thresholds["age"] = MAX_INTERVAL_YEARS
    return thresholds, rows


def age_rows(card: Card, parts: Sequence[DatasetPart], logits: ByTask) -> Iterator[MetricRow]:
    """Yield how many true ages lie inside their intervals, and what the limit of width is worth.

    Over all and by decade. Every interval is fitted on the half of the people that it is not
    measured on.

    Args:
        card: with the age head, if any.
        parts: validation samples.
        logits: raw outputs by task of all parts together, (N, width).
    """
    head = card.head("age")
    ages = true_labels([head], parts)["age"].astype(np.float64) if head else np.zeros(0)
    labelled = ~np.isnan(ages)
    if head is None or labelled.sum() < MIN_THRESHOLD_SAMPLES:
        return
    samples = [p.samples for p in parts if not np.isnan(p.samples.age).all()]
    ages = ages[labelled]
    value, low, high = cross_fitted_ages(head, logits["age"][labelled].astype(np.float64), ages)
    sample, inside, width = Sample(len(ages)), (low <= ages) & (ages <= high), high - low
    yield card_metric(samples, CROSS_FITTED_COVERAGE, sample.share(inside))
    yield card_metric(samples, INTERVAL_WIDTH, sample.mean(width, minimum=0))
    for name, sorted_by in ((TRUE_AGE, ages), (PREDICTED_AGE, value)):
        decades = bands(sorted_by)
        shares = sample.shares(inside, decades, BANDS)
        widths = sample.means(width, decades, BANDS, minimum=0)
        for decade, (share, mean_width) in enumerate(zip(shares, widths, strict=True)):
            if share.n >= MIN_GROUP_SIZE:
                group = f"{name}: {age_decade(WIDTH * decade)}"
                yield card_metric(samples, CROSS_FITTED_COVERAGE, share, group)
                yield card_metric(samples, INTERVAL_WIDTH, mean_width, group)
    is_certain, error = width <= MAX_INTERVAL_YEARS, np.abs(value - ages)
    yield card_metric(samples, COVERAGE.format("age"), sample.share(is_certain))
    for metric, rows in ((SELECTIVE_MAE, is_certain), (ABSTAINED_MAE, ~is_certain)):
        if rows.sum() >= MIN_GROUP_SIZE:
            yield card_metric(samples, metric, sample.part(rows).mean(error[rows], minimum=0))
