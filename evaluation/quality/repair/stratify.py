"""New splits of samples in clusters, by iterative stratification; arrays only.

Sechidis et al., On the Stratification of Multi-label Data, ECML 2011, over clusters instead of
samples: the largest first, each to the split that then lies nearest to its shares of everything:
samples, each class of each column, and each combination of classes. Clusters of one sample are
dealt out last, combination by combination, and even out what the others have left uneven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import DataError

TOLERANCE = 0.01
"""How far a split's share of the samples may be from its target."""
MAX_SECONDS = 20.0
"""Time after which the search for splits that meet the totals stops."""


@dataclass(frozen=True, slots=True, eq=False)
class _Goal:
    """What the splits should hold.

    Attributes:
        sizes: samples of each cluster (C,).
        shares: of each split (S,), sum 1.
        n_samples: of all clusters.
        allowed: samples by which a split may differ from its share of all `n_samples`.
        tolerance: what messages say of `allowed`, as a share of all samples.
    """

    sizes: np.ndarray
    shares: np.ndarray
    n_samples: int
    allowed: float
    tolerance: float

    @property
    def totals(self) -> np.ndarray:
        """Samples that each split should hold (S,)."""
        return np.asarray(self.shares * self.n_samples)

    def count(self, split: np.ndarray) -> np.ndarray:
        """Return the samples that each split holds (S,), by the split of each cluster (C,)."""
        return np.bincount(split, weights=self.sizes, minlength=len(self.shares))

    def is_met(self, counts: np.ndarray) -> bool:
        """Return whether every split holds its share."""
        return bool((np.abs(counts - self.totals) <= self.allowed).all())


