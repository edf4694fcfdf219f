"""The figures of one model's table as plain values: what the report prints and what pages and model cards quote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from evaluation import views
from evaluation.metrics import calibration, classification, intervals, regression
from evaluation.table import Meta

Figures = dict[str, Any]
FEW = 30
"""Groups with fewer samples are reported too; their intervals say how little that means."""


def figure(value: float, interval: tuple[float, float], n: int) -> Figures:
    """One figure with its 95 % interval and its number of samples; NaN becomes None, which JSON has."""
    numbers = [None if np.isnan(v) else float(v) for v in (value, *interval)]
    return {**dict(zip(("value", "low", "high"), numbers, strict=True)), "n": int(n)}


def proportion(hits: int, n: int) -> Figures:
    """A share with Wilson's interval."""
    return figure(hits / n if n else float("nan"), intervals.wilson(hits, n) if n else (float("nan"),) * 2, n)


def mean(values: np.ndarray) -> Figures:
    """A mean of float (N,) values with its bootstrap interval."""
    return figure(float(values.mean()) if len(values) else float("nan"), intervals.bootstrap_mean(values), len(values))


def figures(table: pa.Table, model: str | None = None) -> Figures:
    """All figures of `model` in a conforming table (None: its only model); a task without truth or prediction is None.

    Raises:
        DataError: several models and none named, or no such model.
    """
    table = views.one_model(table, model)
    groups = views.groups(table)
    meta = Meta.of(table)
    found = table["face_found"].drop_null().to_numpy() if "face_found" in table.column_names else np.zeros(0, bool)
    return {
        "model": table["model"][0].as_py() if len(table) else model,
        "dataset": _only(table, "dataset"), "split": _only(table, "split"), "rows": len(table), "card_sha256": meta.card_sha256 or None,
        "fingerprint": meta.fingerprint or None, "detector": meta.detector or None, "left_out": meta.left_out,
        "face_found": proportion(int(found.sum()), len(found)) if len(found) else None,
        "emotion": _of_classes(views.classes(table, "emotion"), groups),
        # By true gender, accuracy is recall, which stands there by class already.
        "gender": _of_classes(views.classes(table, "gender"), {k: v for k, v in groups.items() if k != "gender"}),
        "age": _of_ages(views.ages(table), groups),
    }  # fmt: skip


def _only(table: pa.Table, name: str) -> str | None:
    values = table[name].unique().drop_null().to_pylist() if name in table.column_names else []
    return ", ".join(sorted(values)) or None


def each_group(groups: dict[str, np.ndarray], rows: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """(group, value, mask over `rows`) for every known value of every group."""
    for name, values in groups.items():
        here = values[rows]
        for value in sorted(set(here.tolist()) - {""}):
            yield name, value, here == value


def _of_classes(seen: views.Classes | None, groups: dict[str, np.ndarray]) -> Figures | None:
    if seen is None:
        return None
    k, n = len(seen.labels), len(seen.rows)
    matrix = classification.confusion(seen.true, seen.pred, k)
    each = classification.per_class(matrix)
    hits = seen.true == seen.pred
    result: Figures = {
        "n": n,
        "accuracy": proportion(int(hits.sum()), n),
        "macro_f1": figure(float(classification.macro_f1(matrix)), intervals.bootstrap_counts(classification.macro_f1, matrix), n),
        "ece": None, "nll": None, "brier": None,
        "labels": list(seen.labels),
        "confusion": matrix.tolist(),
        "per_class": [
            {
                "label": label, "n": int(each.support[i]), "recall": proportion(int(matrix[i, i]), int(each.support[i])),
                "precision": proportion(int(matrix[i, i]), int(matrix[:, i].sum())), "f1": figure(each.f1[i], (np.nan, np.nan), n)["value"],
            }
            for i, label in enumerate(seen.labels)
        ],
        "groups": {},
    }  # fmt: skip
    if seen.p is not None:
        top, right = seen.p.max(axis=1), seen.p.argmax(axis=1) == seen.true
        spread = intervals.bootstrap(lambda at: calibration.ece(top[at], right[at]), n, rounds=int(np.clip(4_000_000 // n, 100, 1000)))
        result["ece"] = figure(calibration.ece(top, right), spread, n)
        result["nll"] = mean(calibration.nll(seen.p, seen.true))
        result["brier"] = mean(calibration.brier(seen.p, seen.true))
    for name, value, mask in each_group(groups, seen.rows):
        rows = result["groups"].setdefault(name, [])
        rows.append({"value": value, "accuracy": proportion(int(hits[mask].sum()), int(mask.sum()))})
    return result


def _of_ages(seen: views.Ages | None, groups: dict[str, np.ndarray]) -> Figures | None:
    if seen is None:
        return None
    error = regression.errors(seen.true, seen.pred)
    n = len(error)
    low, high = intervals.bootstrap_mean(error**2)
    near = int((np.abs(error) <= 5).sum())
    result: Figures = {"n": n, "mae": mean(np.abs(error)), "bias": mean(error)}
    result["rmse"] = figure(regression.rmse(seen.true, seen.pred), (max(low, 0.0) ** 0.5, high**0.5), n)
    result["cs5"] = proportion(near, n)
    result["interval"] = None
    if seen.low is not None and seen.high is not None:
        held = int(((seen.low <= seen.true) & (seen.true <= seen.high)).sum())
        result["interval"] = {"coverage": proportion(held, n), "mean_width": float((seen.high - seen.low).mean())}
    result["groups"] = {}
    for name, value, mask in each_group(groups, seen.rows):
        result["groups"].setdefault(name, []).append({"value": value, "mae": mean(np.abs(error[mask])), "bias": mean(error[mask])})
    return result
