"""Answers about predicted classes (emotion, gender), in the order of `labels(task)`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation import views
from evaluation.conform import P_EMOTION, P_GENDER
from evaluation.metrics.calibration import Reliability
from evaluation.store.build import SPACES
from evaluation.store.tables import Tables
from evaluation.store.where import Where


class OfClasses(Tables):
    """See `Store`."""

    def confusion(self, task: str, where: Where, uncertain: float | None = None) -> np.ndarray:
        """int64 (k, k) in the order of `labels(task)`: rows true, columns predicted.

        uncertain: (k, k + 1), where the last column holds answers with a confidence below this.
        """
        return self.confusions(task, where, None, uncertain).get("", self._empty(task, uncertain))

    def confusions(self, task: str, where: Where, by: str | None, uncertain: float | None = None) -> dict[str, np.ndarray]:
        """As `confusion`, for each value of `by` ("model", "dataset", "split" or a group) that occurs; None: one, under ""."""
        if task not in self.tasks:
            return {}
        column = self._column(by)
        clause, params = self.clause(where)
        k, place = len(self._labels[task]), {code: i for i, code in enumerate(self._labels[task])}
        unsure = uncertain is not None and f"{task}_conf" in self.columns
        pred = f"CASE WHEN t.{task}_conf < ? THEN 255 ELSE t.{task}_pred END" if unsure else f"t.{task}_pred"
        text = (
            f"SELECT {f't.{column}' if column else 'NULL'}, t.{task}_true, {pred}, count(*) FROM t "  # noqa: S608
            f"WHERE {clause} AND t.{task}_true IS NOT NULL AND t.{task}_pred IS NOT NULL GROUP BY 1, 2, 3"
        )
        made: dict[str, np.ndarray] = {}
        for value, true, answer, n in self.sql(text, [*([uncertain] if unsure else []), *params]):
            key = "" if column is None else self._text(column, value)
            made.setdefault(key, self._empty(task, uncertain))[place[true], k if answer == 255 else place[answer]] += n
        return dict(sorted(made.items()))

    def _empty(self, task: str, uncertain: float | None) -> np.ndarray:
        k = len(self._labels.get(task, ()))
        return np.zeros((k, k + (uncertain is not None)), np.int64)

    def joint(self, task: str, a: str, b: str, where: Where) -> np.ndarray:
        """int64 (k, k, k): truth, answer of model `a`, answer of model `b`, over samples of both that state the same truth."""
        clause, params = self.clause(where.but(models=()))
        k, place = len(self._labels[task]), {code: i for i, code in enumerate(self._labels[task])}
        sides = f"SELECT t.key, t.sample_id, t.{task}_true AS truth, t.{task}_pred AS pred FROM t WHERE {clause} AND t.model = ?"  # noqa: S608
        text = (
            f"SELECT a.truth, a.pred, b.pred, count(*) FROM ({sides}) a JOIN ({sides}) b USING (key, sample_id, truth) "  # noqa: S608
            "WHERE a.pred IS NOT NULL AND b.pred IS NOT NULL GROUP BY ALL"
        )
        cells = np.zeros((k, k, k), np.int64)
        codes = [self._codes["model"].index(m) for m in (a, b)]
        for true, in_a, in_b, n in self.sql(text, [*params, codes[0], *params, codes[1]]):
            cells[place[true], place[in_a], place[in_b]] = n
        return cells

    def reliability(self, task: str, where: Where, bins: int = 15) -> Reliability:
        """Reliability diagram with bins of equal width, as `calibration.reliability` makes it."""
        mean, right, count = np.full((2, bins), np.nan)[0], np.full(bins, np.nan), np.zeros(bins, np.int64)
        if {f"{task}_conf", f"{task}_true"} <= self.columns:
            clause, params = self.clause(where)
            text = (
                f"SELECT least(greatest(ceil(t.{task}_conf::DOUBLE * {bins:d})::INT - 1, 0), {bins - 1:d}) AS at, avg(t.{task}_conf), "  # noqa: S608
                f"avg((t.{task}_pred = t.{task}_true)::INT), count(*) FROM t "
                f"WHERE {clause} AND t.{task}_true IS NOT NULL AND t.{task}_conf IS NOT NULL GROUP BY 1"
            )
            for at, confidence, share, n in self.sql(text, params):
                mean[at], right[at], count[at] = confidence, share, n
        return Reliability(mean, right, count)

    def scores(self, task: str, where: Where, bins: int = 1000) -> np.ndarray:
        """int64 (k, bins, 2): of each class its probability in `bins` equal bins over [0, 1], for rows of other classes and of this one.

        With `curves` (bin middles as scores, counts as weights) this gives PR and ROC at any size of table.
        """
        found = np.zeros((len(self._labels[task]), bins, 2), np.int64)
        if f"{task}_true" not in self.columns:
            return found
        clause, params = self.clause(where)
        for i, code in enumerate(self._labels[task]):
            p = self._probability(task, code)
            if p is not None:
                text = (
                    f"SELECT least(floor(({p})::DOUBLE * {bins:d})::INT, {bins - 1:d}), (t.{task}_true = {code:d})::INT, count(*) FROM t "  # noqa: S608
                    f"WHERE {clause} AND t.{task}_true IS NOT NULL AND ({p}) IS NOT NULL GROUP BY 1, 2"
                )
                for at, own, n in self.sql(text, params):
                    found[i, at, own] = n
        return found

    def _probability(self, task: str, code: int) -> str | None:
        column = P_GENDER if task == "gender" else P_EMOTION + SPACES[task][code]
        if column not in self.columns:
            return None
        return f"1 - t.{column}" if task == "gender" and code == 1 else f"t.{column}"

    def clustered(self, task: str, where: Where, most: int) -> np.ndarray | None:
        """int64 (G, k, k): the confusion matrix of every person or film, a row without a name being one of its own; None where the tables
        name none, or more than `most`."""
        if self.cluster is None or task not in self.tasks:
            return None
        clause, params = self.clause(where)
        name = f"coalesce(t.{self.cluster}::BIGINT, -1 - t.rowid)"
        known = f"{clause} AND t.{task}_true IS NOT NULL AND t.{task}_pred IS NOT NULL"
        found = self.arrow(
            f"SELECT dense_rank() OVER (ORDER BY {name}) - 1 AS g, t.{task}_true AS true, t.{task}_pred AS pred FROM t WHERE {known}",  # noqa: S608
            params,
        )
        g = found["g"].to_numpy()
        if not len(g) or int(g.max()) >= most:
            return None
        k = len(self._labels[task])
        place = np.zeros(256, np.int64)
        place[list(self._labels[task])] = np.arange(k)
        cells = (g * k + place[found["true"].to_numpy()]) * k + place[found["pred"].to_numpy()]
        return np.bincount(cells, minlength=(int(g.max()) + 1) * k * k).reshape(-1, k, k)

    def classes(self, task: str, where: Where, limit: int | None = None) -> views.Classes | None:
        """Rows with a truth and a prediction as the library's functions take them (with `labels(task)`); None where there are none."""
        if task not in self.tasks:
            return None
        clause, params = self.clause(where)
        known = f"({clause}) AND t.{task}_true IS NOT NULL AND t.{task}_pred IS NOT NULL"
        names = [self._probability(task, c) or "0::FLOAT" for c in self._labels[task]] if f"{task}_conf" in self.columns else []
        listed = ", ".join([f"t.{task}_true", f"t.{task}_pred", "t.rowid", *names])
        found = self.arrow(f"SELECT {listed} FROM t WHERE {known} {'' if limit is None else f'LIMIT {limit:d}'}", params)  # noqa: S608
        if not len(found):
            return None
        true, pred = (self._array(f"{task}_{w}", "", found.column(i).combine_chunks()) for i, w in enumerate(("true", "pred")))
        p = np.stack([c.to_numpy().astype(np.float64) for c in found.columns[3:]], axis=1) if names else None  # (n, k)
        whole = p is not None and not np.isnan(p).any()
        return views.Classes(self.labels(task), found.column(2).to_numpy(), true, pred, p if whole else None)

    def _array(self, name: str, column: str, values: pa.Array) -> np.ndarray:
        values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        task, _, which = name.partition("_")
        if task in SPACES and which in ("true", "pred"):
            place = np.full(257, -1, np.int64)
            place[list(self._labels[task])] = np.arange(len(self._labels[task]))
            return place[pc.fill_null(values.cast(pa.int16()), 256).to_numpy(zero_copy_only=False)]
        if column in self._codes:
            texts = np.array([*self._codes[column], ""], dtype=object)
            return texts[pc.fill_null(values.cast(pa.int64()), len(texts) - 1).to_numpy(zero_copy_only=False)]
        if pa.types.is_floating(values.type):
            return values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return values.to_numpy(zero_copy_only=False)
