"""Whether a store's confidence can be believed, and what abstention brings.

From counts, but for the temperature check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.face_quality import HIGH
from core.types import LIMIT
from evaluation.analysis import from_counts
from evaluation.analysis.from_counts import BINS, CURVE_BINS, FINE_BINS, FINE_PER_BIN
from evaluation.analysis.sql import fine_cell, is_correct, logit_cell
from evaluation.analysis.store_classes import EXACT_ROWS, FINE_CURVE_BINS
from evaluation.metrics import calibration, selective
from evaluation.metrics.binned import LOGIT_REACH
from evaluation.statistics.bootstrap import centred, merged
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Sample
from evaluation.store.counts import about, cluster_number, grouped_counts, half, row_counts
from evaluation.store.encoding import TASK_LABELS
from evaluation.store.filters import Where
from evaluation.store.store import Store

CONFIDENCE_BANDS = (HIGH, LIMIT)
"""From here on a prediction is sure, from there on (or from the model's own limit) likely, and
below that a guess.
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
    diagram = store.reliability(task, where, BINS)
    return ReliabilityEstimates(diagram, accuracy, from_counts.calibration_error(fine))


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


def own_limit(store: Store, task: str, models: Sequence[str]) -> float | None:
    """Return the probability under which all `models` call their predictions uncertain.

    As their tables say; None where they differ or do not say.
    """
    thresholds = [
        s.meta.thresholds for s in store.sources if set(s.models) & set(models) and task in s.tasks
    ]
    limits = [
        t.get(task) if isinstance(t, Mapping) else None for t in thresholds
    ]  # anybody may have written the file
    limit = limits[0] if limits and all(v == limits[0] for v in limits) else None
    return float(limit) if isinstance(limit, int | float) and 0 < limit < 1 else None


def bands(
    store: Store, task: str, where: Where, limit: float = CONFIDENCE_BANDS[1]
) -> list[ConfidenceBand]:
    """Return the rows by the model's confidence, highest first; under `limit` it is a guess."""
    ends = [1.0, *(end for end in CONFIDENCE_BANDS[:1] if end > limit), limit, 0.0]
    count = len(ends) - 1
    cases = " ".join(
        f"WHEN t.{task}_conf >= {low}::FLOAT THEN {i}" for i, low in enumerate(ends[1:])
    )
    correct = f"(t.{task}_pred = t.{task}_true)::INT"
    cell = f"(CASE {cases} END) * 2 + {correct}"
    cell = f"CASE WHEN t.{task}_true IS NULL THEN NULL ELSE {cell} END"
    counts = grouped_counts(store, where, cell, 2 * count)
    band_of, is_correct_cell = np.divmod(np.arange(2 * count), 2)
    every = np.ones(2 * count, bool)
    return [
        ConfidenceBand(
            ends[i + 1],
            ends[i],
            counts.share(band_of == i, every),
            counts.share(is_correct_cell == 1, band_of == i),
        )
        for i in range(count)
    ]


def risk_coverage(
    store: Store, task: str, where: Where
) -> tuple[selective.RiskCoverage, Estimate] | None:
    """Return the risk-coverage curve and its area; None without rows.

    Up to EXACT_ROWS rows the curve is that of single samples, beyond of FINE_CURVE_BINS bins.
    """
    confidence, correct, n = _confidences(store, task, where)
    if not len(confidence):
        return None
    curve = selective.risk_coverage(confidence, correct, n)
    counts = grouped_counts(store, where, logit_cell(task, CURVE_BINS), 2 * CURVE_BINS)
    return _thinned(curve), from_counts.risk_coverage_area(counts, selective.area(curve))


def _thinned(curve: selective.RiskCoverage) -> selective.RiskCoverage:
    """Return at most MAX_CURVE_POINTS points, evenly spread, both ends among them, for drawing."""
    count = len(curve.coverage)
    if count <= MAX_CURVE_POINTS:
        return curve
    at = np.linspace(0, count - 1, MAX_CURVE_POINTS).round().astype(int)
    return selective.RiskCoverage(curve.threshold[at], curve.coverage[at], curve.risk[at])


def _confidences(
    store: Store, task: str, where: Where
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return confidences, whether they are of correct predictions, and how many samples, (T,)."""
    if store.count(where) <= EXACT_ROWS:
        clause, params = store.clause(where)
        rows = store.arrow(
            f"SELECT t.{task}_conf::DOUBLE AS confidence, {is_correct(task)} AS correct, "
            f"count(*) AS n FROM t WHERE {clause} AND t.{task}_conf IS NOT NULL AND "
            f"t.{task}_true IS NOT NULL GROUP BY 1, 2",
            params,
        )
        confidence, correct, n = (rows[c].to_numpy() for c in ("confidence", "correct", "n"))
        return confidence, correct.astype(bool), n.astype(np.float64)
    cell = logit_cell(task, FINE_CURVE_BINS)
    counts = row_counts(store, where, cell, 2 * FINE_CURVE_BINS)
    occupied = np.flatnonzero(counts)
    logit = (occupied // 2 + 0.5) / FINE_CURVE_BINS * 2 * LOGIT_REACH - LOGIT_REACH
    n = counts[occupied].astype(np.float64)
    return 1 / (1 + np.exp(-logit)), occupied % 2 == 1, n


@dataclass(frozen=True, slots=True)
class Temperature:
    """T that minimises the NLL on one half (fitted.

    Its rows), and the calibration error of the other (n rows) without and with it.

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
    codes = [TASK_LABELS[task].index(label) for label in store.labels(task)]
    columns = [store.probability(task, code) or "0::FLOAT" for code in codes]
    clause, params = store.clause(where)
    has_both = f"{clause} AND t.{task}_true IS NOT NULL AND t.{task}_conf IS NOT NULL"
    listed = ", ".join(f"{c} AS p{i}" for i, c in enumerate(columns))
    rows = store.arrow(
        f"SELECT {half(store)} AS half, {cluster_number(store)} AS cluster, "
        f"t.{task}_true AS truth, {listed} FROM t "
        f"WHERE {has_both} AND {about(store, where, MAX_TEMPERATURE_ROWS)}",
        params,
    )
    first = rows["half"].to_numpy() == 0
    if min(first.sum(), (~first).sum()) < 2:
        return None
    place = np.zeros(256, np.int64)
    place[codes] = np.arange(len(codes))
    true = place[rows["truth"].to_numpy()]
    p = np.stack([rows[f"p{i}"].to_numpy() for i in range(len(codes))], axis=1)
    logits = np.log(np.maximum(p.astype(np.float64), calibration.TINY))
    value = calibration.fit_temperature(logits[first], true[first])
    true, logits, n = true[~first], logits[~first], int((~first).sum())
    cluster = None if store.cluster is None else rows["cluster"].to_numpy()[~first]
    sample = Sample(n, cluster, store.cluster)
    errors, drawn = _errors_with(logits, true, (1.0, value), sample)
    change = float(errors[1] - errors[0])
    before, after = (
        Estimate.of(float(e), centred(float(e), d, minimum=0, maximum=1), n)
        for e, d in zip(errors, drawn.T, strict=True)
    )
    ends = centred(change, drawn[:, 1] - drawn[:, 0])
    return Temperature(value, int(first.sum()), n, before, after, Estimate.of(change, ends, n))


def _errors_with(
    logits: np.ndarray, true: np.ndarray, temperatures: Sequence[float], sample: Sample
) -> tuple[np.ndarray, np.ndarray]:
    """Return the calibration error with each of T temperatures, (T,), and in each round.

     Rounds are (rounds, T), all of the same resamples: independent rows are drawn as clusters of
    one, merged.
    """
    count, n = len(temperatures), sample.n
    unit = merged(np.arange(n)) if sample.unit is None else sample.unit
    cells, gaps = [], []
    for i, value in enumerate(temperatures):
        p = calibration.softmax(logits, value)
        confidence = p.max(axis=1)
        cells.append(i * BINS + calibration.bins_of(confidence, BINS))
        gaps.append((p.argmax(axis=1) == true) - confidence)
    counts = GroupedCounts.of_rows(
        np.concatenate(cells), count * BINS, np.concatenate(gaps), cluster=np.tile(unit, count)
    )
    sums, rows = counts.drawn_sums(np.arange(count * BINS))
    size = rows.sum(axis=1, keepdims=True) / count  # (rounds, 1)
    drawn = np.abs(sums).reshape(-1, count, BINS).sum(axis=-1) / size
    return np.abs(counts.sums).reshape(count, BINS).sum(axis=-1) / n, drawn


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
    clause, params = store.clause(where)
    unknown = "t.age_true IS NULL OR t.age_low IS NULL OR t.age_high IS NULL"
    column = store.group_columns["age_decade"]
    names = store.texts[column]
    inside = f"(t.age_low <= t.age_true AND t.age_true <= t.age_high)::INT + 2 * t.{column}"
    cell = f"CASE WHEN {unknown} THEN NULL ELSE {inside} END"
    counts = grouped_counts(store, where, cell, 2 * len(names))
    if not counts.total:
        return []
    mean_width = f"SELECT t.{column}, avg(t.age_high - t.age_low) FROM t"
    widths = dict(store.sql(f"{mean_width} WHERE {clause} AND NOT ({unknown}) GROUP BY 1", params))
    decade_of, is_inside = np.divmod(np.arange(2 * len(names)), 2)
    n = counts.n.reshape(-1, 2).sum(axis=1)
    decades = sorted(np.flatnonzero(n).tolist(), key=lambda i: names[i])
    overall = float(sum(widths[i] * n[i] for i in decades) / counts.total)
    every = np.ones(2 * len(names), bool)
    return [IntervalCoverage("", counts.share(is_inside == 1, every), overall)] + [
        IntervalCoverage(names[i], counts.share(is_inside == 1, decade_of == i), float(widths[i]))
        for i in decades
    ]


def stretch(store: Store, where: Where, nominal: float) -> tuple[float, Estimate] | None:
    """Return by what factor the stated intervals must be wider so that `nominal` of them hold.

    About their middle; chosen on one half of the rows, with the share that it holds on the other.
    None without intervals or with too few rows.
    """
    if not {"age_low", "age_high", "age_true"} <= store.columns:
        return None
    clause, params = store.clause(where)
    rows = store.arrow(
        f"SELECT {half(store)} AS half, {cluster_number(store)} AS cluster, "
        "abs(t.age_true - (t.age_low + t.age_high) / 2)::DOUBLE AS off, "
        "((t.age_high - t.age_low) / 2)::DOUBLE AS width FROM t "
        f"WHERE {clause} AND t.age_high > t.age_low AND t.age_true IS NOT NULL "
        f"AND {about(store, where, MAX_TEMPERATURE_ROWS)}",
        params,
    )
    first = rows["half"].to_numpy() == 0
    ratio = rows["off"].to_numpy() / rows["width"].to_numpy()
    if min(first.sum(), (~first).sum()) < MIN_STRETCH_ROWS:
        return None
    factor = float(np.quantile(ratio[first], nominal, method="higher"))
    inside = ratio[~first] <= factor
    cluster = None if store.cluster is None else rows["cluster"].to_numpy()[~first]
    return factor, Sample(len(inside), cluster, store.cluster).share(inside)
