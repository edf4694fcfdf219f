"""New splits that leak nothing: a cluster of duplicates or a person is in one split, and emotion,
gender and age are in all alike.

Iterative stratification (Sechidis et al., ECML 2011) over clusters instead of samples: the largest
first, each to the split that then lies nearest to its shares of everything: samples, each emotion,
gender and age band, and each combination of the three. Samples that stand alone are dealt out last,
combination by combination, and settle what the clusters have left uneven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.data import Samples
from core.errors import DataError, UserError
from core.labels import AGE_MAX, FERPLUS8, GENDER2, age_decade

TOLERANCE = 0.01
"""How far a split's share of the samples may be from the wanted one."""
RESTARTS, FEW = 200, 1000
"""Attempts to meet the totals where no more than FEW clusters make that hard."""
NAMES = {2: ("train", "val"), 3: ("train", "val", "test")}


@dataclass(frozen=True, slots=True)
class Off:
    """How far a new split is from what was wanted: share of `what` (`samples`, `emotion=LABEL`,
    ...) in `split`, of `n` samples.
    """

    what: str
    split: str
    wanted: float
    got: float
    n: int


def shares(text: str) -> tuple[float, ...]:
    """`80/10/10` (train, val, test) or `90/10` (train, val), in percent or as fractions.

    Raises:
        UserError: other numbers.
    """
    try:
        values = [float(part) for part in text.replace(",", "/").split("/")]
    except ValueError:
        values = []
    total = sum(values)
    if (
        len(values) not in NAMES
        or not all(v > 0 for v in values)
        or not (abs(total - 100) < 0.01 or abs(total - 1) < 1e-4)
    ):
        raise UserError(
            f"Expected two or three positive shares that sum to 100, such as 80/10/10, got {text!r}."
        )
    return tuple(v / total for v in values)


def features(samples: Samples) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
    """What should be spread evenly: name -> (codes (N,), -1 unknown; the names of the codes). What
    nobody has is left out.
    """
    bands = tuple(sorted({age_decade(a) for a in range(AGE_MAX + 1)}))
    band = np.array(
        [-1 if np.isnan(a) else bands.index(age_decade(float(a))) for a in samples.age], np.int64
    )
    found = {
        "emotion": (samples.emotion, FERPLUS8.labels),
        "gender": (samples.gender, GENDER2.labels),
        "age": (band, bands),
    }
    return {name: (codes, labels) for name, (codes, labels) in found.items() if (codes >= 0).any()}


