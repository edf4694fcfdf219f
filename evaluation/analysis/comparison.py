"""Two models on the same samples.

Differences (B minus A) with paired 95 % intervals, tests and wins.
`evaluation.analysis.table_pairs` pairs the samples of two tables, `store_pairs` those of a store.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from core.vocabulary import TaskTitle
from evaluation.analysis.by_group.groups import MAX_GROUP_VALUES
from evaluation.analysis.from_counts import Metric, drawn_margins, in_label_order
from evaluation.metrics import classification
from evaluation.predictions.arrays import Coded
from evaluation.predictions.tasks import KNOWN_TASKS
from evaluation.statistics import significance
from evaluation.statistics.estimate import JSON_KEY, Estimate, fields_of
from evaluation.statistics.sample import Method, Sample

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A figure of both models, and B's minus A's."""

    a: float
    b: float
    difference: Estimate


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A test of both models on the same samples.

    Attributes:
        only_a, only_b: samples on which A, or B, is better.
        p, exact: None where samples are too few; whether it is of McNemar's exact test.
    """

    only_a: int
    only_b: int
    p: float | None
    test: str
    exact: bool = False


@dataclass(frozen=True, slots=True)
class PartComparison:
    """B against A on one class or one value of a group column.

    Attributes:
        by, value: the column and its value.
        wins, losses: samples on which B, or A, is better.
        p, p_adjusted: of the paired test, alone and corrected over all parts by Holm's method.
        better: "a" or "b" where `p_adjusted` is below ALPHA, else None.
    """

    by: str
    value: str
    n: int
    wins: int
    losses: int
    difference: Estimate
    p: float | None
    p_adjusted: float | None = None
    better: str | None = None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A sample on which the models differ.

    Attributes:
        sample_id: its name.
        true, a, b: the truth and both predictions: labels, or years.
        correct: which prediction is: "a", "b" or "neither"; None for ages.
    """

    sample_id: str
    true: str | float
    a: str | float
    b: str | float
    correct: str | None = field(default=None, metadata={JSON_KEY: "right"})

    def to_dict(self) -> dict[str, object]:
        """Return the fields that are set, for JSON."""
        return {name: value for name, value in fields_of(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Disagreements:
    """How many samples the models differ on, and some of them."""

    n: int
    rows: list[Disagreement]


@dataclass(frozen=True, slots=True)
class TaskComparison:
    """One task of both models.

    A task with classes has `accuracy`, `macro_f1` and `mcnemar`, ages have `mae` and `paired_t`.
    only_a, only_b: rows of one model that the other lacks, and `disagreements`, where they were
    looked at.
    """

    n: int
    truth_differs: int
    method: Method
    parts: list[PartComparison]
    accuracy: PairedDifference | None = None
    macro_f1: PairedDifference | None = None
    mcnemar: PairedTest | None = None
    mae: PairedDifference | None = None
    paired_t: PairedTest | None = None
    disagreements: Disagreements | None = None
    only_a: int | None = None
    only_b: int | None = None

    @property
    def test(self) -> PairedTest:
        """The test of the whole task."""
        test = self.mcnemar or self.paired_t
        assert test is not None
        return test

    @property
    def differences(self) -> dict[str, PairedDifference]:
        """The figures that the task has, the main one first."""
        figures = {"accuracy": self.accuracy, "macro_f1": self.macro_f1, "mae": self.mae}
        return {name: figure for name, figure in figures.items() if figure is not None}

    def to_dict(self) -> dict[str, object]:
        """Return the fields that are set, for JSON."""
        values = {name: value for name, value in fields_of(self).items() if value is not None}
        if self.paired_t is not None:
            values["paired_t"] = {"p": self.paired_t.p, "test": self.paired_t.test}
        return values


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models; a, b: their names; matched: samples of both; tasks: those of both."""

    a: str
    b: str
    matched: int
    only_a: int
    only_b: int
    tasks: dict[str, TaskComparison]
    titles: dict[str, TaskTitle]

    @property
    def emotion(self) -> TaskComparison | None:
        """The comparison of emotion, None where a model lacks it."""
        return self.tasks.get("emotion")

    @property
    def gender(self) -> TaskComparison | None:
        """The comparison of perceived gender, None where a model lacks it."""
        return self.tasks.get("gender")

    @property
    def age(self) -> TaskComparison | None:
        """The comparison of age, None where a model lacks it."""
        return self.tasks.get("age")

    def to_dict(self) -> dict[str, object]:
        """Return the fields for JSON; each task has its own key, the known ones always."""
        values = {k: v for k, v in fields_of(self).items() if k not in ("tasks", "titles")}
        return values | dict.fromkeys(KNOWN_TASKS) | self.tasks


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Samples of both models with the same truth.

    Attributes:
        labels: of the classes; None for numbers.
        true, a, b: (n,) classes (int64, into `labels`) or numbers (float64).
        groups: as `evaluation.predictions.arrays.coded_groups`.
        sample: how intervals are drawn.
        truth_differs: samples of both that state different truths.
    """

    labels: tuple[str, ...] | None
    true: np.ndarray
    a: np.ndarray
    b: np.ndarray
    groups: dict[str, Coded]
    sample: Sample
    truth_differs: int

    @property
    def gain(self) -> np.ndarray:
        """What B has more than A, float (n,): 1 where only B has the class, -1 where only A has it.

        Of numbers B's absolute error minus A's, in their unit: above 0 where B is worse.
        """
        if self.labels is None:
            return np.asarray(np.abs(self.b - self.true) - np.abs(self.a - self.true))
        return np.asarray((self.b == self.true).astype(np.float64) - (self.a == self.true))


def compare_pairs(pairs: Pairs) -> TaskComparison:
    """Compare both models' predictions of one task, in all and by class and group."""
    groups, is_share = pairs.groups, pairs.labels is not None
    if pairs.labels is not None:
        # "class" is the truth: a column `group_class` keeps its prefix
        groups = {"group_class" if n == "class" else n: group for n, group in groups.items()}
        groups = {"class": Coded(pairs.labels, pairs.true)} | groups
    return replace(compare_figures(pairs), parts=_parts(groups, pairs.gain, pairs.sample, is_share))


def compare_figures(pairs: Pairs) -> TaskComparison:
    """Compare both models' predictions of one task, without its parts."""
    sample, gain, is_share = pairs.sample, pairs.gain, pairs.labels is not None
    test = paired_test(gain, sample.cluster, is_share=is_share)
    comparison = TaskComparison(
        n=len(pairs.true),
        truth_differs=pairs.truth_differs,
        method=Method.of(sample.clusters, sample.by, paired=True),
        parts=[],
    )
    if pairs.labels is None:
        of_a, of_b = (float(np.abs(side - pairs.true).mean()) for side in (pairs.a, pairs.b))
        mae = PairedDifference(of_a, of_b, sample.mean(gain))
        return replace(comparison, mae=mae, paired_t=test)
    accuracy, macro_f1 = _differences(pairs, pairs.labels)
    return replace(comparison, accuracy=accuracy, macro_f1=macro_f1, mcnemar=test)


def _differences(
    pairs: Pairs, labels: tuple[str, ...]
) -> tuple[PairedDifference, PairedDifference]:
    """Return accuracy and macro F1 of both models, from the combinations that occur of k ** 3."""
    k = len(labels)
    true, in_a, in_b = in_label_order(labels, pairs.true, pairs.a, pairs.b)
    cells, cell = np.unique((true * k + in_a) * k + in_b, return_inverse=True)
    counts = pairs.sample.counts(cell, len(cells))
    (a, drawn_a), (b, drawn_b) = drawn_margins(
        counts, cells // k**2, [cells // k % k, cells % k], k
    )

    def difference(metric: Metric) -> PairedDifference:
        of_a, of_b = float(metric(a)), float(metric(b))
        drawn = metric(drawn_b) - metric(drawn_a)
        return PairedDifference(of_a, of_b, Estimate.centred(of_b - of_a, drawn, counts.total))

    return difference(classification.accuracy), difference(classification.macro_f1)


def paired_test(gain: np.ndarray, cluster: np.ndarray | None, *, is_share: bool) -> PairedTest:
    """Test whether B is better than A by more than chance.

    McNemar's test takes samples for independent, so clusters get a t-test on their sums.

    Args:
        gain: float (n,), as `Pairs.gain`.
        cluster: int (n,), or None for independent samples.
        is_share: of classes; else of numbers.
    """
    lower, higher = int((gain < 0).sum()), int((gain > 0).sum())
    only_a, only_b = (lower, higher) if is_share else (higher, lower)
    if not is_share or cluster is not None:
        name = "paired t-test" if cluster is None else "t-test over clusters"
        p = Estimate.of(significance.paired_t(gain, cluster)).value
        return PairedTest(only_a, only_b, p, name)
    exact = only_a + only_b < significance.FEW_PAIRS
    name = "McNemar, exact" if exact else "McNemar, chi-squared"
    return PairedTest(only_a, only_b, significance.mcnemar(only_a, only_b), name, exact)


def _parts(
    groups: dict[str, Coded], gain: np.ndarray, sample: Sample, is_share: bool
) -> list[PartComparison]:
    """Compare on each class and group: wins and losses of B, the mean of float (n,) gain, p."""
    parts, limit = [], 1.0 if is_share else np.inf  # of a difference of shares
    for name, group in groups.items():
        if len(group.values) > MAX_GROUP_VALUES:
            continue
        means = sample.means(gain, group.codes, len(group.values), minimum=-limit, maximum=limit)
        for i, (value, mean) in enumerate(zip(group.values, means, strict=True)):
            if mean.n:
                rows = group.codes == i
                cluster = None if sample.cluster is None else sample.cluster[rows]
                test = paired_test(gain[rows], cluster, is_share=is_share)
                part = PartComparison(name, value, mean.n, test.only_b, test.only_a, mean, test.p)
                parts.append(part)
    adjusted = significance.holm(np.array([part.p for part in parts], np.float64))
    results = []
    for part, p in zip(parts, adjusted, strict=True):
        b_is_better = ((part.difference.value or 0.0) > 0) == is_share
        better = ("b" if b_is_better else "a") if p < ALPHA else None
        results.append(replace(part, p_adjusted=Estimate.of(p).value, better=better))
    return results
