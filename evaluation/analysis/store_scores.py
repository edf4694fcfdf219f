"""A store's probabilities, each with whether what it states is true, at any size of table."""

from __future__ import annotations

import numpy as np

from evaluation.analysis.from_counts import CURVE_BINS
from evaluation.analysis.sql import logit_cell
from evaluation.metrics.binned import LOGIT_REACH
from evaluation.statistics.counts import GroupedCounts
from evaluation.store.counts import grouped_counts, row_counts
from evaluation.store.filters import Where
from evaluation.store.store import Store

EXACT_ROWS = 100_000
"""Rows up to which curves are made of single samples; beyond, of FINE_CURVE_BINS."""
FINE_CURVE_BINS = 3200
"""0.01 of a logit each: areas are exact to about 1e-4."""


def scores(
    store: Store, where: Where, p: str, positive: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probabilities, whether they are right, and how many samples have both, each (T,).

    Args:
        store: the tables.
        where: which rows.
        p: SQL for the probability.
        positive: SQL for whether what it states is true, 1 or 0.
    """
    if store.count(where) <= EXACT_ROWS:
        clause, params = store.clause(where)
        rows = store.arrow(
            f"SELECT ({p})::DOUBLE AS score, {positive} AS positive, count(*) AS n FROM t "
            f"WHERE {clause} AND ({p}) IS NOT NULL AND ({positive}) IS NOT NULL GROUP BY 1, 2",
            params,
        )
        score, is_positive, n = (rows[c].to_numpy() for c in ("score", "positive", "n"))
        return score, is_positive.astype(bool), n.astype(np.float64)
    cell = logit_cell(p, positive, FINE_CURVE_BINS)
    counts = row_counts(store, where, cell, 2 * FINE_CURVE_BINS)
    occupied = np.flatnonzero(counts)
    logit = (occupied // 2 + 0.5) / FINE_CURVE_BINS * 2 * LOGIT_REACH - LOGIT_REACH
    return 1 / (1 + np.exp(-logit)), occupied % 2 == 1, counts[occupied].astype(np.float64)


def score_counts(store: Store, where: Where, p: str, positive: str) -> GroupedCounts:
    """Return the counts that intervals of areas are drawn from; arguments as for `scores`."""
    return grouped_counts(store, where, logit_cell(p, positive, CURVE_BINS), 2 * CURVE_BINS)
