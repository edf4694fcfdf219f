"""Opened tables behind one lock: what they hold, and conditions as SQL."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from core.errors import DataError
from core.labels import GENDER2
from evaluation.predictions import arrays
from evaluation.predictions.schema import GROUP, P_EMOTION, P_GENDER, TASKS
from evaluation.store.filters import Where
from evaluation.store.ingest import CODED, SPACES, Built, Source

REMEMBERED = 500
RIGHT_YEARS = 5
"""An age is called right within this many years."""


class Tables:
    """See `Store`."""

    def __init__(self, built: Built) -> None:
        self._con, self._codes, self.columns = built.con, built.codes, frozenset(built.columns)
        self.sources: tuple[Source, ...] = tuple(built.sources)
        self.notes = tuple(built.notes)
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self.rows = int(self.sql("SELECT count(*) FROM t")[0][0])
        self.models, self.datasets, self.splits = (self._there(name) for name in CODED)
        self.tasks = tuple(
            task
            for task, (true, _) in TASKS.items()
            if {true, f"{task}_pred"} <= self.columns and self._any(task)
        )
        self._labels = {
            task: self._used(task)
            for task in SPACES
            if f"{task}_pred" in self.columns or f"{task}_true" in self.columns
        }
        given = [
            c
            for c in sorted(self.columns)
            if c.startswith(GROUP) and c.removeprefix(GROUP) not in arrays.CLUSTERS
        ]
        self.group_columns = {c.removeprefix(GROUP): c for c in given}
        if "age_decade" in self.columns:
            self.group_columns.setdefault("age_decade", "age_decade")
        if "gender_true" in self.columns:
            self._codes["gender_true"] = list(GENDER2.labels)
            self.group_columns.setdefault("gender", "gender_true")
        self.groups = {name: self._there(column) for name, column in self.group_columns.items()}
        self.cluster = next((GROUP + c for c in arrays.CLUSTERS if GROUP + c in self.columns), None)
        self.cluster_names = len(self._codes[self.cluster]) if self.cluster else 0
        self.cluster_count = self.cluster_names + self._without_cluster()
        """Names of clusters, and rows without one, which are clusters of their own."""

    def sql(self, text: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query on table `t`.

        `text` is code of ours: values of users belong in `params`.
        """
        return self._cursor().execute(text, list(params)).fetchall()

    def arrow(self, text: str, params: Sequence[Any] = ()) -> pa.Table:
        """As `sql`, as an Arrow table."""
        return self._cursor().sql(text, params=list(params)).to_arrow_table()

    def remember(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """`make()`, kept under `key` until REMEMBERED newer answers have come."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        made = make()
        with self._lock:
            self._made[key] = made
            while len(self._made) > REMEMBERED:
                self._made.popitem(last=False)
        return made

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            return self._con.cursor()

    def _there(self, column: str) -> tuple[str, ...]:
        texts = self._codes[column]
        there = [
            texts[c]
            for (c,) in self.sql(f"SELECT DISTINCT {column} FROM t WHERE {column} IS NOT NULL")
        ]
        return tuple(sorted(t for t in there if t))

    def _without_cluster(self) -> int:
        if self.cluster is None:
            return 0
        return int(self.sql(f"SELECT count(*) FROM t WHERE {self.cluster} IS NULL")[0][0])

    def _any(self, task: str) -> bool:
        true = TASKS[task][0]
        return bool(
            self.sql(
                f"SELECT 1 FROM t WHERE {true} IS NOT NULL AND {task}_pred IS NOT NULL LIMIT 1"
            )
        )

    def _used(self, task: str) -> tuple[int, ...]:
        """Places in the label space that a truth, a prediction or a probability uses."""
        used: set[int] = set()
        for column in (f"{task}_true", f"{task}_pred"):
            if column in self.columns:
                used |= {
                    c
                    for (c,) in self.sql(
                        f"SELECT DISTINCT {column} FROM t WHERE {column} IS NOT NULL"
                    )
                }
        if task == "gender" and P_GENDER in self.columns:
            used |= {0, 1}
        for i, label in enumerate(SPACES[task]):
            if task == "emotion" and i not in used and P_EMOTION + label in self.columns:
                used |= (
                    {i}
                    if self.sql(f"SELECT 1 FROM t WHERE {P_EMOTION + label} > 0 LIMIT 1")
                    else set()
                )
        return tuple(sorted(used))

    def clause(self, where: Where) -> tuple[str, list[Any]]:
        """`where` as SQL on `t` and its parameters; a value that does not occur matches nothing.

        Raises:
            DataError: an unknown group.
        """
        parts: list[str] = []
        params: list[Any] = []

        def one_of(column: str, texts: Sequence[str], values: Sequence[str]) -> None:
            if values:
                codes = (
                    [i for i, text in enumerate(texts) if text in set(values)]
                    if column in self.columns
                    else []
                )
                parts.append(f"t.{column} IN ({', '.join('?' * len(codes))})" if codes else "false")
                params.extend(codes)

        for column, values in (
            ("model", where.models),
            ("dataset", where.datasets),
            ("split", where.splits),
        ):
            one_of(column, self._codes[column], values)
        for name, values in where.groups:
            if name not in self.group_columns:
                raise DataError(
                    f"Expected a group of {', '.join(self.groups) or 'this table (it has none)'}, "
                    f"got {name!r}."
                )
            one_of(self.group_columns[name], self._codes[self.group_columns[name]], values)
        task = where.task
        for which, values in (("true", where.true), ("pred", where.pred)):
            one_of(f"{task}_{which}", SPACES.get(task, ()), values)
        if where.confidence is not None:
            known = f"{task}_conf" in self.columns
            parts.append(f"t.{task}_conf BETWEEN ? AND ?" if known else "false")
            params.extend(where.confidence if known else ())
        if where.right is not None:
            parts.append(f"({self._right(task)}) = ?")
            params.append(where.right)
        if where.face is not None:
            parts.append("t.face_found = ?" if "face_found" in self.columns else "false")
            params.extend([where.face] if "face_found" in self.columns else [])
        if where.text:
            parts.append("contains(lower(t.sample_id), lower(?))")
            params.append(where.text)
        if where.ids:
            parts.append(f"t.sample_id IN ({', '.join('?' * len(where.ids))})")
            params.extend(where.ids)
        return " AND ".join(parts) or "true", params

    def _right(self, task: str) -> str:
        if task not in self.tasks:
            return "NULL"
        return (
            f"abs(t.age_pred - t.age_true) <= {RIGHT_YEARS}"
            if task == "age"
            else f"t.{task}_pred = t.{task}_true"
        )

    def labels(self, task: str) -> tuple[str, ...]:
        """Return the classes of `task` (emotion or gender) that occur anywhere in the store.

        In the order of the label space: all axes and codes.
        """
        return tuple(SPACES[task][i] for i in self._labels.get(task, ()))

    @property
    def texts(self) -> Mapping[str, Sequence[str]]:
        """Column of names -> the text of each code."""
        return self._codes

    def count(self, where: Where) -> int:
        """Rows."""
        clause, params = self.clause(where)
        return int(self.sql(f"SELECT count(*) FROM t WHERE {clause}", params)[0][0])

    def counts(self, by: Sequence[str], where: Where) -> list[tuple[Any, ...]]:
        """Return (value, ..., rows) for every combination of `by` that occurs, as texts.

        by: model, dataset, split or groups; "" where unknown.
        """
        columns = [self._column(name) or name for name in by]
        clause, params = self.clause(where)
        listed = ", ".join(f"t.{c}" for c in columns)
        found = self.sql(f"SELECT {listed}, count(*) FROM t WHERE {clause} GROUP BY ALL", params)
        return sorted(
            (*(self._text(c, v) for c, v in zip(columns, row[:-1], strict=True)), row[-1])
            for row in found
        )

    def group_column(self, name: str) -> str:
        """Return the column of a group.

        Raises:
            DataError: no such group.
        """
        if name not in self.group_columns:
            raise DataError(
                f"Expected a group of {', '.join(self.groups) or 'this table (it has none)'}, got "
                f"{name!r}."
            )
        return self.group_columns[name]

    def _column(self, by: str | None) -> str | None:
        return None if by is None else by if by in CODED else self.group_column(by)

    def code(self, column: str, text: str) -> int:
        """The number that stands for `text` in a column of names; -1 where it does not occur."""
        texts = self._codes[column]
        return texts.index(text) if text in texts else -1

    def _text(self, column: str, code: int | None) -> str:
        return "" if code is None else self._codes[column][code]
