"""A predictions table from the rows of a store, for functions that take one."""

from __future__ import annotations

import pyarrow as pa

from evaluation.store.counts import about
from evaluation.store.filters import Where
from evaluation.store.store import Store


def table(store: Store, task: str, where: Where, max_rows: int) -> pa.Table:
    """Return truth, prediction and probabilities of a task, age and groups as a predictions table.

    Args:
        store: the tables.
        task: a classification.
        where: which rows; should name one model.
        max_rows: with more rows, about this many are sampled by the hash of their cluster, such as
            a person, or of the row. Clusters stay together, and the sample is the same each time.
    """
    groups = [*store.group_columns.values(), *([store.cluster] if store.cluster else [])]
    names = [
        "sample_id",
        "model",
        f"{task}_true",
        f"{task}_pred",
        "age_true",
        "age_pred",
        *groups,
    ]
    columns = [c for c in dict.fromkeys(names) if c in store.columns and c != "age_decade"]
    clause, params = store.clause(where)
    column_list = ", ".join([*(f"t.{c}" for c in columns), *_probabilities(store, task)])
    condition = f"{clause} AND {about(store, where, max_rows)}"
    query = f"SELECT {column_list} FROM t WHERE {condition} ORDER BY t.rowid"
    return store.in_words(store.arrow(query, params))


def _probabilities(store: Store, task: str) -> list[str]:
    """Return the SQL of the probabilities, named as in a table; of gender, of its first class."""
    labels = store.label_space(task)[: 1 if task == "gender" else None]
    columns = [(label, store.probability(task, code)) for code, label in enumerate(labels)]
    names = [(f"{task}_p_{label}".replace('"', '""'), column) for label, column in columns]
    return [f'{column} AS "{name}"' for name, column in names if column is not None]
