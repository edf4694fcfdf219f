"""Figures of predicted ages, years. See `evaluation.analysis.summary` for the whole table."""

from __future__ import annotations

import numpy as np

from core.labels import age_decade
from evaluation.metrics import classification, regression
from evaluation.predictions import arrays
from evaluation.statistics.estimate import Figures, Sample, or_none

WITHIN = (1, 3, 5, 7, 10)
"""Years k of CS@k, the share with an error of at most k."""


def of_ages(
    seen: arrays.Ages | None,
    groups: dict[str, arrays.Coded],
    cluster: np.ndarray | None,
    by: str | None,
) -> Figures | None:
    """All figures of the ages; groups and cluster are of the whole table. None where nothing was
    seen.
    """
    if seen is None:
        return None
    error = regression.errors(seen.true, seen.pred)
    n, size = len(error), np.abs(error)
    sample = Sample(n, None if cluster is None else arrays.only(cluster, seen.rows), by)
    squared = sample.mean(error**2)
    result: Figures = {"n": n, "clusters": sample.draws.clusters, "method": sample.method}
    result |= {"mae": sample.mean(size), "bias": sample.mean(error)}
    result["rmse"] = squared.clipped(0.0).root()
    result["cs"] = [{"k": k, **sample.share(size <= k).to_dict()} for k in WITHIN]
    result["cs5"] = sample.share(size <= 5)
    decades = regression.by_band(seen.true, seen.pred)
    matrix = classification.confusion(
        regression.bands(seen.true), regression.bands(seen.pred), regression.BANDS
    )
    names = [age_decade(regression.WIDTH * i) for i in range(regression.BANDS)]
    columns = zip(names, decades.n, decades.mae, decades.bias, strict=True)
    result["decades"] = [
        {"decade": d, "n": int(m), "mae": or_none(a), "bias": or_none(b)} for d, m, a, b in columns
    ]
    result["bands"] = {
        "labels": names,
        "confusion": matrix.tolist(),
        "off_by": regression.off_by(matrix).tolist(),
    }
    result["interval"] = None
    if seen.low is not None and seen.high is not None:
        held = (seen.low <= seen.true) & (seen.true <= seen.high)
        result["interval"] = {
            "coverage": sample.share(held),
            "mean_width": float((seen.high - seen.low).mean()),
        }
    result["groups"] = {}
    for name, group in groups.items():
        here = group.at(seen.rows)
        pairs = zip(
            *(sample.means(v, here.codes, len(here.values)) for v in (size, error)), strict=True
        )
        rows = [
            {"value": v, "mae": m, "bias": b}
            for v, (m, b) in zip(here.values, pairs, strict=True)
            if m.n
        ]
        if rows:
            result["groups"][name] = rows
    return result
