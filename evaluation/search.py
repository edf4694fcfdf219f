"""Gaps between groups, and the search for slices, on the loss of each sample: float (N,), 1 for a wrong class or years of error."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from scipy.special import ndtri, stdtr

from evaluation.figures import Figures, figure
from evaluation.metrics.intervals import ROUNDS
from evaluation.metrics.significance import benjamini_hochberg

Groups = dict[str, np.ndarray]


def welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """(difference of the means a - b, its standard error, one-sided p that a's mean is not above b's); Welch, Biometrika 1947.

    p is NaN below two samples on a side; where neither side varies, 0 or 1.
    """
    difference = float(a.mean() - b.mean()) if len(a) and len(b) else float("nan")
    if min(len(a), len(b)) < 2:
        return difference, float("nan"), float("nan")
    parts = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    error = float(parts.sum()) ** 0.5
    if error == 0:
        return difference, 0.0, 0.0 if difference > 0 else 1.0
    freedom = parts.sum() ** 2 / (parts**2 / (np.array([len(a), len(b)]) - 1)).sum()
    return difference, error, float(stdtr(freedom, -difference / error))


def _conditions(groups: Groups) -> Iterator[tuple[tuple[str, str], np.ndarray]]:
    for name, values in groups.items():
        for value in sorted(set(values.tolist()) - {""}):
            yield (name, value), values == value


def search(losses: np.ndarray, groups: Groups, *, support: int, fdr: float) -> Figures:
    """{looked_at, slices}: slices of one or two conditions, worst first, each {conditions, n, loss, worse_by, p, p_adjusted}.

    worse_by: mean loss of the slice minus that of all other samples, with its 95 % interval (Welch). All slices with `support` samples
    inside and outside are tested and corrected together.
    """
    single = [(c, m) for c, m in _conditions(groups) if support <= m.sum() <= len(m) - support]
    loss_of = {c: float(losses[m].mean()) for c, m in single}
    tested: list[Figures] = []
    for parts in [(s,) for s in single] + [pair for pair in combinations(single, 2) if pair[0][0][0] != pair[1][0][0]]:
        mask = np.logical_and.reduce([m for _, m in parts])
        n = int(mask.sum())
        if not support <= n <= len(mask) - support or any(n == m.sum() for _, m in parts if len(parts) > 1):
            continue  # too few, or one condition alone says the same
        difference, error, p = welch(losses[mask], losses[~mask])
        half = float(ndtri(0.975)) * error
        own = float(losses[mask].mean())
        tested.append({
            "conditions": dict(c for c, _ in parts), "n": n, "loss": own, "p": p,
            "worse_by": figure(difference, (difference - half, difference + half), n),
            "beyond": all(own > loss_of[c] for c, _ in parts) if len(parts) > 1 else True,
        })  # fmt: skip
    for found, p in zip(tested, benjamini_hochberg(np.array([t["p"] for t in tested])), strict=True):
        found["p_adjusted"] = float(p)
    kept = [{k: v for k, v in t.items() if k != "beyond"} for t in tested if t["p_adjusted"] < fdr and t["beyond"]]
    return {"looked_at": len(tested), "slices": sorted(kept, key=lambda t: -t["worse_by"]["value"])}


def fairness(task: str, losses: np.ndarray, groups: Groups, *, support: int) -> list[Figures]:
    """Per group column with two values of `support` samples: {group, best, worst, gap, ratio}, of the accuracy or, for ages, of the error.

    gap: between the best and the worst value; ratio: the worse divided by the better, for accuracy the smaller over the larger (1: equal).
    Intervals are bootstrapped within each value, and best and worst are found anew in every round: even equal groups then show some gap,
    so that an interval that starts near 0 means no evidence.
    """
    made = []
    for name in groups:
        rows = [(value, losses[mask]) for (_, value), mask in _conditions({name: groups[name]}) if mask.sum() >= support]
        if len(rows) < 2:
            continue
        rng = np.random.default_rng(0)
        drawn = np.stack([_means(part, rng) for _, part in rows])  # (values, rounds)
        means = np.array([part.mean() for _, part in rows])
        if task != "age":
            drawn, means = 1 - drawn, 1 - means
        n, order = sum(len(part) for _, part in rows), np.argsort(means if task == "age" else -means, kind="stable")
        low, high = drawn.min(axis=0), drawn.max(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = high / low if task == "age" else low / high
            whole = means.max() / means.min() if task == "age" else means.min() / means.max()
        chosen = (("best", order[0]), ("worst", order[-1]))
        ends = {end: {"value": rows[at][0], "figure": float(means[at]), "n": len(rows[at][1])} for end, at in chosen}
        gap = figure(float(np.ptp(means)), _percentiles(high - low), n)
        made.append({"group": name, **ends, "gap": gap, "ratio": figure(_finite(whole), _percentiles(ratio), n)})
    return made


def _means(part: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(ROUNDS,) bootstrapped means: exact for losses of 0 and 1, by the normal approximation for many others."""
    n = len(part)
    if not ((part != 0) & (part != 1)).any():
        return rng.binomial(n, part.mean(), ROUNDS) / n
    if n > 2000:
        return rng.normal(part.mean(), part.std() / n**0.5, ROUNDS)
    return part[rng.integers(0, n, (ROUNDS, n))].mean(axis=1)


def _finite(value: float) -> float:
    return float(value) if np.isfinite(value) else float("nan")


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of finite values, NaN where some are not."""
    if not np.isfinite(values).all():
        return float("nan"), float("nan")
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
