"""One limit of confidence for a wished precision: where it lands, what it promises."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from core.labels import FERPLUS8
from evaluation.__main__ import main
from evaluation.analysis.thresholds import MIN_THRESHOLD, plan_thresholds, single_threshold
from evaluation.benchmark.generated_tables import generate
from evaluation.metrics import selective
from evaluation.predictions import table
from evaluation.predictions.schema import P_COLUMNS, to_schema


def calibrated(n: int, low: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Honest confidence, even over [low, 1], and whether each answer is right: from t on (1 + t) /
    2 of them are.
    """
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(low, 1, n)
    return confidence, rng.random(n) < confidence


def test_one_limit_lands_where_theory_says() -> None:
    confidence, right = calibrated(40_000, 0.5)
    assert selective.single_threshold(confidence, right, 0.9) == pytest.approx(0.8, abs=0.025)
    assert selective.single_threshold(confidence, right, 0.95) == pytest.approx(0.9, abs=0.025)
    assert selective.single_threshold(confidence, right, 0.9, floor=0.85) == 0.85
    assert selective.single_threshold(confidence, right, 0.7, floor=0.6) == 0.6, (
        "all answers together reach it, so that only the floor counts"
    )


def test_one_limit_is_cautious() -> None:
    """True precision from a limit t on is (1 + t) / 2, so the wish holds from 0.8 on: nearly
    always, not by half.
    """
    cautious, plain = [], []
    for seed in range(60):
        confidence, right = calibrated(400, 0.5, seed)
        cautious.append(selective.single_threshold(confidence, right, 0.9))
        plain.append(
            selective.class_thresholds(confidence, np.zeros(400, int), right, 1, precision=0.9)[0]
        )
    assert np.mean(np.array(cautious) >= 0.8) >= 0.95 and np.mean(np.array(plain) >= 0.8) < 0.75


def test_where_no_limit_is_enough_nothing_is_answered() -> None:
    rng = np.random.default_rng(0)
    confidence, right = rng.uniform(0.5, 1, 5000), rng.random(5000) < 0.6
    assert selective.single_threshold(confidence, right, 0.9) == 1.0
    assert not selective.cross_fitted_single(confidence, right, 0.9)[1].any()
    assert selective.single_threshold(np.zeros(0), np.zeros(0, bool), 0.9) == 1.0
    for wish in ({"precision": 0.0}, {"precision": 1.1}, {"precision": 0.9, "floor": 1.5}):
        with pytest.raises(ValueError, match="precision"):
            selective.single_threshold(confidence, right, **wish)


def test_what_one_limit_buys_is_measured_on_others() -> None:
    confidence, right = calibrated(40_000, 0.5)
    _, answered = selective.cross_fitted_single(confidence, right, 0.9)
    assert right[answered].mean() == pytest.approx(
        0.905, abs=0.01
    ) and answered.mean() == pytest.approx(0.385, abs=0.02)
    luck = np.random.default_rng(
        1
    )  # confidence that says nothing, so few rows that some limit seems to be enough for 60 %
    naive, cross_fitted = [], []
    for seed in range(40):
        confidence, right = luck.random(80), luck.random(80) < 0.6
        naive.append(right[confidence >= selective.single_threshold(confidence, right, 0.6)])
        cross_fitted.append(
            right[selective.cross_fitted_single(confidence, right, 0.6, seed=seed)[1]]
        )
    assert np.concatenate(naive).mean() > 0.72 and np.concatenate(
        cross_fitted
    ).mean() == pytest.approx(0.6, abs=0.1)


def test_effective_numbers_are_those_of_their_definition() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 120))
        confidence, cluster = (
            np.round(rng.uniform(0.5, 1, n), 2 + seed % 3),
            1000 * rng.integers(0, rng.integers(1, 20), n),
        )
        right = rng.random(n) < confidence
        result, limits = (
            selective.effective_sample_size(confidence, right, cluster),
            np.unique(confidence)[::-1],
        )
        assert result.shape == limits.shape
        for least, worth in zip(limits, result, strict=True):
            here = confidence >= least
            share, count, names = right[here].mean(), here.sum(), np.unique(cluster[here])
            if len(names) < 2 or share in (0, 1):
                assert worth == (len(names) if len(names) > 1 else 0)
                continue
            sums = np.array([(right[here & (cluster == c)] - share).sum() for c in names])
            variance = (sums @ sums) * len(names) / (len(names) - 1) / count**2
            alone = min(share * (1 - share) / variance, count) if variance > 1e-12 else count
            assert worth == pytest.approx(
                alone * (norm.ppf(0.975) / student.ppf(0.975, len(names) - 1)) ** 2, rel=1e-6
            )


