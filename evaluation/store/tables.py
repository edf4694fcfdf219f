"""Loaded tables behind one lock: their names, labels and groups, and conditions as SQL."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from core.errors import DataError
from core.labels import GENDER2
from core.vocabulary import TaskTitle
from evaluation.predictions import arrays
from evaluation.predictions.schema import GROUP
from evaluation.predictions.tasks import PRED, TRUE
from evaluation.store.encoding import NAME_COLUMNS, probability_column
from evaluation.store.filters import Where
from evaluation.store.loaded import LoadedTables, Source

MAX_REMEMBERED = 500
"""Results that are kept for later queries."""
RIGHT_YEARS = 5
"""A predicted age counts as correct within this many years."""


class Tables:
    """The base of `Store`: columns, names and conditions, without statistics."""

    def __init__(self, loaded: LoadedTables) -> None:
        self._con, self._codes = loaded.con, loaded.codes
        weakref.finalize(self, loaded.close)  # also at the end of the process
        self.columns = frozenset(loaded.columns)
        self.sources: tuple[Source, ...] = tuple(loaded.sources)
        self.notes = tuple(loaded.notes)
        self._lock = threading.Lock()
        self._results: OrderedDict[Hashable, Any] = OrderedDict()
        self.rows = int(self.sql("SELECT count(*) FROM t")[0][0])
        self.models, self.datasets, self.splits = (self._names(name) for name in NAME_COLUMNS)
        self.models_as_opened = tuple(m for m in self._codes["model"] if m in self.models)
        """The same models in the order in which the tables name them first."""
        self._tasks = loaded.tasks
        self.tasks = tuple(
            task
            for task in loaded.tasks
            if {task + TRUE, task + PRED} <= self.columns and self._has_both(task)
        )
        self._labels = {
            name: self._used_codes(name)
            for name, task in loaded.tasks.items()
            if not task.is_regression and {name + TRUE, name + PRED} & self.columns
        }
        self.group_columns = {
            c.removeprefix(GROUP): c
            for c in sorted(self.columns)
            if c.startswith(GROUP) and c.removeprefix(GROUP) not in arrays.CLUSTERS
        }
        if "age_decade" in self.columns:
            self.group_columns.setdefault("age_decade", "age_decade")
        if "gender_true" in self.columns:
            self._codes["gender_true"] = list(GENDER2.labels)
            self.group_columns.setdefault("gender", "gender_true")
        self.groups = {name: self._names(column) for name, column in self.group_columns.items()}
        self.cluster = next((GROUP + c for c in arrays.CLUSTERS if GROUP + c in self.columns), None)
        self.cluster_names = len(self._codes[self.cluster]) if self.cluster else 0
        self.cluster_count = self.cluster_names + self._rows_without_cluster()
        """Named clusters, and rows without a name, each of which is a cluster."""

    def sql(self, query: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query on table `t`.

        Args:
            query: SQL written in this project, never by users; their values belong in `params`.
            params: values of its `?`, in this order.
        """
        return self._cursor().execute(query, list(params)).fetchall()

    def arrow(self, query: str, params: Sequence[Any] = ()) -> pa.Table:
        """Return the rows of a query as `sql` does, as an Arrow table."""
        return self._cursor().sql(query, params=list(params)).to_arrow_table()

    def remember(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """Return `compute()`, from a cache of the MAX_REMEMBERED results used last."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return self._results[key]
        result = compute()
        with self._lock:
            self._results[key] = result
            while len(self._results) > MAX_REMEMBERED:
                self._results.popitem(last=False)
        return result

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            return self._con.cursor()

    def _names(self, column: str) -> tuple[str, ...]:
        """Return the sorted texts of a column that occur, without the empty one."""
        names = {self._codes[column][code] for code in self._distinct_codes(column)}
        return tuple(sorted(names - {""}))

    def _distinct_codes(self, column: str) -> set[int]:
        query = f"SELECT DISTINCT {column} FROM t WHERE {column} IS NOT NULL"
        return {code for (code,) in self.sql(query)}

    def _rows_without_cluster(self) -> int:
        if self.cluster is None:
            return 0
        return int(self.sql(f"SELECT count(*) FROM t WHERE {self.cluster} IS NULL")[0][0])

    def _has_both(self, task: str) -> bool:
        """Return whether any row has both a truth and a prediction."""
        condition = f"{task}_true IS NOT NULL AND {task}_pred IS NOT NULL"
        return bool(self.sql(f"SELECT 1 FROM t WHERE {condition} LIMIT 1"))

    def _used_codes(self, task: str) -> tuple[int, ...]:
        """Return the indices of the labels that a truth, a prediction or a probability uses."""
        columns = {f"{task}_true", f"{task}_pred"} & self.columns
        used = {code for column in columns for code in self._distinct_codes(column)}
        labels = self.label_space(task)
        if task == "gender" and f"{task}_conf" in self.columns:
            return tuple(range(len(labels)))
        by_code = {i: probability_column(self._tasks[task], i) for i in range(len(labels))}
        rest = [i for i, c in by_code.items() if i not in used and c in self.columns]
        if rest:
            has_probability = ", ".join(f"max({by_code[i]}) > 0" for i in rest)
            [answers] = self.sql(f"SELECT {has_probability} FROM t")
            used |= {i for i, is_used in zip(rest, answers, strict=True) if is_used}
        return tuple(sorted(used))

    def is_regression(self, task: str) -> bool:
        """Return whether a task predicts numbers, not classes."""
        return self._tasks[task].is_regression if task in self._tasks else task == "age"

    def title(self, task: str) -> TaskTitle:
        """Return what a task is called, with its main metric and unit."""
        title: TaskTitle = self._tasks[task].title
        return title

    def label_space(self, task: str) -> tuple[str, ...]:
        """Return the labels of a classification by code, also those that do not occur."""
        in_store = self._tasks.get(task)
        return (in_store.labels if in_store else None) or ()

    def clause(self, where: Where) -> tuple[str, list[Any]]:
        """Return `where` as an SQL condition on `t`, and its parameters.

        A value that does not occur matches no row.

        Raises:
            DataError: there is no such group.
        """
        parts: list[str] = []
        params: list[Any] = []
        task = where.task

        def add(column: str, condition: str, values: Sequence[Any]) -> None:
            """Add a condition; no row meets it where there is no such column, or no value."""
            can_hold = column in self.columns and len(values) > 0
            parts.append(condition if can_hold else "false")
            params.extend(values if can_hold else ())

        def add_one_of(column: str, texts: Sequence[str], values: Sequence[str]) -> None:
            if values:
                codes = [i for i, text in enumerate(texts) if text in set(values)]
                add(column, f"t.{column} IN ({', '.join('?' * len(codes))})", codes)

        by_name = zip(NAME_COLUMNS, (where.models, where.datasets, where.splits), strict=True)
        of_group = ((self.group_column(name), values) for name, values in where.groups)
        for column, values in (*by_name, *of_group):
            add_one_of(column, self._codes[column], values)
        add_one_of(f"{task}_true", self.label_space(task), where.true)
        add_one_of(f"{task}_pred", self.label_space(task), where.pred)
        if where.confidence is not None:
            add(f"{task}_conf", f"t.{task}_conf BETWEEN ? AND ?", where.confidence)
        if where.correct is not None:
            add("key", f"({self.correct(task)}) = ?", [where.correct])
        if where.face is not None:
            add("face_found", "t.face_found = ?", [where.face])
        if where.text:
            add("sample_id", "contains(lower(t.sample_id), lower(?))", [where.text])
        if where.rows is not None:
            add("key", "t.rowid IN (SELECT unnest(?::BIGINT[]))", [list(where.rows)])
        if where.ids:
            add("sample_id", f"t.sample_id IN ({', '.join('?' * len(where.ids))})", where.ids)
        return " AND ".join(parts) or "true", params

    def correct(self, task: str) -> str:
        """Return an SQL condition that holds for correct predictions, NULL where that is open."""
        if task not in self.tasks:
            return "NULL"
        if task == "age":
            return f"abs(t.age_pred - t.age_true) <= {RIGHT_YEARS}"
        # No error of another number is right or wrong by itself
        return "NULL" if self.is_regression(task) else f"t.{task}_pred = t.{task}_true"

    def labels(self, task: str) -> tuple[str, ...]:
        """Return the labels of a classification that occur anywhere in the store.

        In the order of the label space; the axes of every matrix and chart.
        """
        return tuple(self.label_space(task)[i] for i in self._labels.get(task, ()))

    @property
    def texts(self) -> Mapping[str, Sequence[str]]:
        """Column of names or groups -> the text of each code."""
        return self._codes

    def count(self, where: Where) -> int:
        """Return the number of rows that meet the condition."""
        clause, params = self.clause(where)

        def count() -> int:
            return int(self.sql(f"SELECT count(*) FROM t WHERE {clause}", params)[0][0])

        # A page asks for the same rows several times. A list of rows can be long to keep.
        return count() if where.rows is not None else self.remember(("count", where), count)

    def counts(self, by: Sequence[str], where: Where) -> list[tuple[Any, ...]]:
        """Return (value, ..., rows) for every combination of values that occurs, sorted.

        Args:
            by: model, dataset, split or groups; their values are texts, "" where unknown.
            where: which rows.
        """
        columns = [self._column(name) or name for name in by]
        clause, params = self.clause(where)
        column_list = ", ".join(f"t.{c}" for c in columns)
        rows = self.sql(
            f"SELECT {column_list}, count(*) FROM t WHERE {clause} GROUP BY ALL", params
        )
        return sorted(
            (*(self._text(c, v) for c, v in zip(columns, row[:-1], strict=True)), row[-1])
            for row in rows
        )

    def group_column(self, name: str) -> str:
        """Return the column of a group.

        Raises:
            DataError: there is no such group.
        """
        if name not in self.group_columns:
            raise DataError(
                f"Expected a group of {', '.join(self.groups) or 'this table (it has none)'}, got "
                f"{name!r}."
            )
        return self.group_columns[name]

    def _column(self, by: str | None) -> str | None:
        return None if by is None else by if by in NAME_COLUMNS else self.group_column(by)

    def code(self, column: str, text: str) -> int:
        """Return the code of `text` in a column of names or groups, -1 where it does not occur."""
        texts = self._codes[column]
        return texts.index(text) if text in texts else -1

    def _text(self, column: str, code: int | None) -> str:
        return "" if code is None else self._codes[column][code]
