"""Two models on the same samples as plain values: differences (B minus A) with paired 95 %
intervals, tests, wins and disagreements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from evaluation.analysis.summary import MANY_VALUES
from evaluation.metrics import classification
from evaluation.predictions import arrays
from evaluation.statistics import significance
from evaluation.statistics.bootstrap import spread
from evaluation.statistics.estimate import Estimate, Figures, Sample

ALPHA = 0.05
By = tuple[np.ndarray | None, str | None]
"""Clusters of the matched rows and what they are called."""


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The samples of both tables, row by row the same. only_a, only_b: samples that the other table
    lacks.
    """

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
    groups = arrays.coded_groups(pair.b) | arrays.coded_groups(pair.a)
    known = next((t for t in (pair.a, pair.b) if arrays.cluster_name(t)), pair.a)
    by = (arrays.clusters(known), arrays.cluster_name(known))
    result: Figures = {
        "a": a["model"][0].as_py(),
        "b": b["model"][0].as_py(),
        "matched": len(pair.a),
        "only_a": pair.only_a,
        "only_b": pair.only_b,
        "emotion": _of_classes(pair, "emotion", groups, by, limit),
        "gender": _of_classes(
            pair, "gender", {k: v for k, v in groups.items() if k != "gender"}, by, limit
        ),
        "age": _of_ages(pair, groups, by, limit),
    }
    if not any(result[task] for task in ("emotion", "gender", "age")):
        raise DataError(
            "Expected a task with truth and predictions in both tables, got none; look at `python -m evaluation report` of each."
        )
    return result


