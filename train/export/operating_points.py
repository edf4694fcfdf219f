"""What a card says beyond its own predictions: operating points, and what is not given.

All of it follows from tables of `python -m evaluation predict --operating-point accuracy`, so the
network does not run again. The figures of a number are cross-fitted: it is chosen on one half of
the rows and measured on the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from core.artifacts.card import Card
from core.artifacts.card_rows import MetricRow
from core.artifacts.operating_point import ACCURACY, OperatingPoint
from core.calibration import INTERVAL_COVERAGE, TINY
from core.data import Samples
from core.errors import DataError
from core.types import UNCLEAR_AGE_YEARS, Floats
from evaluation.analysis import given
from evaluation.analysis.summary import table_report
from evaluation.analysis.thresholds import SingleThreshold, single_threshold
from evaluation.metrics.calibration import fit_temperature, softmax
from evaluation.metrics.selective import halves
from evaluation.predictions import arrays
from evaluation.predictions.schema import P_EMOTION
from evaluation.statistics.sample import Sample
from train.batches.data import relabel
from train.export.calibrate import TEMPERATURE_RANGE
from train.export.card_metric import table_row
from train.export.card_points import LEFT_OUT, OF_POINT
from train.export.gender_limit import gender_limit, given_rows
from train.recipe.recipe import Recipe

BALANCED, ELSEWHERE = "balanced", "elsewhere"
MAX_ACCURACY_LOSS = 0.02
"""Accuracy on the data set's own faces that the balanced point may cost. More strength would go on
raising the mean recall for a while, at the price of calling many neutral faces something else.
"""
STRENGTHS = np.round(np.arange(0, 1.01, 0.05), 2)
PURPOSES = {
    BALANCED: "faces that are not drawn from the training data, such as a webcam's visitors",
    ELSEWHERE: "the same, with age intervals that hold on pictures from elsewhere",
}


def training_priors(recipe: Recipe, samples: Sequence[Samples]) -> dict[str, dict[str, float]]:
    """Return the share of each class in the training data, by task and label.

    Emotions count by soft labels where the recipe learns from them (the shares of the annotators'
    votes), as these are what the network's outputs follow. A task of which a class never occurs
    has no prior.

    Args:
        recipe: of the training.
        samples: the training split of each of its data sets.
    """
    parts = [relabel(s, recipe) for s in samples]
    priors: dict[str, Floats] = {}
    for head in recipe.heads:
        if head.task == "emotion":
            shares = np.concatenate([soft for _, soft in parts]).astype(np.float64)
            priors["emotion"] = np.nanmean(shares, axis=0)
        elif head.task == "gender":
            codes = np.concatenate([s.gender for s, _ in parts])
            priors["gender"] = np.bincount(codes[codes >= 0], minlength=len(head.labels)) / max(
                (codes >= 0).sum(), 1
            )
    return {
        head.task: {
            label: round(float(share), 5)
            for label, share in zip(head.labels, priors[head.task], strict=True)
        }
        for head in recipe.heads
        if head.task in priors and (priors[head.task] > 0).all()
    }


def with_points(
    card: Card,
    tables: Sequence[pa.Table],
    priors: Mapping[str, Mapping[str, float]],
    left_out: Sequence[pa.Table] = (),
) -> Card:
    """Return the card with operating points, the age from which gender is given, and figures.

    Args:
        card: as the file has it.
        tables: predictions at the point `accuracy`: validation parts of its own data sets, and
            data sets that it was not trained on.
        priors: see `training_priors`.
        left_out: predictions for data sets of the model's own, each by a network of the same recipe
            that was trained without that data set. They stand for data from elsewhere.

    Raises:
        DataError: not exactly one table has labels of emotion, or exact ages from elsewhere; that
            of emotion has no probabilities; or a left-out data set is not one of the card's own.
    """
    card = _without_points(card, priors)
    own = {row["name"] for row in card.data}
    if others := [n for t in left_out if (n := t["dataset"][0].as_py()) not in own]:
        raise DataError(
            f"Expected data sets of {card.name} to be left out, got {others[0]}; "
            "a data set that it was not trained on belongs to the other tables."
        )
    left_out = [_with_split(table, LEFT_OUT) for table in left_out]
    emotion = _one([t for t in tables if arrays.classes(t, "emotion")], "labels of emotion")
    balanced, balanced_rows = _balanced(card, emotion)
    gender, left_out_gender = (
        [t for t in group if given.gender_is_right(t)[1].any()] for group in (tables, left_out)
    )
    from_age, gender_rows = gender_limit(gender)
    elsewhere = [t for t in tables if t["dataset"][0].as_py() not in own] + left_out
    exact = [t for t in elsewhere if _has_exact_ages(t)]
    factor, cross_fitted = _interval_factor(
        _one(exact, "exact ages from a data set that its network was not trained on")
    )
    with_ages = [t for t in (*tables, *left_out) if _has_ages(t)]
    return replace(
        card,
        operating_points={
            BALANCED: balanced,
            ELSEWHERE: replace(balanced, interval_factor=factor, purpose=PURPOSES[ELSEWHERE]),
        },
        operating_point=BALANCED,
        gender_from_age=from_age,
        metrics=(
            *card.metrics,
            *balanced_rows,
            *gender_rows,
            *(row for t in gender + left_out_gender for row in given_rows(t, from_age)),
            cross_fitted,
            *(row for t in with_ages for row in _interval_rows(t, factor)),
        ),
    )


def _without_points(card: Card, priors: Mapping[str, Mapping[str, float]]) -> Card:
    """Return the card with these priors, and without operating points and their figures."""
    return replace(
        card,
        priors={task: dict(prior) for task, prior in priors.items()},
        metrics=tuple(m for m in card.metrics if OF_POINT not in m["metric"]),
        operating_points={},
        operating_point=ACCURACY,
    )


def _has_ages(table: pa.Table) -> bool:
    return arrays.numbers(table, "age_true") is not None


def _has_exact_ages(table: pa.Table) -> bool:
    """Return whether ages are labelled in years, not in bins."""
    return _has_ages(table) and f"group_{given.AGE_BIN}" not in table.column_names


def _with_split(table: pa.Table, split: str) -> pa.Table:
    column = pa.array([split] * table.num_rows)
    return table.set_column(table.column_names.index("split"), "split", column)


def _one(tables: Sequence[pa.Table], what: str) -> pa.Table:
    if len(tables) != 1:
        raise DataError(f"Expected one table with {what}, got {len(tables)}.")
    return tables[0]


def _balanced(card: Card, table: pa.Table) -> tuple[OperatingPoint, list[MetricRow]]:
    """Return the prior-corrected point, and figures of it and of the card's own."""
    labels = card.labels("emotion")
    p, true = (
        arrays.probabilities(table, "emotion", labels),
        arrays.codes(table, "emotion_true", labels),
    )
    if p is None or true is None:
        raise DataError("Expected probabilities and labels of emotion, got none.")
    if "emotion" not in card.priors:
        raise DataError(
            "Expected every emotion among the training labels, got some without a picture; a point "
            "corrected for their shares cannot be computed. Try training data that has all."
        )
    rows = np.flatnonzero((true >= 0) & ~np.isnan(p[:, 0]))
    true, table = true[rows], table.take(rows)
    # Logits but for a constant of each row, which no softmax sees.
    z = np.log(np.maximum(p[rows], TINY)) * card.calibration.get("emotion", 1.0)
    log_prior = np.log([card.priors["emotion"][label] for label in labels])

    def fit(part: np.ndarray) -> tuple[float, float]:
        strength = _strength(z[part], true[part], log_prior)
        shifted = z[part] - strength * log_prior
        return strength, round(fit_temperature(shifted, true[part], *TEMPERATURE_RANGE), 4)

    def at(strength: float, temperature: float) -> Floats:
        return softmax(z - strength * log_prior, temperature)

    first = halves(len(true))
    out_of_fold = np.where(first[:, None], at(*fit(~first)), at(*fit(first)))
    strength, temperature = fit(np.ones(len(true), bool))
    threshold = single_threshold(_with_p(table, labels, at(strength, temperature)), "emotion")
    point = OperatingPoint(
        {"emotion": strength},
        {"emotion": temperature},
        {"emotion": threshold.limit},
        purpose=PURPOSES[BALANCED],
    )
    cross_fitted = _with_p(table, labels, out_of_fold)
    return point, [
        *_emotion_rows(ACCURACY, table, single_threshold(table, "emotion")),
        *_emotion_rows(BALANCED, cross_fitted, threshold),
    ]


