"""Report of predicted ages, years, from arrays.

`evaluation.analysis.summary` reports a table's tasks together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.labels import age_decade
from evaluation.analysis.from_counts import AgeErrors
from evaluation.analysis.groups import by_group
from evaluation.metrics import classification, regression
from evaluation.predictions import arrays
from evaluation.statistics.counts import GroupedCounts
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionReport(AgeErrors):
    """Errors of predicted ages, years.

    Attributes:
        clusters: how many clusters the samples come in; None where they are independent.
        method: how intervals were made.
        cs: cumulative scores for CS_YEARS.
        decades: errors by decade of the true age; bands: decades as classes.
        interval: None where the table states no interval for every row.
        groups: group column -> its values.
    """

    clusters: int | None
    method: Method
    cs: list[CumulativeScore]
    decades: list[DecadeErrors]
    bands: BandMatrix
    interval: IntervalReport | None = None
    groups: dict[str, list[GroupErrors]] = field(default_factory=dict)


def regression_report(
    ages: arrays.Ages, groups: dict[str, arrays.Coded], table: Sample
) -> RegressionReport:
    """Report predicted ages; arguments as for `classification_report`."""
    error = ages.pred - ages.true
    absolute, sample = np.abs(error), table.part(ages.rows)
    interval = None
    if ages.low is not None and ages.high is not None:
        inside = (ages.low <= ages.true) & (ages.true <= ages.high)
        interval = IntervalReport(sample.share(inside), float((ages.high - ages.low).mean()))
    band, k = regression.bands(ages.true), regression.BANDS
    decades = [age_decade(regression.WIDTH * i) for i in range(k)]
    matrix = classification.confusion(band, regression.bands(ages.pred), k)
    off = np.bincount(np.abs(band - regression.bands(ages.pred)), minlength=k)
    by_band = [GroupedCounts.of_rows(band, k, v) for v in (absolute, error)]
    return RegressionReport(
        len(error),
        sample.mean(absolute),
        sample.mean(error),
        sample.mean(error**2).root(),
        sample.share(absolute <= HEADLINE_YEARS),
        clusters=sample.clusters,
        method=sample.method,
        cs=[CumulativeScore(years, sample.share(absolute <= years)) for years in CS_YEARS],
        decades=[
            DecadeErrors(name, int(n), *(Estimate.of(c.means[i]).value for c in by_band))
            for i, (name, n) in enumerate(zip(decades, by_band[0].n, strict=True))
        ],
        bands=BandMatrix(decades, matrix.tolist(), (off.cumsum() / len(error)).tolist()),
        interval=interval,
        groups=by_group(
            groups,
            ages.rows,
            lambda group: [
                GroupErrors(value, mae, bias)
                for value, mae, bias in zip(
                    group.values,
                    *(sample.means(v, group.codes, len(group.values)) for v in (absolute, error)),
                    strict=True,
                )
                if mae.n
            ],
        ),
    )
