"""Report of a task with classes, such as emotion or perceived gender, from arrays.

`evaluation.analysis.summary` reports a table's tasks together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from core.labels import FERPLUS8
from evaluation.analysis import from_counts
from evaluation.analysis.by_group.groups import by_group
from evaluation.analysis.from_counts import (
    BINS,
    CURVE_BINS,
    FINE_BINS,
    FINE_PER_BIN,
    ClassSummary,
)
from evaluation.metrics import agreement, binned, calibration, classification, curves, selective
from evaluation.metrics.classification import Average
from evaluation.predictions import arrays
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
    auroc: float | None = None
    average_precision: float | None = None
    ece: Estimate | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationReport(ClassSummary):
    """A task with classes; None where its table has no probabilities, or no votes.

    Where some rows have no probabilities, the figures of these have the `n` of the others.

    Attributes:
        averages: "macro" and "weighted" means over the classes.
        clusters: how many clusters the samples come in; None where they are independent.
        method: how intervals were made.
        confusion: rows true, columns predicted, in the order of `labels`.
        risk_coverage: some points of the curve.
        groups: group column -> its values.
    """

    averages: dict[str, Average]
    clusters: int | None
    method: Method
    labels: list[str]
    confusion: list[list[int]]
    per_class: list[ClassReport]
    ece_equal_mass: Estimate | None = None
    classwise_ece: Estimate | None = None
    nll: Estimate | None = None
    brier: Estimate | None = None
    aurc: Estimate | None = None
    reliability: calibration.Reliability | None = None
    risk_coverage: selective.RiskCoverage | None = None
    votes: VoteReport | None = None
    groups: dict[str, list[GroupAccuracy]] = field(default_factory=dict)


def classification_report(
    task: arrays.Classes, groups: dict[str, arrays.Coded], table: Sample, votes: np.ndarray | None
) -> ClassificationReport:
    """Report a task with classes.

    Args:
        task: truth, predictions and probabilities.
        groups: group columns of the whole table.
        table: all rows of the table.
        votes: float (rows of the table, 8) shares, or None.
    """
    k, sample, correct = len(task.labels), table.part(task.rows), task.true == task.pred
    matrix = sample.counts(task.true * k + task.pred, k * k)
    confusion = matrix.n.astype(np.int64).reshape(k, k)
    report = ClassificationReport(
        *from_counts.headline(matrix, k),
        averages={
            name: classification.average(confusion, name == "weighted")
            for name in ("macro", "weighted")
        },
        clusters=sample.clusters,
        method=sample.method,
        labels=list(task.labels),
        confusion=confusion.tolist(),
        per_class=[
            ClassReport(
                label=label,
                n=score.n,
                recall=score.recall,
                precision=score.precision,
                f1=score.f1.value,
                f1_ci95=(score.f1.low, score.f1.high),
            )
            for label, score in zip(task.labels, from_counts.class_scores(matrix, k), strict=True)
        ],
        votes=None if votes is None else _votes(task, arrays.only(votes, task.rows), sample),
        groups=by_group(
            groups,
            task.rows,
            lambda group: [
                GroupAccuracy(value, share)
                for value, share in zip(
                    group.values,
                    sample.shares(correct, group.codes, len(group.values)),
                    strict=True,
                )
                if share.n
            ],
        ),
    )
    probable = task.with_probabilities()
    return report if probable is None else _with_calibration(report, probable, table)


def _with_calibration(
    report: ClassificationReport, task: arrays.Classes, table: Sample
) -> ClassificationReport:
    """Add whether the probabilities can be believed, and what abstention brings.

    Args:
        report: of all rows.
        task: the rows that have probabilities, of which these figures are made.
        table: all rows of the table.
    """
    p, sample = task.p, table.part(task.rows)
    assert p is not None
    confidence, best = arrays.most_probable(p)
    correct = best == task.true
    curve = selective.risk_coverage(confidence, correct)
    last = len(curve.coverage) - 1
    points = np.unique(np.searchsorted(curve.coverage, np.linspace(0.05, 1, 20)).clip(0, last))
    logit_cell = binned.logit_bins(confidence, CURVE_BINS) * 2 + correct
    fine, equal_mass = (_fine_counts(confidence, correct, sample, e) for e in (False, True))
    of_class = [(p[:, c], task.true == c) for c in range(len(task.labels))]
    errors, drawn = from_counts.calibration_errors(of_class, sample)
    per_class = []
    for c, line in enumerate(report.per_class):
        auroc, average_precision = (
            Estimate.of(v).value for v in curves.counts(*of_class[c]).areas()
        )
        ece = Estimate.centred(errors[c], drawn[:, c], sample.n, minimum=0, maximum=1)
        per_class.append(replace(line, auroc=auroc, average_precision=average_precision, ece=ece))
    return replace(
        report,
        per_class=per_class,
        ece=from_counts.calibration_error(fine),
        ece_equal_mass=from_counts.calibration_error(equal_mass),
        classwise_ece=Estimate.centred(
            errors.mean(), drawn.mean(axis=1), sample.n, minimum=0, maximum=1
        ),
        nll=sample.mean(calibration.nll(p, task.true), minimum=0),
        brier=sample.mean(calibration.brier(p, task.true), minimum=0, maximum=2),
        aurc=from_counts.risk_coverage_area(
            sample.counts(logit_cell, 2 * CURVE_BINS), selective.area(curve)
        ),
        reliability=from_counts.reliability(fine),
        risk_coverage=curve.at(points),
    )


def _fine_counts(
    confidence: np.ndarray, correct: np.ndarray, sample: Sample, equal_mass: bool
) -> GroupedCounts:
    """Return the sums of the confidence that `from_counts.calibration_error` takes."""
    coarse = calibration.bins_of(confidence, BINS, equal_mass=equal_mass)
    # A store keeps single precision; rounding at an edge must not move a sample out of its bin.
    rounded = confidence.astype(np.float32).astype(np.float64)
    fine = calibration.bins_of(rounded, FINE_BINS, equal_mass=equal_mass)
    fine = coarse * FINE_PER_BIN + (fine - coarse * FINE_PER_BIN).clip(0, FINE_PER_BIN - 1)
    return sample.counts(fine * 2 + correct, FINE_BINS * 2, confidence)


def _votes(task: arrays.Classes, votes: np.ndarray, sample: Sample) -> VoteReport | None:
    """Report the samples that have votes; votes: float (n, 8) in the order of FERPLUS8.

    Where every row is all of one class nobody voted: data sets with one label write it so.
    """
    shares = agreement.shares(votes)
    has_votes = ~np.isnan(shares).any(axis=1)
    if (shares[has_votes].max(axis=1, initial=0) == 1).all():
        return None
    votes, voted = votes[has_votes], sample.part(has_votes)
    places = np.array([FERPLUS8.labels.index(label) for label in task.labels])
    predicted = places[task.pred[has_votes]]
    kl = None
    if task.p is not None:
        p = np.zeros(votes.shape)
        p[:, places] = task.p[has_votes]
        kl = voted.mean(agreement.kl(votes, p), minimum=0)
    return VoteReport(
        n=len(votes),
        share=VOTE_SHARE,
        kl=kl,
        ceiling=voted.mean(agreement.ceiling(votes), minimum=0, maximum=1),
        majority=voted.share(agreement.agrees_with_votes(votes, predicted) > 0),
        any=voted.share(agreement.agrees_with_votes(votes, predicted, VOTE_SHARE) > 0),
    )
