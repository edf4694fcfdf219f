"""Gaps between groups, and the search for slices, on the loss of each sample: float (N,), 1 for a
wrong class or years of error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import stdtr

from evaluation.analysis.summary import MANY_VALUES
from evaluation.predictions.arrays import Coded, coded
from evaluation.statistics.bootstrap import apart, spread
from evaluation.statistics.estimate import Estimate, Figures, Sample
from evaluation.statistics.intervals import students
from evaluation.statistics.significance import benjamini_hochberg


def one_sided(difference: float, error: float, freedom: float) -> float:
    """p that a difference with this standard error is not above 0 (Student's t); 0 or 1 without
    error; NaN without freedom.
    """
    if error == 0:
        return 0.0 if difference > 0 else 1.0
    return float(stdtr(freedom, -difference / error)) if freedom > 0 else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Conditions of one or two columns, all (cells,): samples in each, mean of their losses, that
    mean minus the mean of all other samples, the difference's standard error and degrees of
    freedom.
    """

    n: np.ndarray
    mean: np.ndarray
    difference: np.ndarray
    error: np.ndarray
    freedom: np.ndarray


def alone(
    n: np.ndarray,
    sums: np.ndarray,
    moved: np.ndarray,
    squares: np.ndarray,
    whole: tuple[float, float, float, float],
) -> Cells:
    """Cells of samples that are drawn alone, by Welch's test.

    n, sums: samples and summed losses of each cell; moved, squares: sums of (loss - m) and of its
    square, m near the mean of all losses. whole: the same four of all samples.
    """
    total, losses, all_moved, all_squares = whole
    rest = total - n
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, other = sums / n, (losses - sums) / rest
        parts = np.stack(
            [
                np.maximum(squares - moved**2 / n, 0) / (n - 1) / n,
                np.maximum((all_squares - squares) - (all_moved - moved) ** 2 / rest, 0)
                / (rest - 1)
                / rest,
            ]
        )  # (2, cells)
        parts[parts < 1e-25] = 0
        freedom = parts.sum(axis=0) ** 2 / (parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (rest - 1))
        return Cells(n, mean, mean - other, np.sqrt(parts.sum(axis=0)), freedom)


def together(
    own_n: np.ndarray, own: np.ndarray, all_n: np.ndarray, everything: np.ndarray
) -> Cells:
    """Cells of samples that come in units, such as persons: what each unit adds to the difference,
    linearised; the variance of a sum of independent units (Liang and Zeger, 1986).

    own_n, own: (units, cells) samples and summed losses; all_n, everything: (units, 1) those of all
    samples of the unit.
    """
    n, sums, g = own_n.sum(axis=0), own.sum(axis=0), len(own)
    rest = all_n.sum() - n
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, other = sums / n, (everything.sum() - sums) / rest
        pull = (own - mean * own_n) / n - (everything - own - other * (all_n - own_n)) / rest
        error = np.sqrt((pull**2).sum(axis=0) * g / (g - 1))
        freedom = np.minimum((own_n > 0).sum(axis=0), (all_n > own_n).sum(axis=0)) - 1.0
        return Cells(n, mean, mean - other, error, freedom)


def _cells(losses: np.ndarray, code: np.ndarray, k: int, sample: Sample) -> Cells:
    """Every code 0.. below k of int (N,) `code` (negative: none) against all other samples: Welch's
    test, or one over clusters.
    """
    if sample.clustered:
        all_n, everything = sample.draws.totals(np.ones(len(losses)), losses).T[:, :, None]
        return together(
            sample.draws.counts(code, k), sample.draws.counts(code, k, losses), all_n, everything
        )
    there, middle = (
        code + 1,
        losses - losses.sum() / len(losses),
    )  # deviations are small against nothing, so squares do not cancel
    n, sums, moved, squares = (
        np.bincount(there, w, k + 1)[1:] for w in (None, losses, middle, middle**2)
    )
    return alone(
        n,
        sums,
        moved,
        squares,
        (len(losses), float(losses.sum()), float(middle.sum()), float(middle @ middle)),
    )


def search(
    losses: np.ndarray,
    groups: Mapping[str, np.ndarray | Coded],
    *,
    support: int,
    fdr: float,
    cluster: np.ndarray | None = None,
) -> Figures:
    """{looked_at, slices}: slices of one or two conditions, worst first, each {conditions, n, loss,
    worse_by, p, p_adjusted}.

    worse_by: mean loss of the slice minus that of all other samples, with its 95 % interval (Welch;
    over clusters, as p is, where int (N,) `cluster` is given). All slices with `support` samples
    inside and outside are tested and corrected together.
    """
    columns = {name: _coded(group) for name, group in groups.items()}
    sample = Sample(len(losses), cluster)

    def cells(names: tuple[str, ...]) -> Cells:
        code, k = columns[names[0]].codes, len(columns[names[0]].values)
        for name in names[1:]:
            other, width = columns[name].codes, len(columns[name].values)
            code, k = np.where((code < 0) | (other < 0), -1, code * width + other), k * width
        return _cells(losses, code, k, sample)

    return find(
        {name: group.values for name, group in columns.items()},
        cells,
        len(losses),
        support=support,
        fdr=fdr,
    )


def find(
    values: Mapping[str, Sequence[str]],
    cells: Callable[[tuple[str, ...]], Cells],
    total: int,
    *,
    support: int,
    fdr: float,
) -> Figures:
    """As `search`, from `cells` of one column or two (row by row: the second's values run fastest).
    values: those of each column; total: samples.
    """
    values = {name: v for name, v in values.items() if 0 < len(v) <= MANY_VALUES}
    ones = {name: cells((name,)) for name in values}
    made = [
        (found, [{name: v} for v in values[name]], found.n, np.ones(len(found.n), bool))
        for name, found in ones.items()
    ]
    for a, b in combinations(values, 2):
        names = [{a: v, b: w} for v in values[a] for w in values[b]]
        found = cells((a, b))
        i, j = np.divmod(np.arange(len(names)), len(values[b]))
        halves = ((ones[a].n[i], ones[a].mean[i]), (ones[b].n[j], ones[b].mean[j]))
        enough = np.logical_and.reduce([(n >= support) & (n <= total - support) for n, _ in halves])
        same = np.logical_or.reduce(
            [n == found.n for n, _ in halves]
        )  # one condition alone says the same
        with np.errstate(invalid="ignore"):
            beyond = np.logical_and.reduce([found.mean > mean for _, mean in halves])
        made.append((found, names, np.where(enough & ~same, found.n, 0), beyond))
    tested: list[tuple[bool, Figures]] = []
    for found, names, counted, beyond in made:
        reach = students(found.freedom) * found.error  # of the same t as p
        for at in np.flatnonzero((counted >= support) & (counted <= total - support)):
            difference, half, n = float(found.difference[at]), float(reach[at]), int(found.n[at])
            p = one_sided(difference, float(found.error[at]), float(found.freedom[at]))
            one = {"conditions": names[at], "n": n, "loss": float(found.mean[at]), "p": p}
            tested.append(
                (
                    bool(beyond[at]),
                    one
                    | {
                        "worse_by": Estimate.of(
                            difference, apart(difference - half, difference + half), n
                        )
                    },
                )
            )
    kept = []
    for (beyond_halves, one), p in zip(
        tested, benjamini_hochberg(np.array([t["p"] for _, t in tested])), strict=True
    ):
        if p < fdr and beyond_halves:
            kept.append(one | {"p_adjusted": float(p)})
    return {"looked_at": len(tested), "slices": sorted(kept, key=lambda t: -t["worse_by"].value)}


def _coded(group: np.ndarray | Coded) -> Coded:
    return coded(group) if isinstance(group, np.ndarray) else group


def fairness(
    task: str,
    losses: np.ndarray,
    groups: Mapping[str, np.ndarray | Coded],
    *,
    support: int,
    cluster: np.ndarray | None = None,
) -> list[Figures]:
    """Per group column with two values of `support` samples: {group, best, worst, gap, ratio,
    values}, of the accuracy or, for ages, of the error.

    gap: between the best and the worst value; ratio: the worse divided by the better, for accuracy
    the smaller over the larger (1: equal). Intervals are those of the two named values. They were
    chosen as the extremes, so of many equal groups more than one time in forty the interval leaves
    out 0: `values` is the fairer question. values: per value {value, figure, gap, ratio} against
    all other samples of known value. Whole clusters are drawn where int (N,) `cluster` is given.
    """
    outcome = losses if task == "age" else 1 - losses
    sample = Sample(len(losses), cluster)
    made = []
    for name, group in ((name, _coded(group)) for name, group in groups.items()):
        k = len(group.values)
        if k > MANY_VALUES:
            continue
        counts, sums = (np.bincount(group.codes + 1, w, k + 1)[1:] for w in (None, outcome))
        if (counts >= support).sum() > 1:
            totals = [
                sample.draws.counts(group.codes, k, outcome),
                sample.draws.counts(group.codes, k),
            ]
            drawn = sample.draws.draw(np.concatenate(totals, axis=1))
            made.append(
                {
                    "group": name,
                    **gaps(task, group.values, counts, sums, drawn[:, :k], drawn[:, k:], support),
                }
            )
    return made


def gaps(
    task: str,
    values: Sequence[str],
    counts: np.ndarray,
    sums: np.ndarray,
    above: np.ndarray,
    below: np.ndarray,
    support: int,
) -> Figures:
    """{best, worst, gap, ratio, values} as `fairness` has them, of k values of which two have
    `support` samples.

    counts, sums: (k,) samples and their summed outcome; above, below: (rounds, k) sums and samples,
    drawn again.
    """
    rows = np.flatnonzero(counts >= support)
    n, means = int(counts[rows].sum()), sums[rows] / counts[rows]
    above, below = above[:, rows], below[:, rows]
    order = np.argsort(means if task == "age" else -means, kind="stable")
    with np.errstate(divide="ignore", invalid="ignore"):
        each = above / below
        best, worst = each[:, order[0]], each[:, order[-1]]
        gap, ratio = (worst - best if task == "age" else best - worst), worst / best
        whole = means.max() / means.min() if task == "age" else means.min() / means.max()
        rest = (above.sum(axis=1, keepdims=True) - above) / (
            below.sum(axis=1, keepdims=True) - below
        )
        others = (means @ counts[rows] - means * counts[rows]) / (n - counts[rows])
        against = [
            {
                "value": values[int(c)],
                "figure": Estimate.of(means[i], spread(each[:, i]), counts[c]),
                "gap": Estimate.of(means[i] - others[i], spread(each[:, i] - rest[:, i]), n),
                "ratio": Estimate.of(means[i] / others[i], _finite(each[:, i] / rest[:, i]), n),
            }
            for i, c in enumerate(rows)
        ]
    chosen = (("best", order[0]), ("worst", order[-1]))
    ends = {
        end: {"value": values[rows[at]], "figure": float(means[at]), "n": int(counts[rows[at]])}
        for end, at in chosen
    }
    return {
        **ends,
        "gap": Estimate.of(float(np.ptp(means)), spread(gap), n),
        "ratio": Estimate.of(whole, _finite(ratio), n),
        "values": against,
    }


def _finite(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of finite values that differ, NaN where some are not finite or all are alike."""
    return spread(values) if np.isfinite(values).all() else (float("nan"), float("nan"))