def divide(
    columns: Sequence[np.ndarray],
    cluster: np.ndarray,
    wanted: Sequence[float],
    *,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> np.ndarray:
    """The new split int64 (N,) of each sample, an index into `wanted`.

    columns: what is to be spread evenly, codes (N,) each, -1 unknown. cluster: int (N,), members
    stay together. The same input and seed give the same result.

    Raises:
        DataError: the shares cannot be had: a cluster is too large, or there are too few of them.
    """
    n, share = len(cluster), np.asarray(wanted, float)
    _, cluster, size = np.unique(cluster, return_inverse=True, return_counts=True)
    allowed = max(tolerance * n, 0.5 + 1e-9)  # not even one sample can be parted
    _feasible(size, share, n, allowed, tolerance)
    rng = np.random.default_rng(seed)
    traits = _traits(columns, n)  # (N, F): numbers of traits, each used by some samples
    count = int(traits.max(initial=-1)) + 1
    target = np.outer(share, np.bincount(traits.ravel(), minlength=count))  # (S, F)
    have = np.zeros_like(target)
    split_of_cluster = np.full(len(size), -1)
    order = np.argsort(cluster, kind="stable")
    bounds = np.searchsorted(cluster[order], np.arange(len(size) + 1))
    weight = 1 / (target + 1)
    weight[:, 0] *= traits.shape[
        1
    ]  # trait 0 is that of every sample: totals count as much as all else together
    shuffled = rng.permutation(len(size))
    shuffled = shuffled[np.argsort(-size[shuffled], kind="stable")]
    for c in shuffled[size[shuffled] > 1].tolist():
        own = traits[order[bounds[c] : bounds[c + 1]]].ravel()
        kinds, times = np.unique(own, return_counts=True)
        s = _cheapest(have, target, weight, kinds, times)
        have[s, kinds] += times
        split_of_cluster[c] = s
    single = shuffled[size[shuffled] == 1]
    split_of_cluster[single] = _deal(traits[order[bounds[single]]], target, have, weight)
    nearest = np.bincount(split_of_cluster, weights=size, minlength=len(share))
    for attempt in range(RESTARTS if len(size) <= FEW else 1):
        trial = split_of_cluster.copy()
        if attempt:  # out of a dead end: some clusters go anywhere
            some = rng.choice(len(size), max(2, len(size) // 5))
            trial[some] = rng.integers(0, len(share), len(some))
        _settle(trial, size, share * n, allowed, rng)
        got = np.bincount(trial, weights=size, minlength=len(share))
        if (np.abs(got - share * n) <= allowed).all():
            return trial[cluster]
        nearest = min(nearest, got, key=lambda g: float(np.abs(g - share * n).max()))
    raise _impossible(size, share, n, tolerance, nearest)


def _traits(columns: Sequence[np.ndarray], n: int) -> np.ndarray:
    """int64 (N, F): the number of each sample's traits: being a sample (0), its code in each
    column, and its combination of all codes.
    """
    parts, start = [np.zeros(n, np.int64)], 1
    for values in [
        *columns,
        *(
            [np.unique(np.stack(columns), axis=1, return_inverse=True)[1].ravel()]
            if len(columns) > 1
            else []
        ),
    ]:
        number = np.unique(values, return_inverse=True)[1].ravel() + start
        parts.append(number)
        start = int(number.max(initial=start - 1)) + 1
    return np.stack(parts, axis=1)


def _cheapest(
    have: np.ndarray, target: np.ndarray, weight: np.ndarray, kinds: np.ndarray, times: np.ndarray
) -> int:
    """The split whose squared distance from its target grows least when `times` samples of the
    traits `kinds` join it.
    """
    gap = have[:, kinds] - target[:, kinds]  # (S, F)
    return int(((2 * gap + times) * times * weight[:, kinds]).sum(axis=1).argmin())


def _deal(
    traits: np.ndarray, target: np.ndarray, have: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Splits (M,) of samples that stand alone, in their order; `have` grows. Whole parts of a
    combination at once, the rest one by one.
    """
    found = np.full(len(traits), -1)
    combination = traits[:, -1]
    order = np.argsort(combination, kind="stable")
    edges = np.flatnonzero(np.diff(combination[order])) + 1
    rest: list[int] = []
    for members in np.split(order, edges) if len(order) else []:
        lack = np.maximum(target[:, combination[members[0]]] - have[:, combination[members[0]]], 0)
        part = np.floor(lack * min(1.0, len(members) / max(lack.sum(), 1e-9)) + 1e-9).astype(
            np.int64
        )
        ends = np.cumsum(part)
        for s, (start, stop) in enumerate(zip(ends - part, ends, strict=True)):
            found[members[start:stop]] = s
            np.add.at(have[s], traits[members[start:stop]].ravel(), 1)
        rest += members[ends[-1] :].tolist()
    once = np.ones(traits.shape[1], np.int64)
    for i in rest:
        s = _cheapest(have, target, weight, traits[i], once)
        have[s, traits[i]] += 1
        found[i] = s
    return found


def _settle(
    split: np.ndarray,
    size: np.ndarray,
    target: np.ndarray,
    allowed: float,
    rng: np.random.Generator,
) -> None:
    """Moves clusters between splits until the totals are within `allowed`, or no move and no
    exchange of two brings them nearer.
    """
    for _ in range(4 * len(target) + 200):
        off = np.bincount(split, weights=size, minlength=len(target)) - target
        if (np.abs(off) <= allowed).all():
            return
        best: tuple[float, list[tuple[int, int]]] | None = None
        for a in range(len(target)):
            for b in range(len(target)):
                if a == b or off[a] <= off[b]:
                    continue
                wanted = (off[a] - off[b]) / 2  # samples that should go from a to b
                for moves, gain in _exchanges(split, size, a, b, wanted, rng):
                    after = (off[a] - gain) ** 2 + (off[b] + gain) ** 2 - off[a] ** 2 - off[b] ** 2
                    if after < -1e-9 and (best is None or after < best[0]):
                        best = after, moves
        if best is None:
            return
        for c, s in best[1]:
            split[c] = s


def _exchanges(
    split: np.ndarray, size: np.ndarray, a: int, b: int, wanted: float, rng: np.random.Generator
) -> list[tuple[list[tuple[int, int]], float]]:
    """Candidates: one cluster of `a` to `b`, or one for another, that move about `wanted` samples.
    With how many they move.
    """
    here, there = np.flatnonzero(split == a), np.flatnonzero(split == b)
    if not len(here):
        return []
    here = rng.permutation(here)[:2000]  # of many clusters of the same size any will do
    found: list[tuple[list[tuple[int, int]], float]] = []
    one = here[np.abs(size[here] - wanted).argmin()]
    found.append(([(int(one), b)], float(size[one])))
    if len(there):
        there = rng.permutation(there)[:2000]
        there = there[np.argsort(size[there], kind="stable")]
        place = np.searchsorted(size[there], size[here] - wanted).clip(0, len(there) - 1)
        for other in (place, np.maximum(place - 1, 0)):
            gain = size[here] - size[there[other]]
            k = int(np.abs(gain - wanted).argmin())
            found.append(([(int(here[k]), b), (int(there[other[k]]), a)], float(gain[k])))
    return found


def _feasible(
    size: np.ndarray, share: np.ndarray, n: int, allowed: float, tolerance: float
) -> None:
    if n == 0:
        raise DataError("Expected samples to divide, got none.")
    if len(size) < len(share) or size.max() > share.max() * n + allowed:
        raise _impossible(size, share, n, tolerance)


def _impossible(
    size: np.ndarray, share: np.ndarray, n: int, tolerance: float, got: np.ndarray | None = None
) -> DataError:
    wanted = "/".join(f"{100 * s:g}" for s in share)
    nearest = (
        ""
        if got is None
        else f"; the nearest found was {'/'.join(f'{100 * g / n:.1f}' for g in got)}"
    )
    what = f"{n} samples in {len(size)} clusters that must stay whole, the largest of {size.max()} ({size.max() / n:.1%})"
    fix = "try other shares, or look at the largest cluster"
    return DataError(
        f"Expected splits of {wanted} within {tolerance:.0%}, got {what}{nearest}; {fix}."
    )


def distances(
    samples: Samples, split: np.ndarray, names: Sequence[str], wanted: Sequence[float]
) -> list[Off]:
    """How far each split is from its share of the samples and of each emotion, gender and age band;
    the farthest first.

    split: index into `names` (N,). A value of fewer samples than the tolerance can measure is a
    rounding: see `n`.
    """
    parts = {"samples": split}
    for feature, (codes, labels) in features(samples).items():
        parts |= {
            f"{feature}={labels[code]}": split[codes == code]
            for code in np.unique(codes[codes >= 0]).tolist()
        }
    ends = list(enumerate(zip(names, wanted, strict=True)))
    rows = [
        Off(what, name, share, float((those == s).mean()), len(those))
        for what, those in parts.items()
        for s, (name, share) in ends
    ]
    return sorted(rows, key=lambda r: -abs(r.got - r.wanted))
