"""Report of a task with classes, such as emotion or perceived gender, from arrays.

`evaluation.analysis.summary` reports a table's tasks together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.labels import FERPLUS8
from evaluation.analysis import from_counts
from evaluation.analysis.from_counts import BINS, CURVE_BINS, FINE_BINS, FINE_PER_BIN
from evaluation.metrics import agreement, binned, calibration, classification, curves, selective
from evaluation.metrics.classification import Average
from evaluation.predictions import arrays
from evaluation.statistics.bootstrap import centred, merged
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Method, Sample

VOTE_SHARE = 0.3
"""A class that at least this share of the voters named is one that a person may name."""


@dataclass(frozen=True, slots=True)
class ClassReport:
    """One class; f1_ci95: [low, high]; None where there are no probabilities or no samples."""

    label: str
    n: int
    recall: Estimate
    precision: Estimate
    f1: float | None
    f1_ci95: tuple[float | None, float | None]
    auroc: float | None
    average_precision: float | None
    ece: Estimate | None


@dataclass(frozen=True, slots=True)
class GroupAccuracy:
    """The accuracy of the samples with one value of a group column."""

    value: str
    accuracy: Estimate


@dataclass(frozen=True, slots=True)
class VoteReport:
    """Agreement with several people's votes, of the `n` samples that have any.

    Attributes:
        n: samples.
        share: of the votes that a class needs to be one that a person may name.
        kl: mean divergence of the votes from the probabilities, nats.
        ceiling: how often a voter names the majority's class.
        majority: share of predictions that a majority named.
        any: share of predictions that at least `share` of the voters named.
    """

    n: int
    share: float
    kl: Estimate | None
    ceiling: Estimate
    majority: Estimate
    any: Estimate


@dataclass(frozen=True, slots=True)
class ReliabilityReport:
    """The reliability diagram by bin: mean confidence, accuracy (None where empty) and samples."""

    confidence: list[float | None]
    accuracy: list[float | None]
    count: list[float | None]


@dataclass(frozen=True, slots=True)
class RiskCoverageReport:
    """Some points of the risk-coverage curve."""

    coverage: list[float]
    risk: list[float]
    threshold: list[float]


@dataclass(frozen=True, slots=True)
class ClassificationReport:
    """A task with classes; None where its table has no probabilities, or no votes.

    Attributes:
        n: samples with a truth and a prediction.
        averages: "macro" and "weighted" means over the classes.
        clusters: how many clusters the samples come in; None where they are independent.
        method: how intervals were made.
        confusion: rows true, columns predicted, in the order of `labels`.
        groups: group column -> its values.
    """

    n: int
    accuracy: Estimate
    macro_f1: Estimate
    balanced_accuracy: Estimate
    kappa: Estimate
    averages: dict[str, Average]
    clusters: int | None
    method: Method
    labels: list[str]
    confusion: list[list[int]]
    per_class: list[ClassReport]
    ece: Estimate | None = None
    ece_equal_mass: Estimate | None = None
    classwise_ece: Estimate | None = None
    nll: Estimate | None = None
    brier: Estimate | None = None
    aurc: Estimate | None = None
    reliability: ReliabilityReport | None = None
    risk_coverage: RiskCoverageReport | None = None
    votes: VoteReport | None = None
    groups: dict[str, list[GroupAccuracy]] = field(default_factory=dict)


def classification_report(
    task: arrays.Classes | None,
    groups: dict[str, arrays.Coded],
    cluster: np.ndarray | None,
    by: str | None,
    votes: np.ndarray | None = None,
) -> ClassificationReport | None:
    """Report a task with classes.

    Args:
        task: truth, predictions and probabilities; None: the result is None.
        groups: group columns of the whole table.
        cluster: int (rows of the table,) or None.
        by: what the clusters are called.
        votes: float (rows of the table, 8) shares, or None.
    """
    if task is None:
        return None
    k, n = len(task.labels), len(task.rows)
    sample = Sample(n, None if cluster is None else arrays.only(cluster, task.rows), by)
    matrix = sample.counts(task.true * k + task.pred, k * k)
    confusion = matrix.n.astype(np.int64).reshape(k, k)
    correct = task.true == task.pred
    headline = from_counts.headline(matrix, k)
    classwise, ece_by_class = _classwise_ece(task, sample)
    calibrated = {} if task.p is None else _calibration(task, task.p, sample)
    return ClassificationReport(
        n=n,
        accuracy=headline.accuracy,
        macro_f1=headline.macro_f1,
        balanced_accuracy=headline.balanced_accuracy,
        kappa=headline.kappa,
        averages={
            name: classification.average(confusion, name == "weighted")
            for name in ("macro", "weighted")
        },
        clusters=sample.clusters,
        method=sample.method,
        labels=list(task.labels),
        confusion=confusion.tolist(),
        per_class=_per_class(task, matrix, ece_by_class),
        classwise_ece=classwise,
        votes=None if votes is None else _votes(task, arrays.only(votes, task.rows), sample),
        groups=_groups(correct, task.rows, groups, sample),
        **calibrated,
    )


def _groups(
    correct: np.ndarray, rows: np.ndarray, groups: dict[str, arrays.Coded], sample: Sample
) -> dict[str, list[GroupAccuracy]]:
    results = {}
    for name, group in groups.items():
        values, codes = group.values, group.at(rows).codes
        shares = sample.shares(correct, codes, len(values))
        lines = [GroupAccuracy(v, s) for v, s in zip(values, shares, strict=True) if s.n]
        if lines:
            results[name] = lines
    return results


def _per_class(
    task: arrays.Classes, matrix: GroupedCounts, ece: list[Estimate] | None
) -> list[ClassReport]:
    results = []
    scores = from_counts.class_scores(matrix, len(task.labels))
    for c, (label, score) in enumerate(zip(task.labels, scores, strict=True)):
        areas: tuple[float | None, ...] = (None, None)
        if task.p is not None:
            areas = tuple(Estimate.of(a).value for a in curves.areas(task.p[:, c], task.true == c))
        results.append(
            ClassReport(
                label=label,
                n=score.n,
                recall=score.recall,
                precision=score.precision,
                f1=score.f1.value,
                f1_ci95=(score.f1.low, score.f1.high),
                auroc=areas[0],
                average_precision=areas[1],
                ece=None if ece is None else ece[c],
            )
        )
    return results


def _calibration(task: arrays.Classes, p: np.ndarray, sample: Sample) -> dict[str, Any]:
    """Whether the probabilities float (n, k) can be believed, and what abstention brings."""
    confidence, best = arrays.most_probable(p)
    correct = best == task.true
    diagram = calibration.reliability(confidence, correct, BINS)
    curve = selective.risk_coverage(confidence, correct)
    logit_cell = binned.logit_bins(confidence, CURVE_BINS) * 2 + correct
    return {
        "ece": _ece(confidence, correct, sample, equal_mass=False),
        "ece_equal_mass": _ece(confidence, correct, sample, equal_mass=True),
        "nll": sample.mean(calibration.nll(p, task.true)),
        "brier": sample.mean(calibration.brier(p, task.true)),
        "aurc": from_counts.risk_coverage_area(
            sample.counts(logit_cell, 2 * CURVE_BINS), selective.area(curve)
        ),
        "reliability": ReliabilityReport(
            *(
                [Estimate.of(v).value for v in column]
                for column in (diagram.confidence, diagram.accuracy, diagram.count)
            )
        ),
        "risk_coverage": _points(curve),
    }


def _points(curve: selective.RiskCoverage) -> RiskCoverageReport:
    last = len(curve.coverage) - 1
    at = np.unique(np.searchsorted(curve.coverage, np.linspace(0.05, 1, 20)).clip(0, last))
    columns = (curve.coverage, curve.risk, curve.threshold)
    return RiskCoverageReport(*(column[at].tolist() for column in columns))


def _ece(
    confidence: np.ndarray, correct: np.ndarray, sample: Sample, *, equal_mass: bool
) -> Estimate:
    coarse = calibration.bins_of(confidence, BINS, equal_mass=equal_mass)
    # A store keeps single precision; rounding at an edge must not move a sample out of its bin.
    rounded = confidence.astype(np.float32).astype(np.float64)
    fine = calibration.bins_of(rounded, FINE_BINS, equal_mass=equal_mass)
    fine = coarse * FINE_PER_BIN + (fine - coarse * FINE_PER_BIN).clip(0, FINE_PER_BIN - 1)
    counts = sample.counts(fine * 2 + correct, FINE_BINS * 2, confidence)
    return from_counts.calibration_error(counts)


def _classwise_ece(
    task: arrays.Classes, sample: Sample
) -> tuple[Estimate | None, list[Estimate] | None]:
    """Return the mean calibration error over the classes, and each class's own.

    One resample must serve all classes, so independent rows are drawn as clusters of one, merged.
    """
    if task.p is None:
        return None, None
    n, k = task.p.shape
    unit = merged(np.arange(n)) if sample.unit is None else sample.unit
    bins = [c * BINS + calibration.bins_of(task.p[:, c], BINS) for c in range(k)]
    gaps = [(task.true == c) - task.p[:, c] for c in range(k)]
    counts = GroupedCounts.of_rows(
        np.concatenate(bins), k * BINS, np.concatenate(gaps), cluster=np.tile(unit, k)
    )
    sums, rows = counts.drawn_sums(np.arange(k * BINS))
    drawn_n = rows.sum(axis=1, keepdims=True) / k  # (rounds, 1)
    drawn = np.abs(sums).reshape(-1, k, BINS).sum(axis=-1) / drawn_n  # (rounds, k)
    errors = np.abs(counts.sums).reshape(k, BINS).sum(axis=-1) / n  # (k,)
    each = [
        Estimate.of(error, centred(float(error), drawn[:, c], minimum=0, maximum=1), n)
        for c, error in enumerate(errors)
    ]
    mean = float(errors.mean())
    return Estimate.of(mean, centred(mean, drawn.mean(axis=1), minimum=0, maximum=1), n), each


def _votes(task: arrays.Classes, votes: np.ndarray, sample: Sample) -> VoteReport | None:
    """Report the samples that have votes; votes: float (n, 8) in the order of FERPLUS8."""
    has_votes = ~np.isnan(agreement.shares(votes)).any(axis=1)
    if not has_votes.any():
        return None
    votes, voted = votes[has_votes], sample.part(has_votes)
    places = np.array([FERPLUS8.labels.index(label) for label in task.labels])
    predicted = places[task.pred[has_votes]]
    kl = None
    if task.p is not None:
        p = np.zeros(votes.shape)
        p[:, places] = task.p[has_votes]
        kl = voted.mean(agreement.kl(votes, p))
    return VoteReport(
        n=len(votes),
        share=VOTE_SHARE,
        kl=kl,
        ceiling=voted.mean(agreement.ceiling(votes)),
        majority=voted.share(agreement.right(votes, predicted) > 0),
        any=voted.share(agreement.right(votes, predicted, VOTE_SHARE) > 0),
    )