def _emotion_rows(name: str, table: pa.Table, threshold: SingleThreshold) -> list[MetricRow]:
    """Return the figures of emotion at an operating point.

    Args:
        name: of the point.
        table: predictions at that point.
        threshold: below which its predictions are uncertain.
    """
    report = table_report(table).emotion
    assert report is not None and report.ece is not None
    return [
        table_row([table], f"emotion_{metric}{OF_POINT}{name}", estimate)
        for metric, estimate in (
            ("accuracy", report.accuracy),
            ("mean_recall", report.balanced_accuracy),
            ("expected_calibration_error", report.ece),
            ("answered", threshold.coverage),
            ("accuracy_of_answers", threshold.accuracy),
        )
    ]


def _strength(z: Floats, true: np.ndarray, log_prior: Floats) -> float:
    """Return the strength of the highest mean recall that costs at most MAX_ACCURACY_LOSS."""

    def figures(strength: float) -> tuple[float, float]:
        correct = (z - strength * log_prior).argmax(axis=1) == true
        recalls = [correct[true == k].mean() for k in np.unique(true)]
        return float(correct.mean()), float(np.mean(recalls))

    by_strength = {float(s): figures(s) for s in STRENGTHS}
    least = by_strength[0.0][0] - MAX_ACCURACY_LOSS
    allowed = [s for s, (accuracy, _) in by_strength.items() if accuracy >= least]
    return max(allowed, key=lambda s: by_strength[s][1])


