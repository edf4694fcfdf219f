"""Two models on the same samples.

Differences (B minus A) with paired 95 % intervals, tests, wins and disagreements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from evaluation.analysis.from_counts import Metric, on_matrix
from evaluation.analysis.summary import MAX_GROUP_VALUES
from evaluation.metrics import classification
from evaluation.predictions import arrays
from evaluation.statistics import significance
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate, plain
from evaluation.statistics.sample import Method, Sample

ALPHA = 0.05
TASKS = ("emotion", "gender", "age")


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A figure of both models, and B's minus A's."""

    a: float
    b: float
    difference: Estimate


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A test of both models on the same samples.

    Only_a, only_b: samples on which A, or B, is better; p is None where samples are too few; exact:
    of McNemar's test.
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

    Labels, or years; right: which is, "a", "b" or "neither", None for ages.
    """

    sample_id: str
    true: str | float
    a: str | float
    b: str | float
    right: str | None = None

    def to_dict(self) -> dict[str, str | float]:
        """Return the fields that are set, for JSON."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in fields.items() if value is not None}


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
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values = {name: plain(value) for name, value in fields.items() if value is not None}
        if self.paired_t is not None:
            values["paired_t"] = {"p": self.paired_t.p, "test": self.paired_t.test}
        return values


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models; a, b: their names; matched: samples of both; a task that one lacks is None."""

    a: str
    b: str
    matched: int
    only_a: int
    only_b: int
    emotion: TaskComparison | None
    gender: TaskComparison | None
    age: TaskComparison | None

    @property
    def tasks(self) -> dict[str, TaskComparison]:
        """The tasks that both models have, by name."""
        tasks = {"emotion": self.emotion, "gender": self.gender, "age": self.age}
        return {name: task for name, task in tasks.items() if task is not None}

    def to_dict(self) -> dict[str, object]:
        """Return the comparison as JSON values."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The samples of both tables, row by row the same.

    only_a, only_b: samples that the other table lacks.
    """

    a: pa.Table
    b: pa.Table
    only_a: int
    only_b: int

    def sample(self, rows: np.ndarray) -> Sample:
        """Return int (n,) `rows` with the clusters of the first table that names them."""
        named = next((t for t in (self.a, self.b) if arrays.cluster_name(t)), self.a)
        cluster = arrays.clusters(named)
        cluster = None if cluster is None else arrays.only(cluster, rows)
        return Sample(len(rows), cluster, arrays.cluster_name(named))


def match(a: pa.Table, b: pa.Table) -> Matched:
    """Pair the rows of two one-model tables by `sample_id`.

    Raises:
        DataError: they have no sample in common.
    """
    at = pc.index_in(a["sample_id"], b["sample_id"])
    in_both = pc.is_valid(at)
    rows = pc.filter(at, in_both)
    if len(rows) == 0:
        ids = [t["sample_id"][0].as_py() if len(t) else "nothing" for t in (a, b)]
        raise DataError(
            f"Expected the same `sample_id`s in both tables, got {ids[0]!r} and {ids[1]!r} and "
            "none in common; predict one split."
        )
    return Matched(a.filter(in_both), b.take(rows), len(a) - len(rows), len(b) - len(rows))


def compare(a: pa.Table, b: pa.Table, *, limit: int = 20) -> Comparison:
    """Compare two one-model tables; limit: disagreements listed per kind.

    Raises:
        DataError: no sample or no task in common.
    """
    pair = match(a, b)
    groups = arrays.coded_groups(pair.b) | arrays.coded_groups(pair.a)
    but_gender = {name: group for name, group in groups.items() if name != "gender"}
    comparison = Comparison(
        a=a["model"][0].as_py(),
        b=b["model"][0].as_py(),
        matched=len(pair.a),
        only_a=pair.only_a,
        only_b=pair.only_b,
        emotion=_classes(pair, "emotion", groups, limit),
        gender=_classes(pair, "gender", but_gender, limit),
        age=_ages(pair, groups, limit),
    )
    if not comparison.tasks:
        raise DataError(
            "Expected a task with truth and predictions in both tables, got none; look at "
            "`python -m evaluation report` of each."
        )
    return comparison


def _common(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows in both, and their places in either."""
    return np.intersect1d(a, b, assume_unique=True, return_indices=True)