def _common(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows in both, and their places in either."""
    return np.intersect1d(a, b, assume_unique=True, return_indices=True)


def _of_classes(
    pair: Matched, task: str, groups: dict[str, arrays.Coded], by: By, limit: int
) -> Figures | None:
    seen_a, seen_b = arrays.classes(pair.a, task), arrays.classes(pair.b, task)
    if seen_a is None or seen_b is None:
        return None
    labels = tuple(
        x
        for x in (FERPLUS8 if task == "emotion" else GENDER2).labels
        if x in {*seen_a.labels, *seen_b.labels}
    )
    rows, in_a, in_b = _common(seen_a.rows, seen_b.rows)
    to_a, to_b = (np.array([labels.index(x) for x in s.labels]) for s in (seen_a, seen_b))
    true, other, a, b = (
        to_a[seen_a.true[in_a]],
        to_b[seen_b.true[in_b]],
        to_a[seen_a.pred[in_a]],
        to_b[seen_b.pred[in_b]],
    )
    same = true == other
    rows, true, a, b = rows[same], true[same], a[same], b[same]
    n = len(rows)
    if n == 0:
        return None
    sample = _sample(rows, by)
    only_a, only_b = (a == true) & (b != true), (b == true) & (a != true)
    differ = np.flatnonzero(a != b)
    kinds = (("a", only_a), ("b", only_b), ("neither", (a != true) & (b != true)))
    chosen = [(kind, i) for kind, mask in kinds for i in differ[mask[differ]][:limit]]
    ids = pair.a["sample_id"].take(rows[[i for _, i in chosen]]).to_pylist() if chosen else []
    return {
        "n": n,
        "truth_differs": int((~same).sum()),
        **of_answers(
            labels, true, a, b, {name: group.at(rows) for name, group in groups.items()}, sample
        ),
        "disagreements": {
            "n": len(differ),
            "rows": [
                {
                    "sample_id": name,
                    "true": labels[true[i]],
                    "a": labels[a[i]],
                    "b": labels[b[i]],
                    "right": kind,
                }
                for name, (kind, i) in zip(ids, chosen, strict=True)
            ],
        },
    }


def of_answers(
    labels: tuple[str, ...],
    true: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    groups: dict[str, arrays.Coded],
    sample: Sample,
) -> Figures:
    """{accuracy, macro_f1, method, mcnemar, parts} of both models' answers int (n,) `a` and `b`,
    indices into `labels` as `true`.
    """
    k, n = len(labels), len(true)
    code = (true * k + a) * k + b
    cells, drawn = (
        np.bincount(code, minlength=k**3).reshape(k, k, k),
        sample.counted(code, (k, k, k)),
    )  # (..., true, a, b)
    gain = ((b == true) & (a != true)).astype(float) - ((a == true) & (b != true))
    parts = _parts({"class": arrays.Coded(labels, true)} | groups, gain, sample, _mcnemar)
    _adjust(parts)
    return {
        "accuracy": _difference(cells, drawn, _accuracy, n),
        "macro_f1": _difference(cells, drawn, classification.macro_f1, n),
        "method": _method(sample),
        "mcnemar": _mcnemar(gain, sample.cluster),
        "parts": parts,
    }


def of_errors(
    true: np.ndarray, a: np.ndarray, b: np.ndarray, groups: dict[str, arrays.Coded], sample: Sample
) -> Figures:
    """{mae, method, paired_t, parts} of both models' ages float (n,) `a` and `b`, years."""
    error_a, error_b = np.abs(a - true), np.abs(b - true)
    gain = error_b - error_a
    parts = _parts(groups, gain, sample, _paired_t)
    _adjust(parts, low_is_good=True)
    return {
        "mae": {
            "a": float(error_a.mean()),
            "b": float(error_b.mean()),
            "difference": sample.mean(gain),
        },
        "method": _method(sample),
        "paired_t": {k: _paired_t(gain, sample.cluster)[k] for k in ("p", "test")},
        "parts": parts,
    }


def _accuracy(matrix: np.ndarray) -> np.ndarray:
    """(..., k, k) -> (...)."""
    return np.trace(matrix, axis1=-2, axis2=-1) / matrix.sum(axis=(-2, -1))


def _difference(
    cells: np.ndarray, drawn: np.ndarray, of: Callable[[np.ndarray], np.ndarray], n: int
) -> Figures:
    """`of` both models' confusion matrices and its difference, from counts (true, a, b) and
    resampled ones (rounds, true, a, b).
    """

    def both(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return of(counts.sum(axis=-1)), of(counts.sum(axis=-2))

    a, b = both(cells)
    return {
        "a": float(a),
        "b": float(b),
        "difference": Estimate.of(float(b - a), spread(np.subtract(*both(drawn)[::-1])), n),
    }


def _sample(rows: np.ndarray, by: By) -> Sample:
    return Sample(len(rows), None if by[0] is None else arrays.only(by[0], rows), by[1])


def _method(sample: Sample) -> Figures:
    """How intervals and p-values were made, for whoever reads them."""
    kind = f"paired {sample.method['others']}"
    text = (
        f"{kind} over {sample.method['clusters']} values of `{sample.by}`"
        if sample.clustered
        else kind
    )
    return sample.method | {"shares": kind, "others": kind, "text": text}


def _mcnemar(gain: np.ndarray, cluster: np.ndarray | None = None) -> Figures:
    """Of float (n,) gain: 1 where only B is right, -1 where only A is. McNemar's test takes samples
    for independent, so clusters get a t-test on their sums.
    """
    losses, wins = int((gain < 0).sum()), int((gain > 0).sum())
    exact = losses + wins < significance.FEW_PAIRS
    if cluster is None:
        p, test = (
            significance.mcnemar(losses, wins),
            "McNemar, exact" if exact else "McNemar, chi-squared",
        )
    else:
        p, test, exact = significance.paired_t(gain, cluster), "t-test over clusters", False
    return {
        "only_a": losses,
        "only_b": wins,
        "p": None if np.isnan(p) else p,
        "exact": exact,
        "test": test,
    }


def _paired_t(gain: np.ndarray, cluster: np.ndarray | None = None) -> Figures:
    p = significance.paired_t(gain, cluster)
    test = "paired t-test" if cluster is None else "t-test over clusters"
    return {
        "only_a": int((gain > 0).sum()),
        "only_b": int((gain < 0).sum()),
        "p": None if np.isnan(p) else p,
        "test": test,
    }


def _parts(
    groups: dict[str, arrays.Coded], gain: np.ndarray, sample: Sample, test: Callable[..., Figures]
) -> list[Figures]:
    """B against A on each class and group: wins and losses of B, the mean of float (n,) gain with
    its interval, p.
    """
    made = []
    for name, group in groups.items():
        if len(group.values) > MANY_VALUES:
            continue
        means = sample.means(gain, group.codes, len(group.values))
        for i, (value, mean) in enumerate(zip(group.values, means, strict=True)):
            if not mean.n:
                continue
            here = group.codes == i
            seen = test(gain[here], None if sample.cluster is None else sample.cluster[here])
            wins, losses = seen["only_b"], seen["only_a"]
            made.append(
                {
                    "by": name,
                    "value": value,
                    "n": mean.n,
                    "wins": wins,
                    "losses": losses,
                    "difference": mean,
                    "p": seen["p"],
                }
            )
    return made


def _adjust(parts: list[Figures], *, low_is_good: bool = False) -> None:
    """Adds Holm's p over all parts and who is better by it."""
    adjusted = significance.holm(
        np.array([np.nan if part["p"] is None else part["p"] for part in parts])
    )
    for part, p in zip(parts, adjusted, strict=True):
        part["p_adjusted"] = None if np.isnan(p) else float(p)
        more = (part["difference"].value < 0) if low_is_good else (part["difference"].value > 0)
        part["better"] = None if not p < ALPHA else "b" if more else "a"


def _of_ages(pair: Matched, groups: dict[str, arrays.Coded], by: By, limit: int) -> Figures | None:
    seen_a, seen_b = arrays.ages(pair.a), arrays.ages(pair.b)
    if seen_a is None or seen_b is None:
        return None
    rows, in_a, in_b = _common(seen_a.rows, seen_b.rows)
    true, other, a, b = seen_a.true[in_a], seen_b.true[in_b], seen_a.pred[in_a], seen_b.pred[in_b]
    same = true == other
    rows, true, a, b = rows[same], true[same], a[same], b[same]
    if len(rows) == 0:
        return None
    sample = _sample(rows, by)
    far = np.argsort(-np.abs(a - b), kind="stable")[:limit]
    far = far[a[far] != b[far]]
    ids = pair.a["sample_id"].take(rows[far]).to_pylist()
    return {
        "n": len(rows),
        "truth_differs": int((~same).sum()),
        **of_errors(true, a, b, {name: group.at(rows) for name, group in groups.items()}, sample),
        "disagreements": {
            "n": int((a != b).sum()),
            "rows": [
                {"sample_id": name, "true": float(true[i]), "a": float(a[i]), "b": float(b[i])}
                for name, i in zip(ids, far, strict=True)
            ],
        },
    }