def _with_p(table: pa.Table, labels: Sequence[str], p: Floats) -> pa.Table:
    """Return the table with other probabilities of emotion and the predictions that follow."""
    columns = {P_EMOTION + label: pa.array(p[:, i]) for i, label in enumerate(labels)}
    columns["emotion_pred"] = pa.array(np.array(labels)[p.argmax(axis=1)])
    for name, column in columns.items():
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def _interval_factor(table: pa.Table) -> tuple[float, MetricRow]:
    """Return how many times as wide intervals hold their share, and the cross-fitted share."""
    distance = given.distance_to_range(table)

    def fit(part: np.ndarray) -> float:
        quantile = np.quantile(distance[part], INTERVAL_COVERAGE, method="higher")
        return max(1.0, float(np.ceil(100 * quantile) / 100))

    first = halves(len(distance))
    inside = distance <= np.where(first, fit(~first), fit(first))
    share = Sample(len(distance)).share(inside)
    return fit(np.ones(len(distance), bool)), table_row(
        [table], f"age_inside{OF_POINT}{ELSEWHERE}_cross_fitted", share
    )


def _interval_rows(table: pa.Table, factor: float) -> list[MetricRow]:
    """Return how often intervals hold, and are wider than UNCLEAR_AGE_YEARS, with and without."""
    everyone = given.given_by_group(table, 0.0, factor)[0]
    values = {
        f"age_inside{OF_POINT}{ACCURACY}": everyone.inside,
        f"age_inside{OF_POINT}{ELSEWHERE}": everyone.inside_wider,
        f"age_over_{UNCLEAR_AGE_YEARS:g}_wide{OF_POINT}{ACCURACY}": everyone.unclear,
        f"age_over_{UNCLEAR_AGE_YEARS:g}_wide{OF_POINT}{ELSEWHERE}": everyone.unclear_wider,
    }
    return [table_row([table], name, value) for name, value in values.items() if value]
