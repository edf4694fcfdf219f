"""One estimate with its 95 % interval, and how intervals are made: over samples, or over clusters
of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from evaluation.statistics import intervals
from evaluation.statistics.bootstrap import BUNDLES, ROUNDS, Resampled, percentiles, spread

Figures = dict[str, Any]
NO_INTERVAL = (float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number measured on `n` samples, with its 95 % interval; None where unknown.

    Raises:
        ValueError: one end of the interval is missing, or the interval does not hold the value.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise ValueError(f"Expected both ends of an interval or none, got {self}.")
        if self.low is None or self.high is None:
            return
        if self.value is None or not self.low <= self.value <= self.high:
            raise ValueError(f"Expected an interval that holds its value, got {self}.")

    @classmethod
    def of(cls, value: float, interval: tuple[float, float] = NO_INTERVAL, n: int = 0) -> Estimate:
        """Return an estimate of plain numbers; what is not finite becomes None, as JSON has it.

        An interval with one end that is not finite is none. Rounding may leave the value outside
        by a hair: the end then moves to the value.
        """
        low, high = interval
        if not math.isfinite(value):
            return cls(None, None, None, int(n))
        if not (math.isfinite(low) and math.isfinite(high)):
            return cls(float(value), None, None, int(n))
        return cls(
            float(value), min(float(low), float(value)), max(float(high), float(value)), int(n)
        )

    @classmethod
    def of_share(cls, hits: int, n: int) -> Estimate:
        """Return the share of `hits` among `n` independent samples, with Wilson's interval."""
        return cls.of(hits / n, intervals.wilson(hits, n), n) if n else cls.of(float("nan"))

    @classmethod
    def of_dict(cls, values: Mapping[str, Any]) -> Estimate:
        """Return the estimate that {value, low?, high?, n?} of a JSON file states."""
        return cls(values["value"], values.get("low"), values.get("high"), values.get("n", 0))

    def clipped(self, low: float, high: float = math.inf) -> Estimate:
        """Return the estimate with its interval kept in [low, high], where the value lies."""
        if self.value is None or self.low is None or self.high is None:
            return self
        return Estimate.of(self.value, (max(self.low, low), min(self.high, high)), self.n)

    def root(self) -> Estimate:
        """Return the square root of an estimate that is nowhere below 0."""
        if self.value is None or self.low is None or self.high is None:
            return replace(self, value=None if self.value is None else self.value**0.5)
        return Estimate.of(self.value**0.5, (self.low**0.5, self.high**0.5), self.n)

    def to_dict(self) -> dict[str, float | int | None]:
        """Return {value, low, high, n}, for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


def plain(value: Any) -> Any:
    """Return reports, estimates and arrays, nested in any way, as JSON values.

    A dataclass with `to_dict` becomes what that returns, any other one the dictionary of its
    fields.
    """
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


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

    def share(self, hit: np.ndarray) -> Estimate:
        """The share of bool (N,) `hit`."""
        return self.shares(hit, np.zeros(self.n, np.int64), 1)[0]

    def shares(self, hit: np.ndarray, code: np.ndarray, k: int) -> list[Estimate]:
        """The share of bool (N,) `hit` among the rows of each int (N,) `code` below k; rows of a
        negative code count nowhere.
        """
        hit = hit.astype(bool, copy=False)
        n, hits = _counts(code, k), _counts(code[hit], k)
        if not self.clustered:
            return [Estimate.of_share(int(h), int(m)) for h, m in zip(hits, n, strict=True)]
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
                Estimate.of(
                    hits[c] / n[c] if n[c] else float("nan"),
                    (low, high) if n[c] else (float("nan"),) * 2,
                    n[c],
                )
            )
        return made

    def mean(self, values: np.ndarray) -> Estimate:
        """The mean of float (N,) `values`."""
        return self.means(values, np.zeros(self.n, np.int64), 1)[0]

    def means(self, values: np.ndarray, code: np.ndarray, k: int) -> list[Estimate]:
        """The mean of float (N,) `values` over the rows of each `code`, as `shares`."""
        n = _counts(code, k)
        if self.n == 0:
            return [Estimate.of(float("nan"), (float("nan"),) * 2, 0)] * k
        sums = _counts(code, k, values)
        drawn = self._ratios(self.draws.counts(code, k, values), self.draws.counts(code, k))
        with np.errstate(invalid="ignore", divide="ignore"):
            return [Estimate.of(sums[c] / n[c], spread(drawn[:, c]), n[c]) for c in range(k)]

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
