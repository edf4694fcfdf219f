"""Whether a store's confidence can be believed, and what abstention brings.

From counts, but for the temperature check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from core.face_quality import HIGH
from core.types import LIMIT
from evaluation.analysis import from_counts
from evaluation.analysis.from_counts import BINS, FINE_BINS, FINE_PER_BIN
from evaluation.analysis.sql import fine_cell, is_correct, label_places
from evaluation.analysis.store_scores import score_counts, scores
from evaluation.metrics import calibration, selective
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Sample
from evaluation.store.counts import about, cluster_number, grouped_counts, half
from evaluation.store.filters import Where
from evaluation.store.store import Store

CONFIDENCE_BANDS = (HIGH, LIMIT)
"""Confidence from which a prediction is sure, and from which it is likely where the model has no
limit of its own; below that it is a guess.
"""
MAX_TEMPERATURE_ROWS = 40_000
"""Rows that the temperature check looks at."""
MIN_STRETCH_ROWS = 10
MAX_CURVE_POINTS = 2000


def has_confidence(store: Store, task: str) -> bool:
    """Return whether the tables give a confidence and a truth of `task`."""
    return {f"{task}_conf", f"{task}_true"} <= store.columns


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityEstimates:
    """The reliability diagram, the accuracy of each of its bins, and the calibration error."""

    diagram: calibration.Reliability
    accuracy: list[Estimate]
    ece: Estimate


def reliability(store: Store, task: str, where: Where) -> ReliabilityEstimates:
    """Return the diagram of BINS bins; `where` should name one model."""
    fine = _fine(store, task, where)
    bin_of = np.repeat(np.arange(BINS), FINE_PER_BIN * 2)
    correct = np.tile([False, True], FINE_BINS)
    accuracy = [fine.share(correct, bin_of == i) for i in range(BINS)]
    error = from_counts.calibration_error(fine)
    return ReliabilityEstimates(from_counts.reliability(fine), accuracy, error)


def ece(store: Store, task: str, where: Where) -> Estimate:
    """Return the calibration error over BINS bins; `where` should name one model."""
    return from_counts.calibration_error(_fine(store, task, where))


def _fine(store: Store, task: str, where: Where) -> GroupedCounts:
    """Return the sums of the confidence by fine bin and correctness."""
    confidence = f"t.{task}_conf::DOUBLE"
    return grouped_counts(store, where, fine_cell(task), FINE_BINS * 2, confidence)


@dataclass(frozen=True, slots=True)
class ConfidenceBand:
    """Rows with a confidence from `low` up to (but without) `high`.

    Their share, and their accuracy.
    """

    low: float
    high: float
    share: Estimate
    accuracy: Estimate


def own_limit(store: Store, task: str, models: Sequence[str], below: float = 1.0) -> float | None:
    """Return the probability under which all `models` call their predictions uncertain.

    As their tables say; None where they differ or do not say.

    Args:
        store: the tables.
        task: of the limit.
        models: whose limit.
        below: what a limit has to be less than; infinite for age, where it is a width in years.
    """
    thresholds = [
        s.meta.thresholds for s in store.sources if set(s.models) & set(models) and task in s.tasks
    ]
    # anybody may have written the file
    limits = [t.get(task) if isinstance(t, Mapping) else None for t in thresholds]
    limit = limits[0] if limits and all(v == limits[0] for v in limits) else None
    return float(limit) if isinstance(limit, int | float) and 0 < limit < below else None


def bands(
    store: Store, task: str, where: Where, limit: float = CONFIDENCE_BANDS[1]
) -> list[ConfidenceBand]:
    """Return the rows by the model's confidence, highest first; under `limit` it is a guess."""
    ends = [1.0, *(end for end in CONFIDENCE_BANDS[:1] if end > limit), limit, 0.0]
    count = len(ends) - 1
    cases = " ".join(
        f"WHEN t.{task}_conf >= {low}::FLOAT THEN {i}" for i, low in enumerate(ends[1:])
    )
    cell = f"(CASE {cases} END) * 2 + {is_correct(task)}"
    counts = grouped_counts(store, where, cell, 2 * count)
    band_of, correct = np.divmod(np.arange(2 * count), 2)
    return [
        ConfidenceBand(
            ends[i + 1],
            ends[i],
            counts.share(band_of == i),
            counts.share(correct == 1, band_of == i),
        )
        for i in range(count)
    ]


def risk_coverage(
    store: Store, task: str, where: Where
) -> tuple[selective.RiskCoverage, Estimate] | None:
    """Return the risk-coverage curve and its area; None without rows.

    Up to EXACT_ROWS rows the curve is that of single samples, beyond of FINE_CURVE_BINS bins.
    """
    p, correct = f"t.{task}_conf", is_correct(task)
    confidences, is_right, n = scores(store, where, p, correct)
    if not len(n):
        return None
    curve = selective.risk_coverage(confidences, is_right, n)
    counts = score_counts(store, where, p, correct)
    area = from_counts.risk_coverage_area(counts, selective.area(curve))
    last = len(curve.risk) - 1
    points = np.linspace(0, last, min(last + 1, MAX_CURVE_POINTS)).round().astype(int)
    return curve.at(points), area


