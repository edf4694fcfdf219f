"""Questions to opened prediction tables: every answer is a small array or a page of rows, whatever the size of the table."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.labels import GENDER2
from evaluation import views
from evaluation.conform import GROUP, P_EMOTION, P_GENDER, TASKS
from evaluation.metrics import regression
from evaluation.metrics.calibration import Reliability
from evaluation.store.build import SPACES, Built, Source, build
from evaluation.store.where import Where

REMEMBERED = 500
RIGHT_YEARS = 5
"""An age is called right within this many years."""
ORDERS = {
    "row": "t.rowid", "id": "t.sample_id, t.rowid", "confidence": "{conf} ASC NULLS LAST, t.rowid", "-confidence": "{conf} DESC NULLS LAST, t.rowid",
    "-error": "abs(t.age_pred - t.age_true) DESC NULLS LAST, t.rowid", "error": "abs(t.age_pred - t.age_true) ASC NULLS LAST, t.rowid",
}  # fmt: skip
CODED = ("model", "dataset", "split")


class Store:
    """Opened tables; made by `Store.open`. Safe to use from many threads: every query has its own cursor.

    models, datasets, splits: names. tasks: those with a truth and a prediction. groups: name -> values, as `views.groups` has them.
    columns: what the tables say. sources: the files. notes: what a reader should know.
    """

    def __init__(self, built: Built, images: Path | None = None) -> None:
        self._con, self._codes, self.columns, self.images = built.con, built.codes, frozenset(built.columns), images
        self.sources: tuple[Source, ...] = tuple(built.sources)
        self.notes = tuple(built.notes)
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self.rows = int(self.sql("SELECT count(*) FROM t")[0][0])
        self.models, self.datasets, self.splits = (self._there(name) for name in CODED)
        self.tasks = tuple(task for task, (true, _) in TASKS.items() if {true, f"{task}_pred"} <= self.columns and self._any(task))
        self._labels = {task: self._used(task) for task in SPACES if f"{task}_pred" in self.columns or f"{task}_true" in self.columns}
        given = [c for c in sorted(self.columns) if c.startswith(GROUP) and c.removeprefix(GROUP) not in views.CLUSTERS]
        self.group_columns = {c.removeprefix(GROUP): c for c in given}
        if "age_decade" in self.columns:
            self.group_columns.setdefault("age_decade", "age_decade")
        if "gender_true" in self.columns:
            self._codes["gender_true"] = list(GENDER2.labels)
            self.group_columns.setdefault("gender", "gender_true")
        self.groups = {name: self._there(column) for name, column in self.group_columns.items()}
        self.cluster = next((GROUP + c for c in views.CLUSTERS if GROUP + c in self.columns), None)

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

    def sql(self, text: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query on table `t`. `text` is code of ours: values of users belong in `params`."""
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
        there = [texts[c] for (c,) in self.sql(f"SELECT DISTINCT {column} FROM t WHERE {column} IS NOT NULL")]  # noqa: S608
        return tuple(sorted(t for t in there if t))

    def _any(self, task: str) -> bool:
        true = TASKS[task][0]
        return bool(self.sql(f"SELECT 1 FROM t WHERE {true} IS NOT NULL AND {task}_pred IS NOT NULL LIMIT 1"))  # noqa: S608

    def _used(self, task: str) -> tuple[int, ...]:
        """Places in the label space that a truth, a prediction or a probability uses."""
        used: set[int] = set()
        for column in (f"{task}_true", f"{task}_pred"):
            if column in self.columns:
                used |= {c for (c,) in self.sql(f"SELECT DISTINCT {column} FROM t WHERE {column} IS NOT NULL")}  # noqa: S608
        if task == "gender" and P_GENDER in self.columns:
            used |= {0, 1}
        for i, label in enumerate(SPACES[task]):
            if task == "emotion" and i not in used and P_EMOTION + label in self.columns:
                used |= {i} if self.sql(f"SELECT 1 FROM t WHERE {P_EMOTION + label} > 0 LIMIT 1") else set()  # noqa: S608
        return tuple(sorted(used))

    # -- conditions

    def fit(self, where: Where) -> Where:
        """`where` without values that these tables do not have: a shared URL may name anything."""

        def known(values: tuple[str, ...], there: Sequence[str]) -> tuple[str, ...]:
            return tuple(v for v in values if v in there)

        task = where.task if where.task in self.tasks else self.tasks[0]
        labels = self.labels(task) if task in SPACES else ()
        groups = tuple((n, kept) for n, values in where.groups if n in self.groups and (kept := known(values, self.groups[n])))
        return where.but(
            task=task, models=known(where.models, self.models), datasets=known(where.datasets, self.datasets),
            splits=known(where.splits, self.splits), true=known(where.true, labels), pred=known(where.pred, labels), groups=groups,
        )  # fmt: skip

    def clause(self, where: Where) -> tuple[str, list[Any]]:
        """`where` as SQL on `t` and its parameters; a value that does not occur matches nothing.

        Raises:
            DataError: an unknown group.
        """
        parts: list[str] = []
        params: list[Any] = []

        def one_of(column: str, texts: Sequence[str], values: Sequence[str]) -> None:
            if values:
                codes = [i for i, text in enumerate(texts) if text in set(values)] if column in self.columns else []
                parts.append(f"t.{column} IN ({', '.join('?' * len(codes))})" if codes else "false")
                params.extend(codes)

        def between(expression: str, span: tuple[float, float] | None, needs: set[str], end: str = "<=") -> None:
            if span is not None:
                parts.append(f"({expression} >= ? AND {expression} {end} ?)" if needs <= self.columns else "false")
                params.extend(span if needs <= self.columns else ())

        for column, values in (("model", where.models), ("dataset", where.datasets), ("split", where.splits)):
            one_of(column, self._codes[column], values)
        for name, values in where.groups:
            if name not in self.group_columns:
                raise DataError(f"Expected a group of {', '.join(self.groups) or 'this table (it has none)'}, got {name!r}.")
            one_of(self.group_columns[name], self._codes[self.group_columns[name]], values)
        task = where.task
        for which, values in (("true", where.true), ("pred", where.pred)):
            one_of(f"{task}_{which}", SPACES.get(task, ()), values)
        between(f"t.{task}_conf", where.confidence, {f"{task}_conf"})
        between("t.age_true", where.age, {"age_true"}, "<")
        between("(t.age_pred - t.age_true)", where.error, {"age_pred", "age_true"})
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
        return f"abs(t.age_pred - t.age_true) <= {RIGHT_YEARS}" if task == "age" else f"t.{task}_pred = t.{task}_true"

    # -- answers

    def labels(self, task: str) -> tuple[str, ...]:
        """Classes of `task` (emotion or gender) that occur anywhere in the store, in the order of the label space: all axes and codes."""
        return tuple(SPACES[task][i] for i in self._labels.get(task, ()))

    def count(self, where: Where) -> int:
        """Rows."""
        clause, params = self.clause(where)
        return int(self.sql(f"SELECT count(*) FROM t WHERE {clause}", params)[0][0])  # noqa: S608

    def counts(self, by: Sequence[str], where: Where) -> list[tuple[Any, ...]]:
        """(value, ..., rows) for every combination of `by` (model, dataset, split or groups) that occurs, as texts; "" where unknown."""
        columns = [name if name in CODED else self._group(name) for name in by]
        clause, params = self.clause(where)
        listed = ", ".join(f"t.{c}" for c in columns)
        found = self.sql(f"SELECT {listed}, count(*) FROM t WHERE {clause} GROUP BY ALL ORDER BY ALL", params)  # noqa: S608
        return [(*(self._text(c, v) for c, v in zip(columns, row[:-1], strict=True)), row[-1]) for row in found]

    def _group(self, name: str) -> str:
        if name not in self.group_columns:
            raise DataError(f"Expected a group of {', '.join(self.groups) or 'this table (it has none)'}, got {name!r}.")
        return self.group_columns[name]

    def _text(self, column: str, code: int | None) -> str:
        return "" if code is None else self._codes[column][code]

    def confusion(self, task: str, where: Where, uncertain: float | None = None) -> np.ndarray:
        """int64 (k, k) in the order of `labels(task)`: rows true, columns predicted.

        uncertain: (k, k + 1), where the last column holds answers with a confidence below this.
        """
        return self.confusions(task, where, None, uncertain).get("", self._empty(task, uncertain))

    def confusions(self, task: str, where: Where, by: str | None, uncertain: float | None = None) -> dict[str, np.ndarray]:
        """As `confusion`, for each value of `by` ("model", "dataset", "split" or a group) that occurs; None: one, under ""."""
        if task not in self.tasks:
            return {}
        column = None if by is None else by if by in CODED else self._group(by)
        clause, params = self.clause(where)
        k, place = len(self._labels[task]), {code: i for i, code in enumerate(self._labels[task])}
        unsure = uncertain is not None and f"{task}_conf" in self.columns
        pred = f"CASE WHEN t.{task}_conf < ? THEN 255 ELSE t.{task}_pred END" if unsure else f"t.{task}_pred"
        text = (
            f"SELECT {f't.{column}' if column else 'NULL'}, t.{task}_true, {pred}, count(*) FROM t "  # noqa: S608
            f"WHERE {clause} AND t.{task}_true IS NOT NULL AND t.{task}_pred IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1"
        )
        made: dict[str, np.ndarray] = {}
        for value, true, answer, n in self.sql(text, [*([uncertain] if unsure else []), *params]):
            key = "" if column is None else self._text(column, value)
            made.setdefault(key, self._empty(task, uncertain))[place[true], k if answer == 255 else place[answer]] += n
        return made

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

    def histogram(self, column: str, where: Where, bins: int, low: float, high: float, by: str | None = None) -> dict[str, np.ndarray]:
        """int64 (bins,) rows by the value of a number column (`emotion_conf`, `age_true`, "error" = age_pred - age_true, ...) between
        `low` and `high`, values beyond counting in the end bins; for each value of `by` (model, dataset, split, a group), or under ""."""
        expression = self._number(column)
        key = None if by is None else by if by in CODED else self._group(by)
        clause, params = self.clause(where)
        at = f"least(greatest(floor(({expression} - ?) / ? * {bins:d})::INT, 0), {bins - 1:d})"
        text = (
            f"SELECT {f't.{key}' if key else 'NULL'}, {at}, count(*) FROM t "  # noqa: S608
            f"WHERE {clause} AND {expression} IS NOT NULL GROUP BY 1, 2 ORDER BY 1"
        )
        made: dict[str, np.ndarray] = {} if by else {"": np.zeros(bins, np.int64)}
        for value, i, n in self.sql(text, [low, high - low, *params]):
            made.setdefault("" if key is None else self._text(key, value), np.zeros(bins, np.int64))[i] = n
        return made

    def _number(self, column: str) -> str:
        if column == "error" and {"age_true", "age_pred"} <= self.columns:
            return "(t.age_pred::DOUBLE - t.age_true)"
        numbers = [
            c for c in sorted(self.columns) if (c.startswith(("age_", P_EMOTION, P_GENDER)) and c != "age_decade") or c.endswith("_conf")
        ]
        if column not in numbers:
            raise DataError(f"Expected a number column of {', '.join(numbers)}, got {column!r}.")
        return f"t.{column}::DOUBLE"

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
        end = f" LIMIT {limit:d}" if limit is not None else ""
        found = self.arrow(
            f"SELECT {listed} FROM t WHERE {clause} ORDER BY t.rowid{end}" if end else f"SELECT {listed} FROM t WHERE {clause}", params
        )
        return {n: self._array(n, c, found[n].combine_chunks()) for n, c in real.items()}

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

    def classes(self, task: str, where: Where, limit: int | None = None) -> views.Classes | None:
        """Rows with a truth and a prediction as the library's functions take them (labels are `labels(task)`); None where there are none."""
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

    def ages(self, where: Where, limit: int | None = None) -> views.Ages | None:
        """Rows with a true and a predicted age as the library's functions take them; None where there are none."""
        if "age" not in self.tasks:
            return None
        clause, params = self.clause(where)
        ends = ["age_low", "age_high"] if "age_low" in self.columns else []
        known = f"({clause}) AND t.age_true IS NOT NULL AND t.age_pred IS NOT NULL"
        listed = ", ".join(f"t.{n}" for n in ("rowid", "age_true", "age_pred", *ends))
        found = self.arrow(f"SELECT {listed} FROM t WHERE {known} {'' if limit is None else f'LIMIT {limit:d}'}", params)  # noqa: S608
        if not len(found):
            return None
        rows, true, pred, *rest = (c.to_numpy().astype(np.float64) for c in found.columns)
        whole = bool(rest) and not np.isnan(rest[0] + rest[1]).any()
        return views.Ages(rows.astype(np.int64), true, pred, rest[0] if whole else None, rest[1] if whole else None)

    def age_sums(self, where: Where, by: str | None = None) -> dict[str, dict[str, float]]:
        """Sums of the age error e = predicted - true, for each value of `by` or under "": n, e, e2, abs, near (|e| <= 5), held (inside the
        stated interval; NaN without one). Means and their normal intervals follow at any size."""
        if "age" not in self.tasks:
            return {}
        key = None if by is None else by if by in CODED else self._group(by)
        clause, params = self.clause(where)
        e = "(t.age_pred::DOUBLE - t.age_true)"
        held = "sum((t.age_low <= t.age_true AND t.age_true <= t.age_high)::INT)" if "age_low" in self.columns else "NULL"
        text = (
            f"SELECT {f't.{key}' if key else 'NULL'}, count(*), sum({e}), sum({e} * {e}), sum(abs({e})), sum((abs({e}) <= 5)::INT), {held} "  # noqa: S608
            f"FROM t WHERE {clause} AND {e} IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        names = ("n", "e", "e2", "abs", "near", "held")
        return {
            "" if key is None else self._text(key, v): {
                n: float("nan") if x is None else float(x) for n, x in zip(names, rest, strict=True)
            }
            for v, *rest in self.sql(text, params)
        }

    def age_fourth(self, where: Where) -> float:
        """Sum of the fourth powers of the age error, for the interval of its mean square."""
        clause, params = self.clause(where)
        text = f"SELECT coalesce(sum((t.age_pred::DOUBLE - t.age_true) ** 4), 0) FROM t WHERE {clause}"  # noqa: S608
        return float(self.sql(text, params)[0][0])

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

    def age_bands(self, where: Where, width: int = regression.WIDTH, count: int = regression.BANDS) -> np.ndarray:
        """int64 (count, count): band of the true age (row) against band of the predicted one, as `regression.bands` cuts them."""
        cells = np.zeros((count, count), np.int64)
        if "age" in self.tasks:
            clause, params = self.clause(where)
            band = [f"least(greatest(floor(t.{c}::DOUBLE / {width:d})::INT, 0), {count - 1:d})" for c in ("age_true", "age_pred")]
            known = "t.age_true IS NOT NULL AND t.age_pred IS NOT NULL"
            for true, pred, n in self.sql(f"SELECT {band[0]}, {band[1]}, count(*) FROM t WHERE {clause} AND {known} GROUP BY 1, 2", params):  # noqa: S608
                cells[true, pred] = n
        return cells

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
