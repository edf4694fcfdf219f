"""Report of predicted numbers, such as ages in years, from arrays.

`evaluation.analysis.summary` reports a table's tasks together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.labels import age_decade
from evaluation.analysis.by_group.groups import by_group
from evaluation.analysis.from_counts import NumberErrors
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
class RegressionReport(NumberErrors):
    """Errors of a regression, in its unit.

    Attributes:
        clusters: how many clusters the samples come in; None where they are independent.
        method: how intervals were made.
        cs: of ages, cumulative scores for CS_YEARS.
        decades: errors by decade of the true age; bands: decades as classes; both of ages alone.
        interval: of the rows that state one; None where none does.
        groups: group column -> its values.
    """

    clusters: int | None
    method: Method
    cs: list[CumulativeScore]
    decades: list[DecadeErrors]
    bands: BandMatrix | None
    interval: IntervalReport | None = None
    groups: dict[str, list[GroupErrors]] = field(default_factory=dict)


def regression_report(
    values: arrays.Numbers, groups: dict[str, arrays.Coded], table: Sample, *, is_age: bool
) -> RegressionReport:
    """Report predicted numbers; arguments as for `classification_report`.

    is_age: whether they are ages in years, which are also reported by decade.
    """
    error = values.pred - values.true
    absolute, sample = np.abs(error), table.part(values.rows)
    interval = None
    if values.low is not None and values.high is not None:
        width = values.high - values.low
        stated = ~np.isnan(width)
        inside = (values.low <= values.true) & (values.true <= values.high)
        coverage = sample.part(stated).share(inside[stated])
        interval = IntervalReport(coverage, float(width[stated].mean()))
    decades, bands = _decades(values, error) if is_age else ([], None)
    return RegressionReport(
        len(error),
        sample.mean(absolute, minimum=0),
        sample.mean(error),
        sample.mean(error**2).root(),
        sample.share(absolute <= HEADLINE_YEARS) if is_age else None,
        clusters=sample.clusters,
        method=sample.method,
        cs=[CumulativeScore(k, sample.share(absolute <= k)) for k in CS_YEARS if is_age],
        decades=decades,
        bands=bands,
        interval=interval,
        groups=by_group(
            groups,
            values.rows,
            lambda group: [
                GroupErrors(value, mae, bias)
                for value, mae, bias in zip(
                    group.values,
                    sample.means(absolute, group.codes, len(group.values), minimum=0),
                    sample.means(error, group.codes, len(group.values)),
                    strict=True,
                )
                if mae.n
            ],
        ),
    )


def _decades(ages: arrays.Numbers, error: np.ndarray) -> tuple[list[DecadeErrors], BandMatrix]:
    """Return the errors float (n,) of ages by decade, and decades as classes."""
    band, predicted, k = regression.bands(ages.true), regression.bands(ages.pred), regression.BANDS
    names = [age_decade(regression.WIDTH * i) for i in range(k)]
    matrix = classification.confusion(band, predicted, k)
    off = np.bincount(np.abs(band - predicted), minlength=k)
    by_band = [GroupedCounts.of_rows(band, k, v) for v in (np.abs(error), error)]
    decades = [
        DecadeErrors(name, int(n), *(Estimate.of(c.means[i]).value for c in by_band))
        for i, (name, n) in enumerate(zip(names, by_band[0].n, strict=True))
    ]
    return decades, BandMatrix(names, matrix.tolist(), (off.cumsum() / len(error)).tolist())
