"""Report of predicted ages, years, from arrays.

`evaluation.analysis.summary` reports a table's tasks together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.labels import age_decade
from evaluation.analysis import from_counts
from evaluation.metrics import classification, regression
from evaluation.predictions import arrays
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Method, Sample

CS_YEARS = (1, 3, 5, 7, 10)
"""Years k of the cumulative score CS@k, the share with an error of at most k."""
HEADLINE_YEARS = 5


@dataclass(frozen=True, slots=True)
class CumulativeScore:
    """The share of ages with an error of at most `k` years."""

    k: int
    share: Estimate

    def to_dict(self) -> dict[str, object]:
        """Return {k, value, low, high, n}, for JSON."""
        return {"k": self.k, **self.share.to_dict()}


@dataclass(frozen=True, slots=True)
class DecadeErrors:
    """Mean absolute and mean error of one decade of the true age; None without samples."""

    decade: str
    n: int
    mae: float | None
    bias: float | None


@dataclass(frozen=True, slots=True)
class BandMatrix:
    """Decades as classes: their confusion matrix, and the share at most 0, 1, ... bands off."""

    labels: list[str]
    confusion: list[list[int]]
    off_by: list[float]


@dataclass(frozen=True, slots=True)
class IntervalReport:
    """The stated intervals: share that holds the truth, and mean width in years."""

    coverage: Estimate
    mean_width: float


@dataclass(frozen=True, slots=True)
class GroupErrors:
    """Mean absolute and mean error of the samples with one value of a group column."""

    value: str
    mae: Estimate
    bias: Estimate


@dataclass(frozen=True, slots=True)
class RegressionReport:
    """Errors of predicted ages, years.

    Attributes:
        n: samples with a true and a predicted age.
        clusters: how many clusters the samples come in; None where they are independent.
        method: how intervals were made.
        cs: cumulative scores for CS_YEARS; cs5: the one for 5 years.
        decades: errors by decade of the true age; bands: decades as classes.
        interval: None where the table states no interval for every row.
        groups: group column -> its values.
    """

    n: int
    clusters: int | None
    method: Method
    mae: Estimate
    bias: Estimate
    rmse: Estimate
    cs: list[CumulativeScore]
    cs5: Estimate
    decades: list[DecadeErrors]
    bands: BandMatrix
    interval: IntervalReport | None = None
    groups: dict[str, list[GroupErrors]] = field(default_factory=dict)


def regression_report(
    ages: arrays.Ages | None,
    groups: dict[str, arrays.Coded],
    cluster: np.ndarray | None,
    by: str | None,
) -> RegressionReport | None:
    """Report predicted ages; arguments as for `classification_report`."""
    if ages is None:
        return None
    error = regression.errors(ages.true, ages.pred)
    absolute = np.abs(error)
    sample = Sample(len(error), None if cluster is None else arrays.only(cluster, ages.rows), by)
    headline = from_counts.age_errors(
        sample.mean(absolute),
        sample.mean(error),
        sample.mean(error**2),
        sample.share(absolute <= HEADLINE_YEARS),
    )
    interval = None
    if ages.low is not None and ages.high is not None:
        inside = (ages.low <= ages.true) & (ages.true <= ages.high)
        interval = IntervalReport(sample.share(inside), float((ages.high - ages.low).mean()))
    decades = [age_decade(regression.WIDTH * i) for i in range(regression.BANDS)]
    return RegressionReport(
        n=len(error),
        clusters=sample.clusters,
        method=sample.method,
        mae=headline.mae,
        bias=headline.bias,
        rmse=headline.rmse,
        cs=[CumulativeScore(k, sample.share(absolute <= k)) for k in CS_YEARS],
        cs5=headline.cs5,
        decades=_decades(ages, decades),
        bands=_bands(ages, decades),
        interval=interval,
        groups=_groups(absolute, error, ages.rows, groups, sample),
    )


def _decades(ages: arrays.Ages, names: list[str]) -> list[DecadeErrors]:
    by_band = regression.by_band(ages.true, ages.pred)
    columns = zip(names, by_band.n, by_band.mae, by_band.bias, strict=True)
    return [
        DecadeErrors(name, int(n), Estimate.of(mae).value, Estimate.of(bias).value)
        for name, n, mae, bias in columns
    ]


def _bands(ages: arrays.Ages, names: list[str]) -> BandMatrix:
    bands = (regression.bands(ages.true), regression.bands(ages.pred))
    matrix = classification.confusion(*bands, regression.BANDS)
    return BandMatrix(names, matrix.tolist(), regression.off_by(matrix).tolist())


def _groups(
    absolute: np.ndarray,
    error: np.ndarray,
    rows: np.ndarray,
    groups: dict[str, arrays.Coded],
    sample: Sample,
) -> dict[str, list[GroupErrors]]:
    results = {}
    for name, group in groups.items():
        values, codes = group.values, group.at(rows).codes
        pairs = [sample.means(v, codes, len(values)) for v in (absolute, error)]
        lines = [
            GroupErrors(value, mae, bias)
            for value, mae, bias in zip(values, *pairs, strict=True)
            if mae.n
        ]
        if lines:
            results[name] = lines
    return results
