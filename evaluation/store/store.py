"""Questions to opened prediction tables.

Every answer is a small array or a page of rows, whatever the size of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from evaluation.metrics.calibration import Reliability
from evaluation.predictions.schema import P_EMOTION, P_GENDER, TASKS
from evaluation.store.filters import Where
from evaluation.store.ingest import CODED, SPACES, build
from evaluation.store.tables import Tables

ORDERS = {
    "row": "t.rowid",
    "id": "t.sample_id, t.rowid",
    "confidence": "{conf} ASC NULLS LAST, t.rowid",
    "-confidence": "{conf} DESC NULLS LAST, t.rowid",
    "error": "abs(t.age_pred - t.age_true) ASC NULLS LAST, t.rowid",
    "-error": "abs(t.age_pred - t.age_true) DESC NULLS LAST, t.rowid",
}


class Store(Tables):
    """Opened tables; made by `Store.open`.

    Safe to use from many threads: every query has its own cursor.

    models, datasets, splits: names. tasks: those with a truth and a prediction. groups: name ->
    values, as `views.coded_groups` has them. columns: what the tables say. sources: the files.
    notes: what a reader should know.
    """

    @classmethod
    def open(cls, paths: Sequence[str | Path], *, names: Mapping[str, str] | None = None) -> Store:
        """Opens one or several predictions tables of any models.

        Each is checked as `evaluation.predictions.table.read` does.

        names: column of the contract -> column of the files.

        Raises:
            DataError: names the column, the row and the fix.
        """
        if not paths:
            raise DataError(
                "Expected at least one predictions table, got none; try `python -m apps.studio "
                "T.parquet`."
            )
        return cls(build([Path(p) for p in paths], names or {}))

    def confusion(self, task: str, where: Where, uncertain: float | None = None) -> np.ndarray:
        """Return int64 (k, k) in the order of `labels(task)`: rows true, columns predicted.

        uncertain: (k, k + 1), where the last column holds answers with a confidence below this.
        """
        return self.confusions(task, where, None, uncertain).get("", self._empty(task, uncertain))

    def confusions(
        self, task: str, where: Where, by: str | None, uncertain: float | None = None
    ) -> dict[str, np.ndarray]:
        """Return `confusion` for each value of `by` that occurs.

        by: "model", "dataset", "split" or a group; None: one, under "".
        """
        if task not in self.tasks:
            return {}
        column = self._column(by)
        clause, params = self.clause(where)
        k, place = len(self._labels[task]), {code: i for i, code in enumerate(self._labels[task])}
        unsure = uncertain is not None and f"{task}_conf" in self.columns
        pred = (
            f"CASE WHEN t.{task}_conf < ? THEN 255 ELSE t.{task}_pred END"
            if unsure
            else f"t.{task}_pred"
        )
        text = (
            f"SELECT {f't.{column}' if column else 'NULL'}, t.{task}_true, {pred}, count(*) FROM t "
            f"WHERE {clause} AND t.{task}_true IS NOT NULL AND t.{task}_pred IS NOT NULL GROUP BY "
            f"1, 2, 3"
        )
        made: dict[str, np.ndarray] = {}
        for value, true, answer, n in self.sql(text, [*([uncertain] if unsure else []), *params]):
            key = "" if column is None else self._text(column, value)
            made.setdefault(key, self._empty(task, uncertain))[
                place[true], k if answer == 255 else place[answer]
            ] += n
        return dict(sorted(made.items()))

    def _empty(self, task: str, uncertain: float | None) -> np.ndarray:
        k = len(self._labels.get(task, ()))
        return np.zeros((k, k + (uncertain is not None)), np.int64)

    def reliability(self, task: str, where: Where, bins: int = 15) -> Reliability:
        """Reliability diagram with bins of equal width, as `calibration.reliability` makes it."""
        mean, right, count = (
            np.full((2, bins), np.nan)[0],
            np.full(bins, np.nan),
            np.zeros(bins, np.int64),
        )
        if {f"{task}_conf", f"{task}_true"} <= self.columns:
            clause, params = self.clause(where)
            text = (
                f"SELECT least(greatest(ceil(t.{task}_conf::DOUBLE * {bins:d})::INT - 1, 0), "
                f"{bins - 1:d}) AS at, avg(t.{task}_conf), "
                f"avg((t.{task}_pred = t.{task}_true)::INT), count(*) FROM t "
                f"WHERE {clause} AND t.{task}_true IS NOT NULL AND t.{task}_conf IS NOT NULL GROUP "
                f"BY 1"
            )
            for at, confidence, share, n in self.sql(text, params):
                mean[at], right[at], count[at] = confidence, share, n
        return Reliability(mean, right, count)

    def probability(self, task: str, code: int) -> str | None:
        """Return SQL for the probability of a class; None where the tables have none."""
        column = P_GENDER if task == "gender" else P_EMOTION + SPACES[task][code]
        if column not in self.columns:
            return None
        return f"1 - t.{column}" if task == "gender" and code == 1 else f"t.{column}"

    def samples(
        self, where: Where, order: str = "row", limit: int = 100, offset: int = 0
    ) -> pa.Table:
        """A page of rows in words.

        Row, sample_id, dataset, split, model, path?, then truth, prediction and confidence of every
        task.

        order: row, id, confidence, -confidence (of `where.task`), error, -error (absolute, of age).
        """
        columns = ["sample_id", *CODED, *(["path"] if "path" in self.columns else [])]
        for task in TASKS:
            columns += [
                c for c in (f"{task}_true", f"{task}_pred", f"{task}_conf") if c in self.columns
            ]
        columns += [c for c in ("age_low", "age_high", "face_found") if c in self.columns]
        clause, params = self.clause(where)
        by = ORDERS[order if order in ORDERS else "row"]
        if ("error" in order and "age" not in self.tasks) or (
            "{conf}" in by and f"{where.task}_conf" not in self.columns
        ):
            by = ORDERS["row"]
        text = (
            f"SELECT t.rowid AS row, {', '.join(f't.{c}' for c in columns)} FROM t WHERE {clause} "
            f"ORDER BY {by.format(conf=f't.{where.task}_conf')} LIMIT {limit:d} OFFSET {offset:d}"
        )
        return self.in_words(self.arrow(text, params))

    def in_words(self, found: pa.Table) -> pa.Table:
        """Codes as texts."""
        for i, name in enumerate(found.column_names):
            task, _, which = name.partition("_")
            texts = (
                SPACES[task]
                if task in SPACES and which in ("true", "pred")
                else self._codes.get(name)
            )
            if texts is not None:
                found = found.set_column(
                    i, name, pc.take(pa.array(texts, pa.string()), found[name].cast(pa.int64()))
                )
        return found

    def sample(self, sample_id: str, dataset: str | None = None) -> list[dict[str, object]]:
        """Everything that is known of one sample, one dictionary per model, labels in words.

        Empty where there is no such sample.
        """
        of = "" if dataset is None else " AND t.dataset = ?"
        codes = [] if dataset is None else [self.code("dataset", dataset)]
        columns = "t.rowid AS row, t.* EXCLUDE (file, key)"
        condition = f"t.sample_id = ?{of}"
        text = f"SELECT {columns} FROM t WHERE {condition} ORDER BY t.model LIMIT 100"
        found = self.in_words(self.arrow(text, [sample_id, *codes]))
        result: list[dict[str, object]] = found.to_pylist()
        return result
