"""Gaps between groups, and the search for slices, on the loss of each sample: float (N,), 1 for a wrong class or years of error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import ndtri, stdtr

from evaluation.figures import MANY_VALUES
from evaluation.metrics.resampling import percentiles
from evaluation.metrics.significance import benjamini_hochberg
from evaluation.values import Figures, Sample, figure
from evaluation.views import Coded, coded


def welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """(difference of the means a - b, its standard error, one-sided p that a's mean is not above b's); Welch, Biometrika 1947.

    p is NaN below two samples on a side; where neither side varies, 0 or 1.
    """
    difference = float(a.mean() - b.mean()) if len(a) and len(b) else float("nan")
    if min(len(a), len(b)) < 2:
        return difference, float("nan"), float("nan")
    parts = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    error = float(parts.sum()) ** 0.5
    freedom = parts.sum() ** 2 / (parts**2 / (np.array([len(a), len(b)]) - 1)).sum() if error else float("nan")
    return difference, error, one_sided(difference, error, freedom)


def one_sided(difference: float, error: float, freedom: float) -> float:
    """p that a difference with this standard error is not above 0 (Student's t); 0 or 1 without error; NaN without freedom."""
    if error == 0:
        return 0.0 if difference > 0 else 1.0
    return float(stdtr(freedom, -difference / error)) if freedom > 0 else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Conditions of one or two columns, all (cells,): samples in each, and mean and squared deviation of their losses."""

    conditions: list[dict[str, str]]
    n: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    """Standard error of the mean of the cell minus that of all other samples."""
    freedom: np.ndarray
    difference: np.ndarray


def _cells(losses: np.ndarray, code: np.ndarray, conditions: list[dict[str, str]], sample: Sample) -> _Cells:
    """Every code 0.. of int (N,) `code` (negative: none) against all other samples: Welch's test, or one over clusters."""
    k, total, whole = len(conditions), len(losses), float(losses.sum())
    there = code + 1
    n, sums = (np.bincount(there, w, k + 1)[1:] for w in (None, losses))
    rest = total - n
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, other = sums / n, (whole - sums) / rest
        if sample.clustered:
            # What each unit adds to mean - other, linearised; the variance of a sum of independent units (Liang and Zeger, 1986).
            own_n, own = sample.draws.counts(code, k), sample.draws.counts(code, k, losses)
            all_n, everything = sample.draws.totals(np.ones(total), losses).T[:, :, None]
            pull = (own - mean * own_n) / n - (everything - own - other * (all_n - own_n)) / rest
            g = sample.draws.units
            error = np.sqrt((pull**2).sum(axis=0) * g / (g - 1))
            freedom = np.minimum((own_n > 0).sum(axis=0), (all_n > own_n).sum(axis=0)) - 1.0
        else:
            middle = losses - whole / total  # deviations are small against nothing, so squares do not cancel
            squares, moved = (np.bincount(there, w, k + 1)[1:] for w in (middle**2, middle))
            parts = np.stack([
                np.maximum(squares - moved**2 / n, 0) / (n - 1) / n,
                np.maximum((middle @ middle - squares) - (middle.sum() - moved) ** 2 / rest, 0) / (rest - 1) / rest,
            ])  # (2, cells)  # fmt: skip
            parts[parts < 1e-25] = 0
            error = np.sqrt(parts.sum(axis=0))
            freedom = parts.sum(axis=0) ** 2 / (parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (rest - 1))
    return _Cells(conditions, n, mean, error, freedom, mean - other)


def search(
    losses: np.ndarray, groups: Mapping[str, np.ndarray | Coded], *, support: int, fdr: float, cluster: np.ndarray | None = None
) -> Figures:
    """{looked_at, slices}: slices of one or two conditions, worst first, each {conditions, n, loss, worse_by, p, p_adjusted}.

    worse_by: mean loss of the slice minus that of all other samples, with its 95 % interval (Welch; over clusters, as p is, where int (N,)
    `cluster` is given). All slices with `support` samples inside and outside are tested and corrected together.
    """
    columns = {name: _coded(group) for name, group in groups.items()}
    columns = {name: group for name, group in columns.items() if len(group.values) <= MANY_VALUES}
    sample = Sample(len(losses), cluster)
    ones = {
        name: _cells(losses, group.codes, [{name: v} for v in group.values], sample) for name, group in columns.items() if group.values
    }
    made = [(cells, np.ones(len(cells.n), bool)) for cells in ones.values()]
    for (a, first), (b, second) in combinations(((name, columns[name]) for name in ones), 2):
        names = [{a: v, b: w} for v in first.values for w in second.values]
        width = len(second.values)
        code = np.where((first.codes < 0) | (second.codes < 0), -1, first.codes * width + second.codes)
        cells = _cells(losses, code, names, sample)
        i, j = np.divmod(np.arange(len(names)), width)
        halves = ((ones[a].n[i], ones[a].mean[i]), (ones[b].n[j], ones[b].mean[j]))
        enough = np.logical_and.reduce([(n >= support) & (n <= len(losses) - support) for n, _ in halves])
        same = np.logical_or.reduce([n == cells.n for n, _ in halves])  # one condition alone says the same
        with np.errstate(invalid="ignore"):
            beyond = np.logical_and.reduce([cells.mean > mean for _, mean in halves])
        cells.n[~enough | same] = 0
        made.append((cells, beyond))
    tested: list[tuple[bool, Figures]] = []
    for cells, beyond in made:
        for at in np.flatnonzero((cells.n >= support) & (cells.n <= len(losses) - support)):
            difference, error = float(cells.difference[at]), float(cells.error[at])
            half = float(ndtri(0.975)) * error
            p = one_sided(difference, error, float(cells.freedom[at]))
            spread = (difference - half, difference + half)
            found = {"conditions": cells.conditions[at], "n": int(cells.n[at]), "loss": float(cells.mean[at]), "p": p}
            tested.append((bool(beyond[at]), found | {"worse_by": figure(difference, spread, int(cells.n[at]))}))
    kept = []
    for (beyond_halves, found), p in zip(tested, benjamini_hochberg(np.array([t["p"] for _, t in tested])), strict=True):
        if p < fdr and beyond_halves:
            kept.append(found | {"p_adjusted": float(p)})
    return {"looked_at": len(tested), "slices": sorted(kept, key=lambda t: -t["worse_by"]["value"])}


def _coded(group: np.ndarray | Coded) -> Coded:
    return coded(group) if isinstance(group, np.ndarray) else group


def fairness(
    task: str, losses: np.ndarray, groups: Mapping[str, np.ndarray | Coded], *, support: int, cluster: np.ndarray | None = None
) -> list[Figures]:
    """Per group column with two values of `support` samples: {group, best, worst, gap, ratio, values}, of the accuracy or, for ages, of the
    error.

    gap: between the best and the worst value; ratio: the worse divided by the better, for accuracy the smaller over the larger (1: equal).
    Best and worst are found anew in every round: even equal groups then show some gap, so that an interval that starts near 0 means no
    evidence. values: per value {value, figure, gap, ratio} against all other samples of known value. Whole clusters are drawn where int
    (N,) `cluster` is given.
    """
    outcome = losses if task == "age" else 1 - losses
    sample = Sample(len(losses), cluster)
    made = []
    for name, group in ((name, _coded(group)) for name, group in groups.items()):
        k = len(group.values)
        counts = np.bincount(group.codes + 1, minlength=k + 1)[1:]
        rows = np.flatnonzero(counts >= support)
        if len(rows) < 2 or k > MANY_VALUES:
            continue
        means = np.bincount(group.codes + 1, outcome, k + 1)[1:][rows] / counts[rows]
        totals = [sample.draws.counts(group.codes, k, outcome), sample.draws.counts(group.codes, k)]
        drawn = sample.draws.draw(np.concatenate(totals, axis=1))
        above, below = drawn[:, :k][:, rows], drawn[:, k:][:, rows]  # (rounds, values) each
        n = int(counts[rows].sum())
        order = np.argsort(means if task == "age" else -means, kind="stable")
        with np.errstate(divide="ignore", invalid="ignore"):
            each = above / below
            low, high = np.nanmin(each, axis=1), np.nanmax(each, axis=1)
            ratio = high / low if task == "age" else low / high
            whole = means.max() / means.min() if task == "age" else means.min() / means.max()
            rest = (above.sum(axis=1, keepdims=True) - above) / (below.sum(axis=1, keepdims=True) - below)
            others = (means @ counts[rows] - means * counts[rows]) / (n - counts[rows])
            against = [
                {
                    "value": group.values[c], "figure": figure(means[i], percentiles(each[:, i]), counts[c]),
                    "gap": figure(means[i] - others[i], percentiles(each[:, i] - rest[:, i]), n),
                    "ratio": figure(means[i] / others[i], _finite(each[:, i] / rest[:, i]), n),
                }
                for i, c in enumerate(rows)
            ]  # fmt: skip
        chosen = (("best", order[0]), ("worst", order[-1]))
        ends = {end: {"value": group.values[rows[at]], "figure": float(means[at]), "n": int(counts[rows[at]])} for end, at in chosen}
        gap = figure(float(np.ptp(means)), percentiles(high - low), n)
        made.append({"group": name, **ends, "gap": gap, "ratio": figure(whole, _finite(ratio), n), "values": against})
    return made


def _finite(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of finite values, NaN where some are not."""
    return percentiles(values) if np.isfinite(values).all() else (float("nan"), float("nan"))
