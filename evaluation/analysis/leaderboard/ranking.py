"""The leaderboard: models ranked, differences from a baseline, and which models differ at all.

With one data set, samples are what varies. Models are therefore compared two by two on the same
samples: by McNemar's test for classes (Dietterich, Neural Computation 10, 1998), a paired t-test
for numbers, and tests over clusters where samples come in clusters. P-values are corrected by
Holm's method: over the models for differences from the baseline, over all pairs for the question
who differs from whom. Mean ranks and their critical difference (Demsar, JMLR 7, 2006) are for many
data sets; and whether two models differ by mean ranks depends on which others were entered
(Benavoli, Corani and Mangili, JMLR 17, 2016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from evaluation.analysis import from_counts
from evaluation.analysis.comparison import (
    ALPHA,
    PairedTest,
    Pairs,
    TaskComparison,
    compare_figures,
    paired_test,
)
from evaluation.analysis.leaderboard import indistinct
from evaluation.metrics import classification
from evaluation.statistics import significance
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Method, Sample


@dataclass(frozen=True, slots=True, eq=False)
class SharedSamples:
    """Samples of one task that all models have, with the same truth.

    Attributes:
        labels: of the classes; None for numbers.
        true: (n,) classes (int64, into `labels`) or numbers (float64).
        predictions: by model, as `true`.
        sample: how intervals are drawn.
        truth_differs: samples of all models that state different truths.
        left_out: by model, its rows that another model lacks.
    """

    labels: tuple[str, ...] | None
    true: np.ndarray
    predictions: dict[str, np.ndarray]
    sample: Sample
    truth_differs: int
    left_out: dict[str, int]


class _Ranked:
    """Estimates by metric: accuracy and macro F1 of a task with classes, the MAE of numbers."""

    __slots__ = ()
    accuracy: Estimate | None
    macro_f1: Estimate | None
    mae: Estimate | None

    @property
    def main(self) -> Estimate:
        """The metric that models are ranked by."""
        main = self.accuracy or self.mae
        assert main is not None
        return main


@dataclass(frozen=True, slots=True)
class Difference(_Ranked):
    """A model against the baseline on the same samples; differences are the model's minus its.

    Attributes:
        wins, losses: samples on which the model, or the baseline, is better: of classes those that
            it alone has right.
        p, p_adjusted: of the paired test, alone and corrected over the models by Holm's method.
        test: its name.
        verdict: "better" or "worse" where `p_adjusted` is below ALPHA, else None.
    """

    accuracy: Estimate | None
    macro_f1: Estimate | None
    mae: Estimate | None
    wins: int
    losses: int
    p: float | None
    p_adjusted: float | None
    test: str
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Standing(_Ranked):
    """One model of a leaderboard.

    Attributes:
        ranks: the best and the worst rank that the tests of all pairs leave it: one more than the
            models that are better, and all but those that are worse. They hold for all models
            together in 95 % of cases (Mogstad, Romano, Shaikh and Wilhelm, Review of Economic
            Studies 91, 2024).
        left_out: rows that another model lacks.
        difference: from the baseline; None of the baseline itself.
    """

    model: str
    ranks: tuple[int, int]
    accuracy: Estimate | None
    macro_f1: Estimate | None
    mae: Estimate | None
    left_out: int
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class PairTest:
    """Two models; `p_adjusted` is corrected over all pairs by Holm's method."""

    a: str
    b: str
    p: float | None
    p_adjusted: float | None

    @property
    def differs(self) -> bool:
        """Whether the two differ."""
        return self.p_adjusted is not None and self.p_adjusted < ALPHA


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """All models on one task.

    Attributes:
        n: samples that all models have.
        truth_differs: samples left out for which tables state different truths.
        method: how intervals were made.
        baseline: the model that the others are compared with.
        standings: the models, best first.
        pairs: the tests of all pairs.
        groups: the largest groups of models in which no two differ, best first.
    """

    n: int
    truth_differs: int
    method: Method
    baseline: str
    standings: list[Standing]
    pairs: list[PairTest]
    groups: list[tuple[str, ...]]

    @property
    def is_share(self) -> bool:
        """Whether models are ranked by a share, of which more is better, or by an error."""
        return self.standings[0].accuracy is not None