def assign_splits(
    columns: Sequence[np.ndarray],
    cluster: np.ndarray,
    shares: Sequence[float],
    *,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> np.ndarray:
    """Return the new split int64 (N,) of each sample, an index into `shares`.

    The same input and seed give the same result.

    Args:
        columns: what is to be spread evenly: codes (N,) each, -1 unknown.
        cluster: int (N,); members of one cluster stay together.
        shares: of the samples, by split; they sum to 1.
        seed: of the order of clusters of one size, and of the attempts.
        tolerance: how far a split's share may be from its target.

    Raises:
        DataError: the shares cannot be had: a cluster is too large, or there are too few of them.
    """
    n_samples = len(cluster)
    _, cluster, sizes = np.unique(cluster, return_inverse=True, return_counts=True)
    allowed = max(tolerance * n_samples, 0.5 + 1e-9)  # not even one sample can be divided
    goal = _Goal(sizes, np.asarray(shares, float), n_samples, allowed, tolerance)
    _require_feasible(goal)
    rng = np.random.default_rng(seed)
    split = _stratify(_traits(columns, n_samples), cluster, goal, rng)
    if not goal.is_met(goal.count(split)):
        _meet_totals(split, goal, rng)
    counts = goal.count(split)
    if not goal.is_met(counts):
        raise _impossible(goal, counts)
    return np.asarray(split[cluster])


def _traits(columns: Sequence[np.ndarray], n_samples: int) -> np.ndarray:
    """Return the numbers int64 (N, F) of each sample's traits.

    They are: being a sample (0), its code in each column, and its combination of all codes.
    """
    parts, start = [np.zeros(n_samples, np.int64)], 1
    traits = list(columns)
    if len(columns) > 1:
        traits.append(np.unique(np.stack(columns), axis=1, return_inverse=True)[1].ravel())
    for values in traits:
        number = np.unique(values, return_inverse=True)[1].ravel() + start
        parts.append(number)
        start = int(number.max(initial=start - 1)) + 1
    return np.stack(parts, axis=1)


def _stratify(
    traits: np.ndarray, cluster: np.ndarray, goal: _Goal, rng: np.random.Generator
) -> np.ndarray:
    """Return the split of each cluster (C,), even in all traits (N, F)."""
    n_traits = int(traits.max(initial=-1)) + 1
    target = np.outer(goal.shares, np.bincount(traits.ravel(), minlength=n_traits))  # (S, F)
    counts = np.zeros_like(target)
    weight = 1 / (target + 1)
    # Trait 0 is that of every sample: totals count as much as all else together.
    weight[:, 0] *= traits.shape[1]
    split = np.full(len(goal.sizes), -1)
    order = np.argsort(cluster, kind="stable")
    bounds = np.searchsorted(cluster[order], np.arange(len(goal.sizes) + 1))
    shuffled = rng.permutation(len(goal.sizes))
    shuffled = shuffled[np.argsort(-goal.sizes[shuffled], kind="stable")]
    for c in shuffled[goal.sizes[shuffled] > 1].tolist():
        members = order[bounds[c] : bounds[c + 1]]
        kinds, times = np.unique(traits[members].ravel(), return_counts=True)
        s = _cheapest(counts, target, weight, kinds, times)
        counts[s, kinds] += times
        split[c] = s
    singles = shuffled[goal.sizes[shuffled] == 1]
    split[singles] = _deal_singles(traits[order[bounds[singles]]], target, counts, weight)
    return split


def _cheapest(
    counts: np.ndarray, target: np.ndarray, weight: np.ndarray, kinds: np.ndarray, times: np.ndarray
) -> int:
    """Return the split whose squared distance from its target grows least.

    It grows as `times` samples of the traits `kinds` join the split.
    """
    gap = counts[:, kinds] - target[:, kinds]  # (S, F)
    return int(((2 * gap + times) * times * weight[:, kinds]).sum(axis=1).argmin())


def _deal_singles(
    traits: np.ndarray, target: np.ndarray, counts: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Return the splits (M,) of clusters of one sample; `counts` grows.

    What each split surely lacks of a combination is dealt at once, the rest one by one.
    """
    split = np.full(len(traits), -1)
    combination = traits[:, -1]
    order = np.argsort(combination, kind="stable")
    edges = np.flatnonzero(np.diff(combination[order])) + 1
    rest: list[int] = []
    for members in np.split(order, edges) if len(order) else []:
        trait = combination[members[0]]
        lack = np.maximum(target[:, trait] - counts[:, trait], 0)
        portion = lack * min(1.0, len(members) / max(lack.sum(), 1e-9))
        portion = np.floor(portion + 1e-9).astype(np.int64)
        ends = np.cumsum(portion)
        for s, (start, stop) in enumerate(zip(ends - portion, ends, strict=True)):
            split[members[start:stop]] = s
            np.add.at(counts[s], traits[members[start:stop]].ravel(), 1)
        rest += members[ends[-1] :].tolist()
    once = np.ones(traits.shape[1], np.int64)
    for i in rest:
        s = _cheapest(counts, target, weight, traits[i], once)
        counts[s, traits[i]] += 1
        split[i] = s
    return split


def _meet_totals(split: np.ndarray, goal: _Goal, rng: np.random.Generator) -> None:
    """Move clusters between splits, in place, so that the totals are met, or nearly.

    An integer linear program says how many clusters of each size leave and join each split, so
    that as few samples as possible move. Which clusters of a size move is drawn.
    """
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    sizes, kind = np.unique(goal.sizes, return_inverse=True)
    n_kinds, n_splits = len(sizes), len(goal.shares)
    present = np.zeros((n_kinds, n_splits))
    np.add.at(present, (kind, split), 1)
    gap = goal.totals - goal.count(split)  # (S,)
    # Unknown are the clusters that join and leave, (U, S) each, and by how much a total is missed.
    clusters = sparse.kron(sparse.eye(n_kinds), np.ones((1, n_splits)))
    samples = sparse.kron(sizes[None, :], sparse.eye(n_splits))
    missed = np.ones((n_splits, 1))
    constraints = LinearConstraint(
        sparse.bmat(
            [[clusters, -clusters, None], [samples, -samples, -missed], [samples, -samples, missed]]
        ),
        np.concatenate([np.zeros(n_kinds), np.full(n_splits, -np.inf), gap - goal.allowed]),
        np.concatenate([np.zeros(n_kinds), gap + goal.allowed, np.full(n_splits, np.inf)]),
    )
    cost = np.repeat(sizes, n_splits)
    solution = milp(
        np.concatenate([cost, cost, [1000 * goal.n_samples]]),
        integrality=np.concatenate([np.ones(2 * len(cost)), [0]]),
        bounds=Bounds(0, np.concatenate([np.full(len(cost), np.inf), present.ravel(), [np.inf]])),
        constraints=constraints,
        options={"mip_rel_gap": 0.1, "time_limit": MAX_SECONDS},
    )
    if solution.x is None:
        return
    joining, leaving = np.rint(solution.x[:-1]).astype(int).reshape(2, n_kinds, n_splits)
    for u in np.flatnonzero(joining.any(axis=1)).tolist():
        moved = [
            rng.permutation(np.flatnonzero((kind == u) & (split == s)))[: leaving[u, s]]
            for s in range(n_splits)
        ]
        split[np.concatenate(moved)] = np.repeat(np.arange(n_splits), joining[u])


def _require_feasible(goal: _Goal) -> None:
    if goal.n_samples == 0:
        raise DataError("Expected samples to divide, got none.")
    largest_split = goal.totals.max() + goal.allowed
    if len(goal.sizes) < len(goal.shares) or goal.sizes.max() > largest_split:
        raise _impossible(goal)


def _impossible(goal: _Goal, nearest: np.ndarray | None = None) -> DataError:
    """Return the error for shares that cannot be had; nearest: the best counts found (S,)."""
    n, largest = goal.n_samples, goal.sizes.max()
    target = "/".join(f"{100 * s:g}" for s in goal.shares)
    best = "" if nearest is None else "/".join(f"{100 * c / n:.1f}" for c in nearest)
    return DataError(
        f"Expected splits of {target} within {goal.tolerance:.0%}, got {n} samples in "
        f"{len(goal.sizes)} clusters that must stay whole, the largest of {largest} "
        f"({largest / n:.1%}){f'; the nearest found was {best}' if best else ''}; "
        "try other shares, or look at the largest cluster."
    )