def _classes(
    pair: Matched, task: str, groups: dict[str, arrays.Coded], limit: int
) -> TaskComparison | None:
    task_a, task_b = arrays.classes(pair.a, task), arrays.classes(pair.b, task)
    if task_a is None or task_b is None:
        return None
    space = (FERPLUS8 if task == "emotion" else GENDER2).labels
    labels = tuple(x for x in space if x in {*task_a.labels, *task_b.labels})
    rows, in_a, in_b = _common(task_a.rows, task_b.rows)
    to_a, to_b = (np.array([labels.index(x) for x in t.labels]) for t in (task_a, task_b))
    true, other = to_a[task_a.true[in_a]], to_b[task_b.true[in_b]]
    a, b = to_a[task_a.pred[in_a]], to_b[task_b.pred[in_b]]
    same = true == other
    rows, true, a, b = rows[same], true[same], a[same], b[same]
    if len(rows) == 0:
        return None
    comparison = compare_classes(
        labels, true, a, b, {n: g.at(rows) for n, g in groups.items()}, pair.sample(rows)
    )
    differ = np.flatnonzero(a != b)
    kinds = {
        "a": (a == true) & (b != true),
        "b": (b == true) & (a != true),
        "neither": (a != true) & (b != true),
    }
    chosen = [(kind, i) for kind, mask in kinds.items() for i in differ[mask[differ]][:limit]]
    ids = pair.a["sample_id"].take(rows[[i for _, i in chosen]]).to_pylist() if chosen else []
    listed = [
        Disagreement(name, labels[true[i]], labels[a[i]], labels[b[i]], kind)
        for name, (kind, i) in zip(ids, chosen, strict=True)
    ]
    return replace(
        comparison,
        truth_differs=int((~same).sum()),
        disagreements=Disagreements(len(differ), listed),
    )


def compare_classes(
    labels: tuple[str, ...],
    true: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    groups: dict[str, arrays.Coded],
    sample: Sample,
) -> TaskComparison:
    """Compare both models' predictions int (n,) `a` and `b`, indices into `labels` as `true`."""
    k = len(labels)
    counts = sample.counts((true * k + a) * k + b, k**3)  # (true, a, b)
    gain = ((b == true) & (a != true)).astype(float) - ((a == true) & (b != true))
    return TaskComparison(
        n=len(true),
        truth_differs=0,
        method=sample.method.paired(),
        parts=_parts({"class": arrays.Coded(labels, true)} | groups, gain, sample, mcnemar),
        accuracy=_difference(counts, classification.accuracies, k),
        macro_f1=_difference(counts, classification.macro_f1, k),
        mcnemar=mcnemar(gain, sample.cluster),
    )


def compare_ages(
    true: np.ndarray, a: np.ndarray, b: np.ndarray, groups: dict[str, arrays.Coded], sample: Sample
) -> TaskComparison:
    """Compare both models' ages float (n,) `a` and `b`, years."""
    error_a, error_b = np.abs(a - true), np.abs(b - true)
    gain = error_b - error_a
    means = float(error_a.mean()), float(error_b.mean())
    return TaskComparison(
        n=len(true),
        truth_differs=0,
        method=sample.method.paired(),
        parts=_parts(groups, gain, sample, paired_t, low_is_good=True),
        mae=PairedDifference(*means, sample.mean(gain)),
        paired_t=paired_t(gain, sample.cluster),
    )


def _difference(counts: GroupedCounts, metric: Metric, k: int) -> PairedDifference:
    """Return a metric of both models' confusion matrices, from counts (true, a, b)."""
    sides = [partial(_side, metric, k, axis) for axis in (-1, -2)]
    a, b = (float(side(counts.n)) for side in sides)
    difference = counts.statistic(partial(_minus, sides[1], sides[0]))
    return PairedDifference(a, b, difference)


def _side(metric: Metric, k: int, axis: int, counts: np.ndarray) -> np.ndarray:
    matrix = counts.reshape(*counts.shape[:-1], k, k, k).sum(axis=axis)
    return on_matrix(metric, k)(matrix.reshape(*matrix.shape[:-2], k * k))


