"""Samples that any number of a store's models have in common, in one query."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.analysis.leaderboard import ranking
from evaluation.analysis.leaderboard.ranking import Leaderboard, SharedSamples
from evaluation.analysis.sql import compared
from evaluation.analysis.store_pairs import values
from evaluation.statistics.sample import Sample
from evaluation.store.counts import cluster_number
from evaluation.store.filters import Where
from evaluation.store.store import Store


def leaderboard(
    store: Store, task: str, models: Sequence[str], baseline: str, where: Where
) -> Leaderboard | None:
    """Rank the models that have the task, and compare them with `baseline` or else the first.

    None where fewer than two have it, or no sample is in all.
    """
    rows = _rows_of_each(store, task, models, where)
    if len(rows) < 2:
        return None
    samples = shared(store, task, rows, where)
    if samples is None:
        return None
    return ranking.leaderboard(samples, baseline if baseline in rows else next(iter(rows)))


def shared(store: Store, task: str, rows: dict[str, int], where: Where) -> SharedSamples | None:
    """Return the samples that pass `where` for all models; None where there are none.

    Args:
        store: the tables.
        task: one of the store's.
        rows: of each model that have the task.
        where: which rows; its models are not looked at.
    """
    clause, params = store.clause(where.but(models=()))
    codes = {model: store.code("model", model) for model in rows}
    true, pred = (compared(store, task, end) for end in ("true", "pred"))
    columns = ", ".join(
        f"max({column}) FILTER (WHERE t.model = {code:d}) AS {name}{i}"
        for i, code in enumerate(codes.values())
        for name, column in (("true", true), ("pred", pred))
    )
    first = next(iter(codes.values()))
    cluster = f"max({cluster_number(store)}) FILTER (WHERE t.model = {first:d}) AS cluster"
    table = store.arrow(
        f"SELECT {columns}, {cluster} FROM t WHERE {clause} AND {true} IS NOT NULL AND {pred} IS "
        f"NOT NULL AND t.model IN ({', '.join(f'{code:d}' for code in codes.values())}) "
        f"GROUP BY t.key HAVING count(*) = {len(codes):d} ORDER BY min(t.rowid)",
        params,
    )
    truths, predictions = (
        [values(table[f"{name}{i}"], task, store) for i in range(len(codes))]
        for name in ("true", "pred")
    )
    same = np.ones(len(table), bool)
    for other in truths[1:]:
        same &= other == truths[0]
    if not same.any():
        return None
    number = table["cluster"].to_numpy().astype(np.int64) if store.cluster else None
    return SharedSamples(
        None if store.is_regression(task) else store.labels(task),
        truths[0][same],
        {model: pred[same] for model, pred in zip(codes, predictions, strict=True)},
        Sample(len(table), number, store.cluster).part(same),
        int((~same).sum()),
        {model: n - len(table) for model, n in rows.items()},
    )


def _rows_of_each(store: Store, task: str, models: Sequence[str], where: Where) -> dict[str, int]:
    """Return the rows with a truth and a prediction of each model that has any."""
    clause, params = store.clause(where.but(models=()))
    counts = dict(
        store.sql(
            f"SELECT t.model, count(*) FROM t WHERE {clause} AND t.{task}_true IS NOT NULL AND "
            f"t.{task}_pred IS NOT NULL GROUP BY 1",
            params,
        )
    )
    rows = {model: int(counts.get(store.code("model", model), 0)) for model in models}
    return {model: n for model, n in rows.items() if n}
