"""Whether a store's confidence can be believed, and what saying nothing when unsure buys: counts
alone, but for the temperature check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.face_quality import HIGH
from core.types import LIMIT
from evaluation.metrics import calibration, selective
from evaluation.statistics.bootstrap import percentiles
from evaluation.statistics.estimate import Estimate, Sample
from evaluation.store.filters import Where
from evaluation.store.ingest import SPACES
from evaluation.store.resampled import Drawn, counted, few, person, rows, unit
from evaluation.store.store import Store

BINS, INNER = 15, 20
"""Bins of the reliability diagram, and the fine bins in each that its interval is drawn from."""
BANDS = (HIGH, LIMIT)
"""Confidence from here on is sure, from there on (or from the model's own limit) likely, and below
that a guess.
"""
REACH, FINE, COARSE = 16.0, 3200, 128
"""Bins of the risk-coverage curve over the logit of the confidence, and those that its interval is
drawn from.
"""
MOST = 40_000
"""Rows that the temperature check looks at."""


def _binned(task: str, bins: int, reach: float = 0.0) -> str:
    """SQL: bin * 2 + whether the answer is right. reach: bins of the logit from -reach to reach;
    else of the confidence over (0, 1].
    """
    conf = f"t.{task}_conf::DOUBLE"
    at = f"ceil({conf} * {bins:d})::INT - 1"
    if reach:
        at = f"floor((ln(greatest({conf}, 1e-7) / greatest(1 - {conf}, 1e-7)) + {reach}) * {bins / (2 * reach)})::INT"
    right = f"(t.{task}_pred = t.{task}_true)::INT"
    return f"CASE WHEN t.{task}_conf IS NULL OR t.{task}_true IS NULL THEN NULL ELSE least(greatest({at}, 0), {bins - 1:d}) * 2 + {right} END"


def has(store: Store, task: str) -> bool:
    """Whether the tables give a confidence and a truth of `task`."""
    return {f"{task}_conf", f"{task}_true"} <= store.columns


def reliability(
    store: Store, task: str, where: Where
) -> tuple[calibration.Reliability, list[Estimate], Estimate]:
    """The diagram of BINS bins, the accuracy of each bin and the calibration error, with 95 %
    intervals; where should name one model.
    """
    fine = _fine(store, task, where)
    place = np.repeat(np.arange(BINS), INNER * 2)
    right = np.tile([False, True], BINS * INNER)
    each = [fine.share(right, place == i) for i in range(BINS)]
    return store.reliability(task, where, BINS), each, _error(store, task, where, fine)


def ece(store: Store, task: str, where: Where) -> Estimate:
    """The calibration error over BINS bins, with its 95 % interval; where should name one model."""
    return _error(store, task, where, _fine(store, task, where))


def _fine(store: Store, task: str, where: Where) -> Drawn:
    """Wrong and right answers by fine bin."""
    return counted(store, where, _binned(task, BINS * INNER), BINS * INNER * 2)


def _error(store: Store, task: str, where: Where, fine: Drawn) -> Estimate:
    middle = np.nan_to_num(store.reliability(task, where, BINS * INNER).confidence)

    def error(counts: np.ndarray) -> np.ndarray:  # (..., BINS * INNER * 2) -> (...)
        pairs = counts.reshape(*counts.shape[:-1], BINS * INNER, 2)
        gap = (
            pairs[..., 1] - pairs.sum(axis=-1) * middle
        )  # sum of right - confidence in each fine bin
        return np.abs(gap.reshape(*gap.shape[:-1], BINS, INNER).sum(axis=-1)).sum(
            axis=-1
        ) / counts.sum(axis=-1)

    return fine.of(error)


@dataclass(frozen=True, slots=True)
class Band:
    """Rows with a confidence from `low` up to (but without) `high`: their share, and their
    accuracy.
    """

    low: float
    high: float
    share: Estimate
    accuracy: Estimate


def own_limit(store: Store, task: str, models: Sequence[str]) -> float | None:
    """The probability under which all `models` call their answers uncertain, as their tables say;
    None where they differ or do not.
    """
    known = [
        s.meta.thresholds for s in store.sources if set(s.models) & set(models) and task in s.tasks
    ]
    said = [
        t.get(task) if isinstance(t, Mapping) else None for t in known
    ]  # anybody may have written the file
    one = said[0] if said and all(v == said[0] for v in said) else None
    return float(one) if isinstance(one, int | float) and 0 < one < 1 else None


def bands(store: Store, task: str, where: Where, limit: float = BANDS[1]) -> list[Band]:
    """The rows by how sure the model says it is, surest first; under `limit` it is a guess."""
    ends = [1.0, *(end for end in (BANDS[0],) if end > limit), limit, 0.0]
    cases = " ".join(
        f"WHEN t.{task}_conf >= {low}::FLOAT THEN {i}" for i, low in enumerate(ends[1:])
    )
    right = f"(t.{task}_pred = t.{task}_true)::INT"
    seen = counted(
        store,
        where,
        f"CASE WHEN t.{task}_true IS NULL THEN NULL ELSE (CASE {cases} END) * 2 + {right} END",
        2 * len(ends[1:]),
    )
    at, hit = np.divmod(np.arange(2 * len(ends[1:])), 2)
    every = np.ones(len(at), bool)
    return [
        Band(ends[i + 1], ends[i], seen.share(at == i, every), seen.share(hit == 1, at == i))
        for i in range(len(ends) - 1)
    ]


def risk_coverage(
    store: Store, task: str, where: Where
) -> tuple[selective.RiskCoverage, Estimate] | None:
    """The curve and its area with a 95 % interval; None without rows."""
    counts = rows(store, where, _binned(task, FINE, REACH), 2 * FINE)
    if not counts.sum():
        return None
    there = np.flatnonzero(counts)
    middle = 1 / (1 + np.exp(-((there // 2 + 0.5) / FINE * 2 * REACH - REACH)))
    curve = selective.risk_coverage(middle, there % 2 == 1, counts[there].astype(np.float64))
    area = selective.area(curve)
    found = counted(store, where, _binned(task, COARSE, REACH), 2 * COARSE).of(_area, exact=area)
    return curve, found.clipped(0.0)


def _area(counts: np.ndarray) -> np.ndarray:
    """(..., 2 * bins) wrong and right by bin -> (...): the mean risk at each row's own confidence."""
    pairs = counts.reshape(*counts.shape[:-1], -1, 2)[..., ::-1, :]
    answered = pairs.sum(axis=-1)
    risk = np.nan_to_num(pairs[..., 0].cumsum(axis=-1) / answered.cumsum(axis=-1))
    return (risk * answered).sum(axis=-1) / answered.sum(axis=-1)


@dataclass(frozen=True, slots=True)
class Temperature:
    """T that minimises the NLL on one half (fitted: its rows), and the calibration error of the
    other (n rows) without and with it.

    change: after minus before, over the same rows.
    """

    value: float
    fitted: int
    n: int
    before: Estimate
    after: Estimate
    change: Estimate


def temperature(store: Store, task: str, where: Where) -> Temperature | None:
    """Whether one temperature would mend the confidence; persons and films stay in one half. None
    without probabilities or rows.

    Beyond MOST rows, about MOST of them are looked at, drawn by the hash of the person or row.
    """
    columns = [
        store._probability(task, SPACES[task].index(label)) or "0::FLOAT"
        for label in store.labels(task)
    ]
    if not has(store, task):
        return None
    clause, params = store.clause(where)
    known = f"{clause} AND t.{task}_true IS NOT NULL AND t.{task}_conf IS NOT NULL"
    listed = ", ".join(f"{c} AS p{i}" for i, c in enumerate(columns))
    found = store.arrow(
        f"SELECT hash({person(store)} + 1) % 2 AS half, {unit(store)} AS person, t.{task}_true AS truth, {listed} FROM t "
        f" WHERE {known} AND {few(store, where, MOST)}",
        params,
    )
    first = found["half"].to_numpy() == 0
    if min(first.sum(), (~first).sum()) < 2:
        return None
    place = np.zeros(256, np.int64)
    place[[SPACES[task].index(label) for label in store.labels(task)]] = np.arange(len(columns))
    true = place[found["truth"].to_numpy()]
    logits = np.log(
        np.maximum(
            np.stack([found[f"p{i}"].to_numpy() for i in range(len(columns))], axis=1).astype(
                np.float64
            ),
            calibration.TINY,
        )
    )
    value = calibration.fit_temperature(logits[first], true[first])
    true, logits = true[~first], logits[~first]
    sample = Sample(
        len(true),
        None if store.cluster is None else found["person"].to_numpy().astype(np.int64)[~first],
        store.cluster,
    )
    totals = [_gaps(calibration.softmax(logits, t), true, sample) for t in (1.0, value)]
    sizes = sample.draws.draw(sample.draws.totals(np.ones(len(true))))[:, 0]
    drawn = [np.abs(sample.draws.draw(t)).sum(axis=1) / sizes for t in totals]
    before, after = (float(np.abs(t.sum(axis=0)).sum()) / len(true) for t in totals)
    n = len(true)
    return Temperature(
        value,
        int(first.sum()),
        n,
        Estimate.of(before, percentiles(drawn[0]), n),
        Estimate.of(after, percentiles(drawn[1]), n),
        Estimate.of(after - before, percentiles(drawn[1] - drawn[0]), n),
    )


def _gaps(p: np.ndarray, true: np.ndarray, sample: Sample) -> np.ndarray:
    """(units, BINS): right minus confidence, summed in each bin."""
    top = p.max(axis=1)
    return sample.draws.counts(
        calibration.bins_of(top, BINS), BINS, (p.argmax(axis=1) == true) - top
    )


@dataclass(frozen=True, slots=True)
class Held:
    """Ages of one decade (or all, under ""): how many stated intervals hold the truth, and their
    mean width in years.
    """

    decade: str
    coverage: Estimate
    width: float


def age_intervals(store: Store, where: Where) -> list[Held]:
    """All ages, then each decade; empty where the tables state no intervals."""
    if not {"age_low", "age_high", "age_true"} <= store.columns:
        return []
    clause, params = store.clause(where)
    known = (
        f"{clause} AND t.age_true IS NOT NULL AND t.age_low IS NOT NULL AND t.age_high IS NOT NULL"
    )
    decades = store._codes["age_decade"]
    column = store.group_columns["age_decade"]
    names = decades if column == "age_decade" else store._codes[column]
    held = f"(t.age_low <= t.age_true AND t.age_true <= t.age_high)::INT + 2 * t.{column}"
    seen = counted(
        store,
        where,
        f"CASE WHEN t.age_low IS NULL OR t.age_high IS NULL OR t.age_true IS NULL THEN NULL ELSE {held} END",
        2 * len(names),
    )
    widths = dict(
        store.sql(
            f"SELECT t.{column}, avg(t.age_high - t.age_low) FROM t WHERE {known} GROUP BY 1",
            params,
        )
    )
    each = seen.counts.reshape(-1, 2).sum(axis=1)
    if not seen.n:
        return []
    hit, every = np.arange(2 * len(names)) % 2 == 1, np.ones(2 * len(names), bool)
    total = sum(widths[i] * each[i] for i in np.flatnonzero(each)) / seen.n
    made = [Held("", seen.share(hit, every), float(total))]
    order = sorted(np.flatnonzero(each), key=lambda i: names[i])
    return made + [
        Held(
            names[i],
            seen.share(hit, every & (np.arange(2 * len(names)) // 2 == i)),
            float(widths[i]),
        )
        for i in order
    ]


def stretch(store: Store, where: Where, nominal: float) -> tuple[float, Estimate] | None:
    """By what factor the stated intervals must be wider, about their middle, so that `nominal` of
    the truths lie inside: found on one half of the rows, and the share that it holds on the other.
    None without intervals or with too few rows.
    """
    if not {"age_low", "age_high", "age_true"} <= store.columns:
        return None
    clause, params = store.clause(where)
    off, wide = (
        "abs(t.age_true - (t.age_low + t.age_high) / 2)::DOUBLE AS off",
        "((t.age_high - t.age_low) / 2)::DOUBLE AS wide",
    )
    found = store.arrow(
        f"SELECT hash({person(store)} + 1) % 2 AS half, {unit(store)} AS person, {off}, {wide} FROM t "
        f"WHERE {clause} AND t.age_high > t.age_low AND t.age_true IS NOT NULL AND {few(store, where, MOST)}",
        params,
    )
    first, ratio = found["half"].to_numpy() == 0, found["off"].to_numpy() / found["wide"].to_numpy()
    if min(first.sum(), (~first).sum()) < 10:
        return None
    factor = float(np.quantile(ratio[first], nominal, method="higher"))
    hit = ratio[~first] <= factor
    if store.cluster is None:
        return factor, Estimate.of_share(int(hit.sum()), len(hit))
    return factor, Sample(
        len(hit), found["person"].to_numpy().astype(np.int64)[~first], store.cluster
    ).share(hit)