def test_many_pictures_of_a_person_are_not_many_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty persons, fifty pictures each, one of them always wrong: 95 % are right, which twenty
    answers do not show to be 90 %.
    """
    who, confidence = np.repeat(np.arange(20), 50), np.random.default_rng(1).uniform(0.8, 1, 1000)
    right = who > 0
    assert selective.single_threshold(confidence, right, 0.9, floor=0.6) < 0.81
    assert selective.single_threshold(confidence, right, 0.9, floor=0.6, cluster=who) == 1
    assert selective.effective_sample_size(confidence, right, who)[-1] == pytest.approx(
        19 * (1.96 / 2.093) ** 2, rel=1e-3
    )
    assert not selective.cross_fitted_single(confidence, right, 0.9, floor=0.6, cluster=who)[
        1
    ].any()
    labels, p = np.array(FERPLUS8.labels), np.zeros((1000, len(FERPLUS8)))
    p[:, 1], p[:, 0] = confidence, 1 - confidence
    columns = {
        "sample_id": np.arange(1000).astype(str),
        "emotion_true": labels[np.where(right, 1, 0)],
        "group_subject": who.astype(str),
    }
    predictions = to_schema(
        pa.table(
            columns
            | dict(
                zip(
                    P_COLUMNS,
                    p[:, [labels.tolist().index(c[10:]) for c in P_COLUMNS]].T,
                    strict=True,
                )
            )
        )
    )
    table.write(predictions, tmp_path / "t.parquet")
    assert main(["plan", str(tmp_path / "t.parquet"), "--precision", "0.9", "--one"]) == 0
    assert "never: no threshold reaches it" in capsys.readouterr().out
    assert single_threshold(predictions.drop_columns(["group_subject"]), "emotion").limit < 0.81


def test_where_persons_differ_the_limit_keeps_its_promise() -> None:
    """Persons differ in how often they are read right; true precision from each limit on is that of
    4,000 other persons.
    """

    def drawn(rng: np.random.Generator, persons: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        who, confidence = np.repeat(np.arange(persons), 50), rng.uniform(0.5, 1, 50 * persons)
        odds = np.log(confidence / (1 - confidence)) + rng.normal(0, 2, persons)[who]
        return confidence, rng.random(len(who)) < 1 / (1 + np.exp(-odds)), who

    others, right, _ = drawn(np.random.default_rng(9), 4000)
    kept = []
    for seed in range(60):
        *answers, who = drawn(np.random.default_rng(seed), 20)
        limits = [
            selective.single_threshold(*answers, 0.9, floor=0.5, cluster=c) for c in (None, who)
        ]
        kept.append([least >= 1 or right[others >= least].mean() >= 0.9 for least in limits])
    assert np.mean(kept, axis=0)[0] < 0.93 and np.mean(kept, axis=0)[1] >= 0.95


def test_limited_reads_a_table_as_the_planner_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = generate(6000)
    plan = single_threshold(predictions, "emotion")
    assert (
        plan.before == plan_thresholds(predictions, "emotion", precision=0.9).before
        and plan.n == 6000
    )
    assert (
        MIN_THRESHOLD <= plan.limit < 1 and plan.accuracy.value >= 0.89 and plan.coverage.value < 1
    )
    table.write(predictions, tmp_path / "t.parquet")
    assert main(["plan", str(tmp_path / "t.parquet"), "--precision", "0.9", "--one", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["limit"] == plan.limit and printed["accuracy"] == plan.accuracy.to_dict()
    assert main(["plan", str(tmp_path / "t.parquet"), "--precision", "0.9", "--one"]) == 0
    assert f"{plan.limit:.4f}" in capsys.readouterr().out
    assert main(["plan", str(tmp_path / "t.parquet"), "--coverage", "0.9", "--one"]) == 2
    assert "--precision beside --one" in capsys.readouterr().err
