"""One figure with its 95 % interval as plain values, and how that interval is made: over samples,
or over clusters of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluation.statistics import intervals
from evaluation.statistics.bootstrap import BUNDLES, ROUNDS, Resampled, percentiles, spread

Figures = dict[str, Any]


def figure(value: float, interval: tuple[float, float], n: int) -> Figures:
    """One figure with its 95 % interval and its number of samples; what is not finite becomes None,
    which JSON has.
    """
    numbers = [float(v) if np.isfinite(v) else None for v in (value, *interval)]
    return {**dict(zip(("value", "low", "high"), numbers, strict=True)), "n": int(n)}


def proportion(hits: int, n: int) -> Figures:
    """A share with Wilson's interval."""
    return figure(
        hits / n if n else float("nan"), intervals.wilson(hits, n) if n else (float("nan"),) * 2, n
    )


def or_none(value: float) -> float | None:
    """A number, None for NaN."""
    return None if np.isnan(value) else float(value)


def _counts(code: np.ndarray, k: int, weight: np.ndarray | None = None) -> np.ndarray:
    """(k,): rows, or sums of `weight`, of each int (N,) `code` below k, those of a negative one
    left out.
    """
    return np.bincount(code + 1, weight, k + 1)[1:]


class Sample:
    """N rows of which figures are made. Without clusters shares get Wilson's interval and all else
    a bootstrap; with them everything gets a bootstrap that draws whole clusters, and a share that
    no round can change (all right, say) Wilson's for as many samples as clusters. A mean that no
    round can change has no interval.

    cluster: int (N,) or None; by: what the clusters are called.
    """

    def __init__(self, n: int, cluster: np.ndarray | None = None, by: str | None = None) -> None:
        self.n, self.cluster, self.by = n, cluster, by
        self.draws = Resampled(n, cluster)
        self.clustered = cluster is not None

    def part(self, mask: np.ndarray) -> Sample:
        """Only the rows where bool (N,) `mask`."""
        return Sample(
            int(mask.sum()), None if self.cluster is None else self.cluster[mask], self.by
        )

    @property
    def method(self) -> Figures:
        """{shares, others, clusters, by, rounds, text}: which method made the intervals."""
        kind, clusters = (
            ("clustered bootstrap" if self.clustered else "bootstrap"),
            self.draws.clusters,
        )
        if self.clustered:
            text = f"clustered bootstrap over {clusters} values of `{self.by}`"
        else:
            text = "Wilson for shares, bootstrap for all else"
        if (clusters or self.n) > BUNDLES:
            text += f", drawn in {BUNDLES} bundles"
        shares = kind if self.clustered else "Wilson"
        return {
            "shares": shares,
            "others": kind,
            "clusters": clusters,
            "by": self.by,
            "rounds": ROUNDS,
            "text": text,
        }

    def share(self, hit: np.ndarray) -> Figures:
        """The share of bool (N,) `hit`."""
        return self.shares(hit, np.zeros(self.n, np.int64), 1)[0]

    def shares(self, hit: np.ndarray, code: np.ndarray, k: int) -> list[Figures]:
        """The share of bool (N,) `hit` among the rows of each int (N,) `code` below k; rows of a
        negative code count nowhere.
        """
        hit = hit.astype(bool, copy=False)
        n, hits = _counts(code, k), _counts(code[hit], k)
        if not self.clustered:
            return [proportion(int(h), int(m)) for h, m in zip(hits, n, strict=True)]
        seen = self.draws.counts(code, k)
        drawn = self._ratios(self.draws.counts(code, k, hit.astype(float)), seen)
        made = []
        for c in range(k):
            low, high = percentiles(drawn[:, c])
            clusters = int((seen[:, c] > 0).sum())
            if low == high:
                known = hits[c] in (0, n[c])
                low, high = (
                    intervals.wilson(clusters if hits[c] else 0, clusters)
                    if known
                    else (float("nan"),) * 2
                )
            made.append(
                figure(
                    hits[c] / n[c] if n[c] else float("nan"),
                    (low, high) if n[c] else (float("nan"),) * 2,
                    n[c],
                )
            )
        return made

    def mean(self, values: np.ndarray) -> Figures:
        """The mean of float (N,) `values`."""
        return self.means(values, np.zeros(self.n, np.int64), 1)[0]

    def means(self, values: np.ndarray, code: np.ndarray, k: int) -> list[Figures]:
        """The mean of float (N,) `values` over the rows of each `code`, as `shares`."""
        n = _counts(code, k)
        if self.n == 0:
            return [figure(float("nan"), (float("nan"),) * 2, 0)] * k
        sums = _counts(code, k, values)
        drawn = self._ratios(self.draws.counts(code, k, values), self.draws.counts(code, k))
        with np.errstate(invalid="ignore", divide="ignore"):
            return [figure(sums[c] / n[c], spread(drawn[:, c]), n[c]) for c in range(k)]

    def _ratios(self, above: np.ndarray, below: np.ndarray) -> np.ndarray:
        """(rounds, k) quotients of the sums of two (units, k) totals; NaN where a round has nothing
        below.
        """
        k = above.shape[1]
        drawn = self.draws.draw(np.concatenate([above, below], axis=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            return drawn[:, :k] / drawn[:, k:]

    def counted(self, code: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """float64 (rounds, *shape): resampled counts of int (N,) `code`, flat indices into `shape`,
        such as a confusion matrix.
        """
        size = int(np.prod(shape))
        if self.clustered:
            return self.draws.draw(self.draws.counts(code, size)).reshape(-1, *shape)
        counts = np.bincount(code, minlength=size)
        # Drawing N samples is drawing their counts: the same bootstrap, at a cost that does not
        # depend on N.
        return (
            np.random.default_rng(0)
            .multinomial(self.n, counts / self.n, size=ROUNDS)
            .reshape(-1, *shape)
            .astype(np.float64)
        )