@dataclass(frozen=True, slots=True)
class Temperature:
    """The temperature that minimises the NLL on one half of the rows, and what it changes.

    Attributes:
        value: the temperature.
        fitted: rows that it was fitted on.
        n: rows of the other half.
        before, after: calibration error of the other half without and with it.
        change: after minus before, over the same rows.
    """

    value: float
    fitted: int
    n: int
    before: Estimate
    after: Estimate
    change: Estimate


def temperature(store: Store, task: str, where: Where) -> Temperature | None:
    """Return whether one temperature would mend the confidence; None without probabilities or rows.

    Clusters stay in one half. Beyond MAX_TEMPERATURE_ROWS rows, about that many are looked at.
    """
    if not has_confidence(store, task):
        return None
    codes = [store.label_space(task).index(label) for label in store.labels(task)]
    columns = [store.probability(task, code) or "0::FLOAT" for code in codes]
    listed = ", ".join(f"{c} AS p{i}" for i, c in enumerate(columns))
    has_both = f"t.{task}_true IS NOT NULL AND t.{task}_conf IS NOT NULL"
    rows, first, sample = _halves(store, where, f"t.{task}_true AS truth, {listed}", has_both)
    if min(first.sum(), sample.n) < 2:
        return None
    true = label_places(store, task)[rows["truth"].to_numpy()]
    p = np.stack([rows[f"p{i}"].to_numpy() for i in range(len(codes))], axis=1)
    logits = np.log(np.maximum(p.astype(np.float64), calibration.TINY))
    value = calibration.fit_temperature(logits[first], true[first])
    scores_with = []
    for t in (1.0, value):
        scaled = calibration.softmax(logits[~first], t)
        scores_with.append((scaled.max(axis=1), scaled.argmax(axis=1) == true[~first]))
    errors, drawn = from_counts.calibration_errors(scores_with, sample)
    before, after = (
        Estimate.centred(errors[i], drawn[:, i], sample.n, minimum=0, maximum=1) for i in (0, 1)
    )
    change = Estimate.centred(errors[1] - errors[0], drawn[:, 1] - drawn[:, 0], sample.n)
    return Temperature(value, int(first.sum()), sample.n, before, after, change)


def _halves(
    store: Store, where: Where, columns: str, condition: str
) -> tuple[pa.Table, np.ndarray, Sample]:
    """Return rows to fit and to test on: all, whether each is to fit on, and those to test on.

    Clusters stay in one half; about MAX_TEMPERATURE_ROWS rows.

    Args:
        store: the tables.
        where: which rows.
        columns: SQL of what is selected.
        condition: SQL that holds for the rows, too.
    """
    clause, params = store.clause(where)
    rows = store.arrow(
        f"SELECT {columns}, {half(store)} AS half, {cluster_number(store)} AS cluster FROM t "
        f"WHERE {clause} AND {condition} AND {about(store, where, MAX_TEMPERATURE_ROWS)}",
        params,
    )
    first = rows["half"].to_numpy() == 0
    cluster = rows["cluster"].to_numpy() if store.cluster else None
    return rows, first, Sample(len(rows), cluster, store.cluster).part(~first)


@dataclass(frozen=True, slots=True)
class IntervalCoverage:
    """Ages of one decade (or all, under "").

    How many stated intervals hold the truth, and their mean width in years.
    """

    decade: str
    coverage: Estimate
    width: float


def age_intervals(store: Store, where: Where) -> list[IntervalCoverage]:
    """Return all ages, then each decade; empty where the tables state no intervals."""
    if not {"age_low", "age_high", "age_true"} <= store.columns:
        return []
    column = store.group_columns["age_decade"]
    names = store.texts[column]
    inside = f"(t.age_low <= t.age_true AND t.age_true <= t.age_high)::INT + 2 * t.{column}"
    counts = grouped_counts(store, where, inside, 2 * len(names), "t.age_high - t.age_low")
    decade_of, is_inside = np.divmod(np.arange(2 * len(names)), 2)
    decades = sorted((name, decade_of == i) for i, name in enumerate(names))
    return [
        IntervalCoverage(
            name,
            counts.share(is_inside == 1, among),
            float(counts.sums[among].sum() / counts.n[among].sum()),
        )
        for name, among in [("", decade_of >= 0), *decades]
        if counts.n[among].any()
    ]


def stretch(store: Store, where: Where, nominal: float) -> tuple[float, Estimate] | None:
    """Return by what factor the stated intervals must be wider so that `nominal` of them hold.

    About their middle; chosen on one half of the rows, with the share that it holds on the other.
    None without intervals or with too few rows.
    """
    if not {"age_low", "age_high", "age_true"} <= store.columns:
        return None
    rows, first, sample = _halves(
        store,
        where,
        "abs(t.age_true - (t.age_low + t.age_high) / 2)::DOUBLE AS off, "
        "((t.age_high - t.age_low) / 2)::DOUBLE AS width",
        "t.age_high > t.age_low AND t.age_true IS NOT NULL",
    )
    ratio = rows["off"].to_numpy() / rows["width"].to_numpy()
    if min(first.sum(), sample.n) < MIN_STRETCH_ROWS:
        return None
    factor = float(np.quantile(ratio[first], nominal, method="higher"))
    return factor, sample.share(ratio[~first] <= factor)
