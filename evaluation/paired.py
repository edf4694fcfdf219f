"""Two models on the same samples as plain values: differences (B minus A) with paired 95 % intervals, tests, wins and disagreements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from evaluation import views
from evaluation.figures import Figures, each_group, figure
from evaluation.metrics import classification, intervals, significance

ALPHA = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The samples of both tables, row by row the same. only_a, only_b: samples that the other table lacks."""

    a: pa.Table
    b: pa.Table
    only_a: int
    only_b: int


def match(a: pa.Table, b: pa.Table) -> Matched:
    """Pairs the rows of two one-model tables by `sample_id`.

    Raises:
        DataError: they have no sample in common.
    """
    at = pc.index_in(a["sample_id"], b["sample_id"])
    both = pc.is_valid(at)
    rows = pc.filter(at, both)
    if len(rows) == 0:
        ids = [t["sample_id"][0].as_py() if len(t) else "nothing" for t in (a, b)]
        raise DataError(
            f"Expected the same `sample_id`s in both tables, got {ids[0]!r} and {ids[1]!r} and none in common; predict one split."
        )
    return Matched(a.filter(both), b.take(rows), len(a) - len(rows), len(b) - len(rows))


def compare(a: pa.Table, b: pa.Table, *, limit: int = 20) -> Figures:
    """All that can be said of two one-model tables; limit: disagreements listed per kind.

    Raises:
        DataError: no sample or no task in common.
    """
    pair = match(a, b)
    groups = views.coded_groups(pair.b) | views.coded_groups(pair.a)
    result: Figures = {
        "a": a["model"][0].as_py(), "b": b["model"][0].as_py(), "matched": len(pair.a), "only_a": pair.only_a, "only_b": pair.only_b,
        "emotion": _of_classes(pair, "emotion", groups, limit),
        "gender": _of_classes(pair, "gender", {k: v for k, v in groups.items() if k != "gender"}, limit),
        "age": _of_ages(pair, groups, limit),
    }  # fmt: skip
    if not any(result[task] for task in ("emotion", "gender", "age")):
        raise DataError(
            "Expected a task with truth and predictions in both tables, got none; look at `python -m evaluation report` of each."
        )
    return result


