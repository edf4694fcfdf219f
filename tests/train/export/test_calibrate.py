"""Calibration keeps its promise on people who did not choose it, at every age; the card says what
the limits buy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from core import age_intervals
from core.artifacts.card import Card, Head
from core.calibration import INTERVAL_COVERAGE, activate, estimate_age
from core.labels import FERPLUS8, GENDER2
from core.preprocess import InputSpec
from evaluation.metrics.regression import bands
from tests.train.conftest import part_of
from train.export.calibrate import MIN_DECADE_SIZE, cross_fitted_ages, fit
from train.export.card_figures import measured_card
from train.export.model_card import describe
from train.export.thresholds import CROSS_FITTED_COVERAGE, MAX_INTERVAL_YEARS
from train.recipe.recipe import load

BINS = Head("age", "distribution", tuple(str(i) for i in range(101)), "age")
YEARS = Head("age", "regression", (), "age")


def people(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """True ages, and logits (n, 101) of a network that is far too unsure of children, too sure of
    the old, and draws all towards 35.
    """
    rng = np.random.default_rng(seed)
    truth = np.round(rng.uniform(0, 95, n))
    predicted = truth + (35 - truth) * 0.15 + rng.normal(size=n) * (1 + truth / 12)
    spread = np.where(predicted < 15, 6.0, 4.0)[:, None]
    return truth, -0.5 * ((np.arange(101) - predicted[:, None]) / spread) ** 2


def held(
    calibration: Mapping[str, float], truth: np.ndarray, z: np.ndarray, head: Head = BINS
) -> np.ndarray:
    """Share of the intervals that hold the truth, by true decade (9,)."""
    _, low, high = estimate_age(
        activate(z, head, calibration["age"] if head is BINS else 1.0), head.kind, calibration
    )
    return np.array(
        [((low <= truth) & (truth <= high))[bands(truth) == d].mean() for d in range(9)]
    )


def test_age_intervals_hold_their_share_at_every_age() -> None:
    calibration = fit([BINS], {"age": people(6000, 0)[1]}, {"age": people(6000, 0)[0]})
    alone = held({"age": calibration["age"]}, *people(20_000, 1))
    assert np.abs(alone - INTERVAL_COVERAGE).max() > 0.12, (
        "one temperature holds on average only, so that the factors have something to do"
    )
    assert held(calibration, *people(20_000, 1)) == pytest.approx(
        np.full(9, INTERVAL_COVERAGE), abs=0.035
    )


def test_a_regression_s_interval_too() -> None:
    def read(seed: int) -> tuple[np.ndarray, np.ndarray]:
        truth, z = people(6000, seed)
        return truth, (activate(z, BINS, 1.0) @ np.arange(101))[:, None]

    truth, z = read(0)
    calibration = fit([YEARS], {"age": z}, {"age": truth})
    truth, z = read(1)
    assert (
        np.abs(held({"age": calibration["age"]}, truth, z, YEARS) - INTERVAL_COVERAGE).max() > 0.12
    )
    assert held(calibration, truth, z, YEARS) == pytest.approx(
        np.full(9, INTERVAL_COVERAGE), abs=0.06
    )


def test_few_people_of_a_decade_get_no_factor() -> None:
    truth, z = people(3000, 0)
    few = np.flatnonzero(bands(truth) == 3)[: MIN_DECADE_SIZE - 1]
    keep = np.sort(np.concatenate([np.flatnonzero(bands(truth) != 3), few]))
    calibration = fit([BINS], {"age": z[keep]}, {"age": truth[keep]})
    assert {k for k in calibration if "@" in k} == {
        f"age@{y}" for y in (5, 15, 25, 45, 55, 65, 75, 85)
    }
    assert set(fit([BINS], {"age": z[few]}, {"age": truth[few]})) == {"age"}
    assert fit([BINS], {"age": z[:5]}, {"age": np.full(5, np.nan)}) == {}


def test_nobody_has_a_part_in_their_own_interval() -> None:
    truth, z = people(500, 0)
    before = cross_fitted_ages(BINS, z, truth)
    assert ((before[1] <= truth) & (truth <= before[2])).mean() == pytest.approx(
        INTERVAL_COVERAGE, abs=0.06
    )
    half = np.flatnonzero(np.random.default_rng(0).permutation(500) < 250)  # as `halves` draws them
    changed = truth.copy()
    changed[half] = np.minimum(95, changed[half] + 30)
    after = cross_fitted_ages(BINS, z, changed)
    assert all(np.array_equal(a[half], b[half]) for a, b in zip(before, after, strict=True)), (
        "their truth is not asked"
    )
    rest = np.setdiff1d(np.arange(500), half)
    assert (after[2][rest] > before[2][rest] + 1).mean() > 0.9, "but it is for the other half"


def test_temperatures_are_found_again() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(20_000, 4)) * 2
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    truth = (rng.random((len(z), 1)) > p.cumsum(1)).sum(1)
    softmax, sigmoid = (
        Head("emotion", "softmax", ("a", "b", "c", "d"), "e"),
        Head("gender", "sigmoid", ("a", "b"), "g"),
    )
    one = rng.normal(size=(20_000, 1)) * 2
    of_one = (rng.random(20_000) > 1 / (1 + np.exp(-one[:, 0]))).astype(
        int
    )  # class 0 with the logit's probability
    calibration = fit(
        [softmax, sigmoid],
        {"emotion": 2.5 * z, "gender": 0.5 * one},
        {"emotion": truth, "gender": of_one},
    )
    assert calibration["emotion"] == pytest.approx(2.5, rel=0.05) and calibration[
        "gender"
    ] == pytest.approx(0.5, rel=0.06)


class Made:
    """A predictor that answers from memory: `raw` outputs by task of crops that come in their
    order.
    """

    def __init__(self, card: Card, raw: Mapping[str, np.ndarray]) -> None:
        self.card, self.raw, self.at = card, raw, 0

    def logits(self, x: np.ndarray) -> dict[str, np.ndarray]:
        self.at += len(x)
        return {k: v[self.at - len(x) : self.at] for k, v in self.raw.items()}

    def calibrate(self, logits: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {
            h.task: activate(logits[h.task], h, self.card.calibration.get(h.task, 1.0))
            for h in self.card.heads
        }

    def ages(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return estimate_age(p, "distribution", self.card.calibration)


def exported(n: int, sure: float, girl: float = 3.0) -> Card:
    """The card of a made-up model after n samples: honest emotions as sure as `sure` logits, gender
    as `girl` ones.
    """
    rng = np.random.default_rng(0)
    recipe = load("fer_cnn_0")
    part = part_of(recipe, n, tasks=("emotion",))
    z = rng.normal(size=(n, 8)) * sure
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    emotion = (rng.random((n, 1)) > p.cumsum(1)).sum(1)
    g = rng.normal(size=(n, 2)) * girl
    gender = (rng.random(n) > 1 / (1 + np.exp(g[:, 1] - g[:, 0]))).astype(np.int64)
    truth, a = people(n, 3)
    samples = replace(
        part.samples,
        emotion=emotion.astype(np.int64),
        gender=gender,
        age=truth.astype(np.float32),
        split="val",
    )
    heads = (
        Head("emotion", "softmax", FERPLUS8.labels, "emotion"),
        Head("gender", "softmax", GENDER2.labels, "gender"),
        BINS,
    )
    spec = InputSpec.from_dict(recipe.to_dict()["input"])
    served = Made(Card("made", "0", spec, heads), {"emotion": z, "gender": g, "age": a})
    return measured_card(served, (), [replace(part, samples=samples)])


def test_a_card_s_limits_and_what_they_buy() -> None:
    card = exported(1000, 4.0)
    rows = {(m["metric"], m.get("group", "")): m for m in card.metrics}
    assert 0.6 < card.thresholds["emotion"] < 1 and card.thresholds["age"] == MAX_INTERVAL_YEARS
    assert (
        rows["emotion_accuracy_of_answers", ""]["value"]
        > 0.88
        > rows["emotion_accuracy", ""]["value"]
    )
    assert rows["emotion_accuracy_of_answers", ""]["n"] == round(
        rows["emotion_answered", ""]["value"] * 1000
    )
    assert (
        rows["gender_answered", ""]["ci95"][0]
        < rows["gender_answered", ""]["value"]
        < rows["gender_answered", ""]["ci95"][1]
    )
    assert (
        rows[CROSS_FITTED_COVERAGE, ""]["value"] == pytest.approx(INTERVAL_COVERAGE, abs=0.04)
        and rows[CROSS_FITTED_COVERAGE, ""]["n"] == 1000
    )
    decades = [
        m["n"]
        for (metric, group), m in rows.items()
        if metric == CROSS_FITTED_COVERAGE and group.startswith("age: ")
    ]
    assert len(decades) == 9 and sum(decades) == 1000
    assert (
        len(age_intervals.factors(card.calibration)[0]) == 9
        and Card.from_json(card.to_json()).thresholds == card.thresholds
    )
    text = describe(card, 1)
    assert (
        f"from {100 * card.thresholds['emotion']:.1f} %" in text
        and "intervals up to 40 years wide" in text
    )
    assert "| age: 40-49 |" in text and "| predicted age: 40-49 |" in text and "coverage |" in text
    assert "age@" not in text.split("## Figures")[0], "factors are no temperatures"
    assert "compared with" not in text
    with_findings = replace(
        card, recipe={**card.recipe, "findings": ["mixup: +0.1 points (-0.5 to +0.6)"]}
    )
    assert "compared with\n\n- mixup: +0.1 points (-0.5 to +0.6)\n" in describe(with_findings, 1)


def test_a_model_that_never_reaches_nine_of_ten_never_answers_and_says_so() -> None:
    card = exported(600, 0.3)
    assert card.thresholds["emotion"] == 1.0
    assert "never: no threshold reaches 90 %" in describe(card, 1)
    assert not [m for m in card.metrics if m["metric"] == "emotion_accuracy_of_answers"]


def test_too_few_to_tell_means_no_limit() -> None:
    card = exported(60, 4.0)
    assert set(card.thresholds) == {"age"} and not [
        m for m in card.metrics if m["metric"] in ("emotion_answered", CROSS_FITTED_COVERAGE)
    ]