def _minus(first: Metric, second: Metric, counts: np.ndarray) -> np.ndarray:
    return first(counts) - second(counts)


def mcnemar(gain: np.ndarray, cluster: np.ndarray | None = None) -> PairedTest:
    """Test float (n,) gain: 1 where only B is correct, -1 where only A is.

    McNemar's test takes samples for independent, so clusters get a t-test on their sums.
    """
    losses, wins = int((gain < 0).sum()), int((gain > 0).sum())
    if cluster is not None:
        p = significance.paired_t(gain, cluster)
        return PairedTest(losses, wins, Estimate.of(p).value, "t-test over clusters")
    exact = losses + wins < significance.FEW_PAIRS
    test = "McNemar, exact" if exact else "McNemar, chi-squared"
    p = significance.mcnemar(losses, wins)
    return PairedTest(losses, wins, Estimate.of(p).value, test, exact)


def paired_t(gain: np.ndarray, cluster: np.ndarray | None = None) -> PairedTest:
    """Test float (n,) gain: B's absolute error minus A's."""
    p = significance.paired_t(gain, cluster)
    test = "paired t-test" if cluster is None else "t-test over clusters"
    return PairedTest(int((gain > 0).sum()), int((gain < 0).sum()), Estimate.of(p).value, test)


def _parts(
    groups: dict[str, arrays.Coded],
    gain: np.ndarray,
    sample: Sample,
    test: Callable[..., PairedTest],
    *,
    low_is_good: bool = False,
) -> list[PartComparison]:
    """Compare on each class and group: wins and losses of B, the mean of float (n,) gain, p."""
    parts = []
    for name, group in groups.items():
        if len(group.values) > MAX_GROUP_VALUES:
            continue
        means = sample.means(gain, group.codes, len(group.values))
        for i, (value, mean) in enumerate(zip(group.values, means, strict=True)):
            if not mean.n:
                continue
            rows = group.codes == i
            cluster = None if sample.cluster is None else sample.cluster[rows]
            one = test(gain[rows], cluster)
            parts.append(PartComparison(name, value, mean.n, one.only_b, one.only_a, mean, one.p))
    return _adjusted(parts, low_is_good)


def _adjusted(parts: list[PartComparison], low_is_good: bool) -> list[PartComparison]:
    """Add Holm's p over all parts, and who is better by it."""
    p = np.array([np.nan if part.p is None else part.p for part in parts])
    results = []
    for part, adjusted in zip(parts, significance.holm(p), strict=True):
        gain = part.difference.value or 0.0
        winner = "b" if (gain < 0 if low_is_good else gain > 0) else "a"
        better = winner if adjusted < ALPHA else None
        results.append(replace(part, p_adjusted=Estimate.of(adjusted).value, better=better))
    return results


def _ages(pair: Matched, groups: dict[str, arrays.Coded], limit: int) -> TaskComparison | None:
    ages_a, ages_b = arrays.ages(pair.a), arrays.ages(pair.b)
    if ages_a is None or ages_b is None:
        return None
    rows, in_a, in_b = _common(ages_a.rows, ages_b.rows)
    true, other, a, b = ages_a.true[in_a], ages_b.true[in_b], ages_a.pred[in_a], ages_b.pred[in_b]
    same = true == other
    rows, true, a, b = rows[same], true[same], a[same], b[same]
    if len(rows) == 0:
        return None
    comparison = compare_ages(
        true, a, b, {name: group.at(rows) for name, group in groups.items()}, pair.sample(rows)
    )
    farthest = np.argsort(-np.abs(a - b), kind="stable")[:limit]
    farthest = farthest[a[farthest] != b[farthest]]
    ids = pair.a["sample_id"].take(rows[farthest]).to_pylist()
    listed = [
        Disagreement(name, float(true[i]), float(a[i]), float(b[i]))
        for name, i in zip(ids, farthest, strict=True)
    ]
    return replace(
        comparison,
        truth_differs=int((~same).sum()),
        disagreements=Disagreements(int((a != b).sum()), listed),
    )
