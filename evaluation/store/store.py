"""Questions to opened prediction tables: every answer is a small array or a page of rows, whatever the size of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from evaluation.conform import TASKS
from evaluation.store.build import CODED, SPACES, build
from evaluation.store.of_ages import OfAges
from evaluation.store.of_classes import OfClasses
from evaluation.store.where import Where

ORDERS = {
    "row": "t.rowid", "id": "t.sample_id, t.rowid", "confidence": "{conf} ASC NULLS LAST, t.rowid",
    "-confidence": "{conf} DESC NULLS LAST, t.rowid", "error": "abs(t.age_pred - t.age_true) ASC NULLS LAST, t.rowid",
    "-error": "abs(t.age_pred - t.age_true) DESC NULLS LAST, t.rowid",
}  # fmt: skip


class Store(OfClasses, OfAges):
    """Opened tables; made by `Store.open`. Safe to use from many threads: every query has its own cursor.

    models, datasets, splits: names. tasks: those with a truth and a prediction. groups: name -> values, as `views.groups` has them.
    columns: what the tables say. sources: the files. notes: what a reader should know.
    """

    @classmethod
    def open(cls, paths: Sequence[str | Path], *, names: Mapping[str, str] | None = None, images: Path | None = None) -> Store:
        """Opens one or several predictions tables of any models; each is checked as `evaluation.table.read` does.

        names: column of the contract -> column of the files. images: folder that the column `path` is relative to.

        Raises:
            DataError: names the column, the row and the fix.
        """
        if not paths:
            raise DataError("Expected at least one predictions table, got none; try `python -m apps.studio T.parquet`.")
        if images is not None and not images.is_dir():
            raise DataError(f"Expected --images to be a folder, got {images}; try the folder that `predict --data` was given.")
        return cls(build([Path(p) for p in paths], names or {}), images)

    def histogram(self, column: str, where: Where, bins: int, low: float, high: float, by: str | None = None) -> dict[str, np.ndarray]:
        """int64 (bins,) rows by the value of a number column (`emotion_conf`, `age_true`, "error" = age_pred - age_true, ...) between
        `low` and `high`, values beyond counting in the end bins; for each value of `by` (model, dataset, split, a group), or under ""."""
        expression = self._number(column)
        key = self._column(by)
        clause, params = self.clause(where)
        at = f"least(greatest(floor(({expression} - ?) / ? * {bins:d})::INT, 0), {bins - 1:d})"
        text = (
            f"SELECT {f't.{key}' if key else 'NULL'}, {at}, count(*) FROM t "  # noqa: S608
            f"WHERE {clause} AND {expression} IS NOT NULL GROUP BY 1, 2"
        )
        made: dict[str, np.ndarray] = {} if by else {"": np.zeros(bins, np.int64)}
        for value, i, n in self.sql(text, [low, high - low, *params]):
            made.setdefault("" if key is None else self._text(key, value), np.zeros(bins, np.int64))[i] = n
        return dict(sorted(made.items()))

    def values(self, columns: Sequence[str], where: Where, limit: int | None = None) -> dict[str, np.ndarray]:
        """Columns of the rows as arrays: class columns as int64 codes into `labels(task)` (-1 unknown), groups, model, dataset, split as
        texts, numbers as float64 (NaN unknown), sample_id and path as texts, "row" as the row's number.

        A million rows of two numbers are 16 MB: prefer an aggregate, or a `limit`.
        """
        clause, params = self.clause(where)
        real = {n: n if n in self.columns else self.group_columns.get(n, n) for n in columns}
        missing = [n for n, c in real.items() if c not in self.columns and n != "row"]
        if missing:
            raise DataError(f"Expected columns of {', '.join(sorted(self.columns))}, got {missing[0]!r}.")
        listed = ", ".join(f't.rowid AS "{n}"' if n == "row" else f't.{c} AS "{n}"' for n, c in real.items())
        end = "" if limit is None else f" ORDER BY t.rowid LIMIT {limit:d}"
        text = f"SELECT {listed} FROM t WHERE {clause}{end}"  # noqa: S608
        found = self.arrow(text, params)
        return {n: self._array(n, c, found[n].combine_chunks()) for n, c in real.items()}

    def samples(self, where: Where, order: str = "row", limit: int = 100, offset: int = 0) -> pa.Table:
        """A page of rows in words: row, sample_id, dataset, split, model, path?, then truth, prediction and confidence of every task.

        order: row, id, confidence, -confidence (of `where.task`), error, -error (absolute, of age).
        """
        columns = ["sample_id", *CODED, *(["path"] if "path" in self.columns else [])]
        for task in TASKS:
            columns += [c for c in (f"{task}_true", f"{task}_pred", f"{task}_conf") if c in self.columns]
        columns += [c for c in ("age_low", "age_high", "face_found") if c in self.columns]
        clause, params = self.clause(where)
        by = ORDERS[order if order in ORDERS else "row"]
        if ("error" in order and "age" not in self.tasks) or ("{conf}" in by and f"{where.task}_conf" not in self.columns):
            by = ORDERS["row"]
        text = (
            f"SELECT t.rowid AS row, {', '.join(f't.{c}' for c in columns)} FROM t WHERE {clause} "  # noqa: S608
            f"ORDER BY {by.format(conf=f't.{where.task}_conf')} LIMIT {limit:d} OFFSET {offset:d}"
        )
        return self._words(self.arrow(text, params))

    def _words(self, found: pa.Table) -> pa.Table:
        """Codes as texts."""
        for i, name in enumerate(found.column_names):
            task, _, which = name.partition("_")
            texts = SPACES[task] if task in SPACES and which in ("true", "pred") else self._codes.get(name)
            if texts is not None:
                found = found.set_column(i, name, pc.take(pa.array(texts, pa.string()), found[name].cast(pa.int64())))
        return found

    def sample(self, sample_id: str, dataset: str | None = None) -> list[dict[str, Any]]:
        """Everything that is known of one sample, one dictionary per model, labels in words; empty where there is no such sample."""
        of = "" if dataset is None else " AND t.dataset = ?"
        codes = [] if dataset is None else [self._codes["dataset"].index(dataset) if dataset in self._codes["dataset"] else -1]
        text = f"SELECT t.rowid AS row, t.* EXCLUDE (file, key) FROM t WHERE t.sample_id = ?{of} ORDER BY t.model LIMIT 100"  # noqa: S608
        found = self._words(self.arrow(text, [sample_id, *codes]))
        return found.to_pylist()
