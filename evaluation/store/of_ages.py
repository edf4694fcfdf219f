"""Answers about predicted ages, years."""

from __future__ import annotations

import numpy as np

from evaluation import views
from evaluation.metrics import regression
from evaluation.store.tables import RIGHT_YEARS, Tables
from evaluation.store.where import Where


class OfAges(Tables):
    """See `Store`."""

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
        """Sums of the age error e = predicted - true, for each value of `by` or under "": n, e, e2, abs, near (|e| <= RIGHT_YEARS), held
        (inside the stated interval; NaN without one). Means and their normal intervals follow at any size."""
        if "age" not in self.tasks:
            return {}
        key = self._column(by)
        clause, params = self.clause(where)
        e = "(t.age_pred::DOUBLE - t.age_true)"
        held = "sum((t.age_low <= t.age_true AND t.age_true <= t.age_high)::INT)" if "age_low" in self.columns else "NULL"
        sums = f"count(*), sum({e}), sum({e} * {e}), sum(abs({e})), sum((abs({e}) <= {RIGHT_YEARS})::INT), {held}"
        of = f"t.{key}" if key else "NULL"
        text = f"SELECT {of}, {sums} FROM t WHERE {clause} AND {e} IS NOT NULL GROUP BY 1"  # noqa: S608
        names = ("n", "e", "e2", "abs", "near", "held")
        made = {
            "" if key is None else self._text(key, v): {
                n: float("nan") if x is None else float(x) for n, x in zip(names, rest, strict=True)
            }
            for v, *rest in self.sql(text, params)
        }
        return dict(sorted(made.items()))

    def age_fourth(self, where: Where) -> float:
        """Sum of the fourth powers of the age error, for the interval of its mean square."""
        clause, params = self.clause(where)
        text = f"SELECT coalesce(sum((t.age_pred::DOUBLE - t.age_true) ** 4), 0) FROM t WHERE {clause}"  # noqa: S608
        return float(self.sql(text, params)[0][0])

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