def _common(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows in both, and their places in either."""
    return np.intersect1d(a, b, assume_unique=True, return_indices=True)


def _of_classes(pair: Matched, task: str, groups: dict[str, views.Coded], limit: int) -> Figures | None:
    seen_a, seen_b = views.classes(pair.a, task), views.classes(pair.b, task)
    if seen_a is None or seen_b is None:
        return None
    labels = tuple(x for x in (FERPLUS8 if task == "emotion" else GENDER2).labels if x in {*seen_a.labels, *seen_b.labels})
    rows, in_a, in_b = _common(seen_a.rows, seen_b.rows)
    to_a, to_b = (np.array([labels.index(x) for x in s.labels]) for s in (seen_a, seen_b))
    true, other, a, b = to_a[seen_a.true[in_a]], to_b[seen_b.true[in_b]], to_a[seen_a.pred[in_a]], to_b[seen_b.pred[in_b]]
    same = true == other
    rows, true, a, b = rows[same], true[same], a[same], b[same]
    n, k = len(rows), len(labels)
    if n == 0:
        return None
    cells = np.bincount((true * k + a) * k + b, minlength=k**3).reshape(k, k, k)  # (true, a, b)
    only_a, only_b = (a == true) & (b != true), (b == true) & (a != true)
    parts = [_part("class", labels[i], true == i, only_a, only_b) for i in range(k) if (true == i).any()]
    parts += [_part(name, value, mask, only_a, only_b) for name, value, mask in each_group(groups, rows)]
    _adjust(parts)
    differ = np.flatnonzero(a != b)
    kinds = (("a", only_a), ("b", only_b), ("neither", (a != true) & (b != true)))
    chosen = [(kind, i) for kind, mask in kinds for i in differ[mask[differ]][:limit]]
    ids = pair.a["sample_id"].take(rows[[i for _, i in chosen]]).to_pylist() if chosen else []
    return {
        "n": n, "truth_differs": int((~same).sum()),
        "accuracy": _difference(cells, _accuracy, n), "macro_f1": _difference(cells, classification.macro_f1, n),
        "mcnemar": _mcnemar(only_a, only_b), "parts": parts,
        "disagreements": {"n": len(differ), "rows": [
            {"sample_id": name, "true": labels[true[i]], "a": labels[a[i]], "b": labels[b[i]], "right": kind}
            for name, (kind, i) in zip(ids, chosen, strict=True)
        ]},
    }  # fmt: skip


def _accuracy(matrix: np.ndarray) -> np.ndarray:
    """(..., k, k) -> (...)."""
    return np.trace(matrix, axis1=-2, axis2=-1) / matrix.sum(axis=(-2, -1))


def _difference(cells: np.ndarray, of: Callable[[np.ndarray], np.ndarray], n: int) -> Figures:
    """`of` both models' confusion matrices and its difference, from counts (true, a, b)."""

    def both(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return of(counts.sum(axis=-1)), of(counts.sum(axis=-2))

    a, b = both(cells)
    spread = intervals.bootstrap_counts(lambda drawn: np.subtract(*both(drawn)[::-1]), cells)
    return {"a": float(a), "b": float(b), "difference": figure(float(b - a), spread, n)}


def _mcnemar(only_a: np.ndarray, only_b: np.ndarray) -> Figures:
    losses, wins = int(only_a.sum()), int(only_b.sum())
    return {"only_a": losses, "only_b": wins, "p": significance.mcnemar(losses, wins), "exact": losses + wins < significance.FEW_PAIRS}


def _part(by: str, value: str, mask: np.ndarray, only_a: np.ndarray, only_b: np.ndarray) -> Figures:
    """B against A on one class or group: wins and losses of B, difference of the share that is right."""
    n, test = int(mask.sum()), _mcnemar(only_a[mask], only_b[mask])
    counts = np.array([test["only_a"], test["only_b"], n - test["only_a"] - test["only_b"]])
    spread = intervals.bootstrap_counts(lambda drawn: (drawn[..., 1] - drawn[..., 0]) / n, counts)
    difference = figure((test["only_b"] - test["only_a"]) / n, spread, n)
    return {"by": by, "value": value, "n": n, "wins": test["only_b"], "losses": test["only_a"], "difference": difference, "p": test["p"]}


def _adjust(parts: list[Figures], *, low_is_good: bool = False) -> None:
    """Adds Holm's p over all parts and who is better by it."""
    adjusted = significance.holm(np.array([np.nan if part["p"] is None else part["p"] for part in parts]))
    for part, p in zip(parts, adjusted, strict=True):
        part["p_adjusted"] = None if np.isnan(p) else float(p)
        more = (part["difference"]["value"] < 0) if low_is_good else (part["difference"]["value"] > 0)
        part["better"] = None if not p < ALPHA else "b" if more else "a"


def _of_ages(pair: Matched, groups: dict[str, views.Coded], limit: int) -> Figures | None:
    seen_a, seen_b = views.ages(pair.a), views.ages(pair.b)
    if seen_a is None or seen_b is None:
        return None
    rows, in_a, in_b = _common(seen_a.rows, seen_b.rows)
    true, other, a, b = seen_a.true[in_a], seen_b.true[in_b], seen_a.pred[in_a], seen_b.pred[in_b]
    same = true == other
    rows, true, a, b = rows[same], true[same], a[same], b[same]
    if len(rows) == 0:
        return None
    error_a, error_b = np.abs(a - true), np.abs(b - true)
    gain = error_b - error_a
    parts = [_age_part(name, value, gain[mask]) for name, value, mask in each_group(groups, rows)]
    _adjust(parts, low_is_good=True)
    far = np.argsort(-np.abs(a - b), kind="stable")[:limit]
    far = far[a[far] != b[far]]
    ids = pair.a["sample_id"].take(rows[far]).to_pylist()
    whole = _age_part("", "", gain)
    return {
        "n": len(rows), "truth_differs": int((~same).sum()),
        "mae": {"a": float(error_a.mean()), "b": float(error_b.mean()), "difference": whole["difference"]}, "paired_t": {"p": whole["p"]},
        "parts": parts,
        "disagreements": {"n": int((a != b).sum()), "rows": [
            {"sample_id": name, "true": float(true[i]), "a": float(a[i]), "b": float(b[i])} for name, i in zip(ids, far, strict=True)
        ]},
    }  # fmt: skip


def _age_part(by: str, value: str, gain: np.ndarray) -> Figures:
    """gain: float (n,) absolute error of B minus that of A, years. A win is a smaller error."""
    p = significance.paired_t(gain)
    difference = figure(float(gain.mean()), intervals.bootstrap_mean(gain), len(gain))
    wins, losses = int((gain < 0).sum()), int((gain > 0).sum())
    return {
        "by": by, "value": value, "n": len(gain), "wins": wins, "losses": losses, "difference": difference, "p": None if np.isnan(p) else p,
    }  # fmt: skip