def leaderboard(shared: SharedSamples, baseline: str) -> Leaderboard:
    """Rank the models of shared samples, and compare each with `baseline`, one of them."""
    figures = {model: _figures(shared, model) for model in shared.predictions}
    sign = 1 if shared.labels is None else -1
    main = {model: next(iter(by_metric.values())) for model, by_metric in figures.items()}
    order = sorted(figures, key=lambda model: (sign * (main[model].value or 0.0), model))
    pairs = _all_pairs(shared, order)
    differs = {frozenset((pair.a, pair.b)) for pair in pairs if pair.differs}
    matrix = np.array([[frozenset((a, b)) in differs for b in order] for a in order])
    differences = _differences(shared, baseline, [model for model in order if model != baseline])
    return Leaderboard(
        n=len(shared.true),
        truth_differs=shared.truth_differs,
        method=Method.of(shared.sample.clusters, shared.sample.by, paired=True),
        baseline=baseline,
        standings=[
            Standing(
                model,
                (1 + int(matrix[i, :i].sum()), len(order) - int(matrix[i, i:].sum())),
                *_by_metric(figures[model]),
                shared.left_out[model],
                differences.get(model),
            )
            for i, model in enumerate(order)
        ],
        pairs=pairs,
        groups=[tuple(order[i] for i in group) for group in indistinct.groups(matrix)],
    )


def _figures(shared: SharedSamples, model: str) -> dict[str, Estimate]:
    """Return the estimates of a model by metric, the one that models are ranked by first."""
    true, pred, sample = shared.true, shared.predictions[model], shared.sample
    if shared.labels is None:
        return {"mae": sample.mean(np.abs(pred - true), minimum=0)}
    k, (row, column) = len(shared.labels), from_counts.in_label_order(shared.labels, true, pred)
    matrix = sample.counts(row * k + column, k * k)
    macro_f1 = from_counts.matrix_metric(matrix, k, classification.macro_f1)
    return {"accuracy": sample.share(pred == true), "macro_f1": macro_f1}


def _by_metric(
    figures: Mapping[str, Estimate],
) -> tuple[Estimate | None, Estimate | None, Estimate | None]:
    return figures.get("accuracy"), figures.get("macro_f1"), figures.get("mae")


def _pair(shared: SharedSamples, a: str, b: str) -> Pairs:
    predictions = shared.predictions
    return Pairs(shared.labels, shared.true, predictions[a], predictions[b], {}, shared.sample, 0)


def _all_pairs(shared: SharedSamples, order: Sequence[str]) -> list[PairTest]:
    """Return the tests of all pairs of models, the better of each pair first."""
    names = list(combinations(order, 2))
    tests = [_test(shared, a, b) for a, b in names]
    return [
        PairTest(a, b, test.p, p_adjusted)
        for (a, b), test, p_adjusted in zip(names, tests, _holm(tests), strict=True)
    ]


def _test(shared: SharedSamples, a: str, b: str) -> PairedTest:
    return paired_test(
        _pair(shared, a, b).gain, shared.sample.cluster, is_share=shared.labels is not None
    )


def _holm(tests: Sequence[PairedTest]) -> list[float | None]:
    adjusted = significance.holm(np.array([test.p for test in tests], np.float64))
    return [Estimate.of(p).value for p in adjusted]


def _differences(
    shared: SharedSamples, baseline: str, others: Sequence[str]
) -> dict[str, Difference]:
    comparisons = [compare_figures(_pair(shared, baseline, model)) for model in others]
    adjusted = _holm([comparison.test for comparison in comparisons])
    return {
        model: _difference(comparison, p, shared.labels is not None)
        for model, comparison, p in zip(others, comparisons, adjusted, strict=True)
    }


def _difference(comparison: TaskComparison, p_adjusted: float | None, is_share: bool) -> Difference:
    figures = {name: pair.difference for name, pair in comparison.differences.items()}
    main, test = next(iter(figures.values())).value or 0.0, comparison.test
    verdict = None
    if p_adjusted is not None and p_adjusted < ALPHA:
        verdict = "better" if (main > 0) == is_share else "worse"
    return Difference(
        *_by_metric(figures), test.only_b, test.only_a, test.p, p_adjusted, test.test, verdict
    )
