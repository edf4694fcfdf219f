"""Rows of a store as a table of the contract again, for functions that take one.

As many as are wanted, whole persons and films.
"""

from __future__ import annotations

import pyarrow as pa

from evaluation.predictions.schema import P_EMOTION, P_GENDER
from evaluation.store.counts import about
from evaluation.store.filters import Where
from evaluation.store.store import Store


def table(store: Store, task: str, where: Where, most: int) -> pa.Table:
    """Truth, answer and probabilities of `task`, age and groups of the rows of `where`.

    Beyond `most` rows about as many, drawn by the hash of the person or row, so that the same ones
    come each time. where should name one model.
    """
    given = (
        [P_GENDER]
        if task == "gender"
        else sorted(c for c in store.columns if c.startswith(P_EMOTION))
    )
    groups = [*store.group_columns.values(), *([store.cluster] if store.cluster else [])]
    wanted = [
        "sample_id",
        "model",
        f"{task}_true",
        f"{task}_pred",
        "age_true",
        "age_pred",
        *given,
        *groups,
    ]
    columns = [c for c in dict.fromkeys(wanted) if c in store.columns and c != "age_decade"]
    clause, params = store.clause(where)
    listed = ", ".join(f"t.{c}" for c in columns)
    condition = f"{clause} AND {about(store, where, most)}"
    text = f"SELECT {listed} FROM t WHERE {condition} ORDER BY t.rowid"
    return store.in_words(store.arrow(text, params))
