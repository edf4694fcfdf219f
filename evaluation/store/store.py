"""The store of prediction tables: confusion matrices and pages of rows.

Every result is a small array or a page of rows, whatever the size of the tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from evaluation.predictions.importing import ImportOptions
from evaluation.predictions.tasks import HIGH, LOW
from evaluation.store.encoding import NAME_COLUMNS, probability_column
from evaluation.store.filters import Where
from evaluation.store.ingest import load
from evaluation.store.loaded import ShowProgress, no_progress
from evaluation.store.tables import Tables


class Store(Tables):
    """Prediction tables that `Store.open` has loaded.

    Safe to use from several threads: every query has its own cursor.

    Attributes:
        models, datasets, splits: names, sorted.
        models_as_opened: the same models in the order in which the tables name them first.
        tasks: those with a truth and a prediction.
        groups: name -> values, as `predictions.arrays.coded_groups` has them.
        columns: columns of table `t`.
        sources: the files.
        notes: what a reader should know about the tables.
    """

    @classmethod
    def open(
        cls,
        paths: Sequence[str | Path],
        *,
        names: Mapping[str, str] | None = None,
        options: ImportOptions | None = None,
        progress: ShowProgress = no_progress,
    ) -> Store:
        """Load one or several predictions tables of any models.

        Each is checked as by `evaluation.predictions.table.read`.

        Args:
            paths: tables of predictions of any format.
            names: column of the contract -> column of the files, where they differ.
            options: what else the columns cannot say; with its own `names`.
            progress: shows bars, as `core.progress.task` does.

        Raises:
            DataError: names the column, the row and the fix.
        """
        if not paths:
            raise DataError(
                "Expected at least one predictions table, got none; try `python -m apps.studio "
                "T.parquet`."
            )
        return cls(load([Path(p) for p in paths], options or ImportOptions(names or {}), progress))

    def confusion(self, task: str, where: Where, uncertain: float | None = None) -> np.ndarray:
        """Return the confusion matrix, int64 (k, k) in the order of `labels(task)`.

        Rows are true, columns predicted.

        Args:
            task: a classification.
            where: which rows.
            uncertain: a confidence in [0, 1]; predictions below it are counted in a last column,
                so that the result is (k, k + 1).
        """
        return self.confusions(task, where, None, uncertain).get(
            "", self._empty_matrix(task, uncertain)
        )

    def confusions(
        self, task: str, where: Where, by: str | None, uncertain: float | None = None
    ) -> dict[str, np.ndarray]:
        """Return the confusion matrix for each value of `by` that occurs.

        Args:
            task: a classification.
            where: which rows.
            by: "model", "dataset", "split" or a group; None: one matrix, under "".
            uncertain: see `confusion`.

        Returns:
            Value -> int64 (k, k), or (k, k + 1); see `confusion`.
        """
        if task not in self.tasks or self.is_regression(task):
            return {}
        column = self._column(by)
        clause, params = self.clause(where)
        k, index = len(self._labels[task]), {code: i for i, code in enumerate(self._labels[task])}
        abstains = uncertain is not None and f"{task}_conf" in self.columns
        pred = (
            f"CASE WHEN t.{task}_conf < ? THEN -1 ELSE t.{task}_pred::INT END"
            if abstains
            else f"t.{task}_pred"
        )
        query = (
            f"SELECT {f't.{column}' if column else 'NULL'}, t.{task}_true, {pred}, count(*) FROM t "
            f"WHERE {clause} AND t.{task}_true IS NOT NULL AND t.{task}_pred IS NOT NULL GROUP BY "
            f"1, 2, 3"
        )
        matrices: dict[str, np.ndarray] = {}
        rows = self.sql(query, [*([uncertain] if abstains else []), *params])
        for value, true, predicted, n in rows:
            key = "" if column is None else self._text(column, value)
            matrix = matrices.setdefault(key, self._empty_matrix(task, uncertain))
            matrix[index[true], k if predicted == -1 else index[predicted]] += n
        return dict(sorted(matrices.items()))

    def _empty_matrix(self, task: str, uncertain: float | None) -> np.ndarray:
        k = len(self._labels.get(task, ()))
        return np.zeros((k, k + (uncertain is not None)), np.int64)

    def probability(self, task: str, code: int) -> str | None:
        """Return SQL for the probability of a class; None where the tables have none."""
        is_complement = task == "gender" and code == 1
        column = probability_column(self._tasks[task], 0 if is_complement else code)
        if column not in self.columns:
            return None
        return f"1 - t.{column}" if is_complement else f"t.{column}"

    def samples(
        self, where: Where, order: str = "row", limit: int = 100, offset: int = 0
    ) -> pa.Table:
        """Return a page of rows, with labels and names as texts.

        The columns are row, sample_id, model, dataset, split and path, then truth, prediction and
        confidence of every task, as far as the tables have them.

        Args:
            where: which rows.
            order: row, id, confidence or -confidence (of `where.task`), error or -error (absolute,
                of age); "-" is descending. By row where the tables lack what another order needs.
            limit: rows at most.
            offset: rows to skip.
        """
        columns = ["sample_id", *NAME_COLUMNS, *(["path"] if "path" in self.columns else [])]
        for task in self._tasks:
            columns += [
                c for c in (f"{task}_true", f"{task}_pred", f"{task}_conf") if c in self.columns
            ]
        ends = [t + end for t in self._tasks for end in (LOW, HIGH)]
        columns += [c for c in (*ends, "face_found") if c in self.columns]
        clause, params = self.clause(where)
        by = "t.sample_id" if order == "id" else self.sort_key(order, where.task)
        # First which rows, by the columns that this needs; they already lie in the order of rowid.
        sort = "" if by == "t.rowid" else f"ORDER BY {by}, t.rowid"
        rows = f"SELECT t.rowid FROM t WHERE {clause} {sort} LIMIT {limit:d} OFFSET {offset:d}"
        query = (
            f"SELECT t.rowid AS row, {', '.join(f't.{c}' for c in columns)} FROM t "
            f"WHERE t.rowid IN ({rows}) ORDER BY {by}, t.rowid"
        )
        return self.in_words(self.arrow(query, params))

    def sort_key(self, order: str, task: str) -> str:
        """Return SQL that rises in an order of `samples`; missing values come last.

        The error is that of `task`, or of age where that is a classification.
        """
        number = task if self.is_regression(task) else "age"
        error = f"abs(t.{number}_pred - t.{number}_true)"
        column = {"confidence": f"t.{task}_conf", "error": error}.get(order.removeprefix("-"))
        needed = {f"{task}_conf"} if "confidence" in order else {f"{number}_pred", f"{number}_true"}
        if column is None or not needed <= self.columns:
            return "t.rowid"
        value = f"{column}::DOUBLE"
        return f"(-coalesce({value}, -1))" if order[0] == "-" else f"coalesce({value}, 1e9)"

    def in_words(self, rows: pa.Table) -> pa.Table:
        """Return rows of `t` with the labels and names in place of their codes."""
        for i, name in enumerate(rows.column_names):
            task = name.removesuffix("_true").removesuffix("_pred")
            is_label = task in self._labels and name != task
            texts = self.label_space(task) if is_label else self._codes.get(name)
            if texts is not None:
                rows = rows.set_column(
                    i, name, pc.take(pa.array(texts, pa.string()), rows[name].cast(pa.int64()))
                )
        return rows

    def sample(self, sample_id: str, dataset: str | None = None) -> list[dict[str, object]]:
        """Return all columns of one sample, a dictionary per model, with labels and names as texts.

        The list is empty where there is no such sample.
        """
        dataset_clause = "" if dataset is None else " AND t.dataset = ?"
        codes = [] if dataset is None else [self.code("dataset", dataset)]
        columns = "t.rowid AS row, t.* EXCLUDE (file, key)"
        condition = f"t.sample_id = ?{dataset_clause}"
        query = f"SELECT {columns} FROM t WHERE {condition} ORDER BY t.model LIMIT 100"
        rows = self.in_words(self.arrow(query, [sample_id, *codes]))
        result: list[dict[str, object]] = rows.to_pylist()
        return result
