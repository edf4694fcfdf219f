"""The figures of one model's table as plain values: what the report prints and what pages and model cards quote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from core.labels import FERPLUS8, age_decade
from evaluation import views
from evaluation.metrics import abstention, calibration, classification, curves, intervals, regression, votes
from evaluation.table import Meta

Figures = dict[str, Any]
SHARE = 0.3
"""An answer that at least this share of the voters gave is one that a person may give."""
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


def _mean(values: np.ndarray, cluster: np.ndarray | None) -> Figures:
    """As `mean`, with whole clusters drawn where int (N,) `cluster` is given."""
    if cluster is None:
        return mean(values)
    sums = intervals.sums_by_cluster(np.stack([values, np.ones(len(values))], axis=1), cluster)
    return figure(float(values.mean()), intervals.bootstrap_clusters(lambda drawn: drawn[:, 0] / drawn[:, 1], sums), len(values))


def figures(table: pa.Table, model: str | None = None) -> Figures:
    """All figures of `model` in a conforming table (None: its only model); a task without truth or prediction is None.

    Raises:
        DataError: several models and none named, or no such model.
    """
    table = views.one_model(table, model)
    groups, cluster = views.groups(table), views.clusters(table)
    meta = Meta.of(table)
    found = table["face_found"].drop_null().to_numpy() if "face_found" in table.column_names else np.zeros(0, bool)
    return {
        "model": table["model"][0].as_py() if len(table) else model,
        "dataset": _only(table, "dataset"), "split": _only(table, "split"), "rows": len(table), "card_sha256": meta.card_sha256 or None,
        "fingerprint": meta.fingerprint or None, "detector": meta.detector or None, "left_out": meta.left_out,
        "face_found": proportion(int(found.sum()), len(found)) if len(found) else None,
        "emotion": _of_classes(views.classes(table, "emotion"), groups, cluster, views.votes(table)),
        # By true gender, accuracy is recall, which stands there by class already.
        "gender": _of_classes(views.classes(table, "gender"), {k: v for k, v in groups.items() if k != "gender"}, cluster),
        "age": _of_ages(views.ages(table), groups, cluster),
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


def _of_classes(
    seen: views.Classes | None, groups: dict[str, np.ndarray], cluster: np.ndarray | None, voted: np.ndarray | None = None
) -> Figures | None:
    if seen is None:
        return None
    cluster = None if cluster is None else cluster[seen.rows]
    k, n = len(seen.labels), len(seen.rows)
    matrix = classification.confusion(seen.true, seen.pred, k)
    each = classification.per_class(matrix)
    hits = seen.true == seen.pred
    areas = [(np.nan, np.nan) if seen.p is None else curves.areas(seen.p[:, i], seen.true == i) for i in range(k)]
    result: Figures = {
        "n": n,
        "accuracy": proportion(int(hits.sum()), n) if cluster is None else _mean(hits.astype(float), cluster),
        **{name: figure(float(of(matrix)), _spread(of, matrix, seen, cluster), n) for name, of in OF_MATRIX.items()},
        "averages": {name: asdict(classification.average(matrix, name == "weighted")) for name in ("macro", "weighted")},
        "clusters": None if cluster is None else len(np.unique(cluster)),
        "ece": None, "ece_equal_mass": None, "nll": None, "brier": None, "aurc": None, "reliability": None,
        "votes": None if voted is None else _of_votes(seen, voted[seen.rows]),
        "labels": list(seen.labels),
        "confusion": matrix.tolist(),
        "per_class": [
            {
                "label": label, "n": int(each.support[i]), "recall": proportion(int(matrix[i, i]), int(each.support[i])),
                "precision": proportion(int(matrix[i, i]), int(matrix[:, i].sum())), "f1": figure(each.f1[i], (np.nan, np.nan), n)["value"],
                **dict(zip(("auroc", "average_precision"), map(_or_none, areas[i]), strict=True)),
            }
            for i, label in enumerate(seen.labels)
        ],
        "groups": {},
    }  # fmt: skip
    if seen.p is not None:
        top, right = seen.p.max(axis=1), seen.p.argmax(axis=1) == seen.true
        spread = intervals.bootstrap(lambda at: calibration.ece(top[at], right[at]), n, rounds=int(np.clip(4_000_000 // n, 100, 1000)))
        result["ece"] = figure(calibration.ece(top, right), spread, n)
        result["ece_equal_mass"], result["aurc"] = calibration.ece(top, right, mass=True), abstention.aurc(top, right)
        diagram = calibration.reliability(top, right)
        result["reliability"] = {name: [_or_none(v) for v in getattr(diagram, name)] for name in ("confidence", "accuracy", "count")}
        result["nll"] = _mean(calibration.nll(seen.p, seen.true), cluster)
        result["brier"] = _mean(calibration.brier(seen.p, seen.true), cluster)
    for name, value, mask in each_group(groups, seen.rows):
        rows = result["groups"].setdefault(name, [])
        rows.append({"value": value, "accuracy": proportion(int(hits[mask].sum()), int(mask.sum()))})
    return result


OF_MATRIX = {
    "macro_f1": classification.macro_f1, "balanced_accuracy": classification.balanced_accuracy, "kappa": classification.kappa,
}  # fmt: skip


def _spread(
    of: Callable[[np.ndarray], np.ndarray], matrix: np.ndarray, seen: views.Classes, cluster: np.ndarray | None
) -> tuple[float, float]:
    """Bootstrap interval of a figure of the confusion matrix, over samples or over clusters."""
    if cluster is None:
        return intervals.bootstrap_counts(of, matrix)
    k = len(matrix)
    _, at = np.unique(cluster, return_inverse=True)
    cells = np.bincount((at * k + seen.true) * k + seen.pred, minlength=(int(at.max()) + 1) * k * k)
    return intervals.bootstrap_clusters(of, cells.reshape(-1, k, k))  # (clusters, k, k)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _of_votes(seen: views.Classes, voted: np.ndarray) -> Figures | None:
    """Figures against the votes of the samples that have any; shares: float (n, 8) in the order of FERPLUS8."""
    there = ~np.isnan(votes.shares(voted)).any(axis=1)
    if not there.any():
        return None
    voted = voted[there]
    places = np.array([FERPLUS8.labels.index(label) for label in seen.labels])
    pred = places[seen.pred[there]]
    result: Figures = {"n": len(voted), "share": SHARE, "kl": None, "ceiling": mean(votes.ceiling(voted))}
    for name, share in (("majority", None), ("any", SHARE)):
        result[name] = proportion(int(votes.right(voted, pred, share).sum()), len(voted))
    if seen.p is not None:
        p = np.zeros(voted.shape)
        p[:, places] = seen.p[there]
        result["kl"] = mean(votes.kl(voted, p))
    return result


def _of_ages(seen: views.Ages | None, groups: dict[str, np.ndarray], cluster: np.ndarray | None) -> Figures | None:
    if seen is None:
        return None
    cluster = None if cluster is None else cluster[seen.rows]
    error = regression.errors(seen.true, seen.pred)
    n = len(error)
    low, high = intervals.bootstrap_mean(error**2)
    near = int((np.abs(error) <= 5).sum())
    result: Figures = {"n": n, "mae": _mean(np.abs(error), cluster), "bias": _mean(error, cluster)}
    decades = regression.by_band(seen.true, seen.pred)
    matrix = classification.confusion(regression.bands(seen.true), regression.bands(seen.pred), regression.BANDS)
    names = [age_decade(regression.WIDTH * i) for i in range(regression.BANDS)]
    columns = zip(names, decades.n, decades.mae, decades.bias, strict=True)
    result["decades"] = [{"decade": d, "n": int(m), "mae": _or_none(a), "bias": _or_none(b)} for d, m, a, b in columns]
    result["bands"] = {"labels": names, "confusion": matrix.tolist(), "off_by": regression.off_by(matrix).tolist()}
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
