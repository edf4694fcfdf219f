"""plan: thresholds keep their wish on rows that did not choose them, clusters stay whole, and the
command says what it did.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from core.errors import DataError
from core.labels import FERPLUS8
from evaluation.__main__ import main
from evaluation.analysis.thresholds import MIN_THRESHOLD, plan_thresholds, single_threshold
from evaluation.benchmark.generated_tables import generate
from evaluation.metrics import selective
from evaluation.predictions import table
from evaluation.predictions.schema import P_COLUMNS, conform
from evaluation.statistics.estimate import plain


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 200), st.integers(0, 99), st.booleans())
def test_halves_are_halves_and_keep_clusters_whole(n: int, seed: int, clustered: bool) -> None:
    cluster = np.random.default_rng(seed).integers(0, 9, n) if clustered else None
    half = selective.halves(n, seed=seed, cluster=cluster)
    assert (half == selective.halves(n, seed=seed, cluster=cluster)).all() and half.shape == (n,)
    if cluster is None:
        assert half.sum() == (n + 1) // 2
    else:
        assert all(len(set(half[cluster == c])) == 1 for c in set(cluster.tolist()))


def test_no_row_chooses_its_own_threshold() -> None:
    """Confidence that says nothing: thresholds chosen and judged on the same rows look better than
    they are, cross-fitted ones do not.
    """
    naive, honest = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        confidence, right, pred = rng.random(120), rng.random(120) < 0.6, rng.integers(0, 3, 120)

        def choose(rows: np.ndarray) -> np.ndarray:
            chosen = confidence[rows], pred[rows], right[rows]  # noqa: B023
            return selective.class_thresholds(*chosen, 3, precision=0.8)

        naive.append(right[confidence >= choose(np.ones(120, bool))[pred]])
        honest.append(right[selective.cross_fitted(choose, confidence, pred, seed=seed)])
    assert np.concatenate(naive).mean() > 0.75 and np.concatenate(honest).mean() == pytest.approx(
        0.6, abs=0.08
    )


@pytest.mark.parametrize("wish", [{"coverage": 0.8}, {"precision": 0.9}])
def test_the_wish_holds_on_the_other_half(wish: dict[str, float]) -> None:
    plan = plan_thresholds(generate(20_000).drop_columns(["group_subject"]), "emotion", **wish)
    [(name, value)] = wish.items()
    for row in plan.per_class:
        if row.called > 800:
            assert getattr(row, name).low - 0.02 <= value <= getattr(row, name).high + 0.02
    assert plan.accuracy.value > plan.before.value and plan.coverage.value < 1
    assert plan.accuracy.n == round(plan.coverage.value * 20_000)
    assert {v.value for v in plan.groups["light"]} == {"bright", "even", "dim", "dark"}
    dark = next(v for v in plan.groups["light"] if v.value == "dark")
    assert dark.coverage.value < plan.coverage.value, "the hard group gets fewer answers"


def test_people_stay_in_one_half_and_widen_the_interval() -> None:
    predictions = generate(6000, per_person=30)
    alone, together = (
        plan_thresholds(t, "emotion", precision=0.9)
        for t in (predictions.drop_columns(["group_subject"]), predictions)
    )
    assert together.method.shares == "clustered bootstrap" and alone.method.shares == "Wilson"
    widths = [plan.coverage.high - plan.coverage.low for plan in (alone, together)]
    assert widths[1] > 1.2 * widths[0]


def test_all_abstained() -> None:
    p = np.full((40, 8), 1 / 8)
    labels = np.array(FERPLUS8.labels)
    columns = {"sample_id": np.arange(40).astype(str), "emotion_true": np.repeat(labels[1], 40)}
    plan = plan_thresholds(
        conform(pa.table(columns | dict(zip(P_COLUMNS, p.T, strict=True)))),
        "emotion",
        precision=0.9,
    )
    assert (
        plan.coverage.value == 0
        and plan.accuracy.value is None
        and plan.per_class[0].threshold is None
    )
    json.dumps(plain(plan), allow_nan=False)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = str(tmp_path / "t.parquet")
    table.write(generate(2000), path)
    assert main(["plan", path, "--precision", "0.9", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (
        result["wish"] == {"precision": 0.9}
        and result["n"] == 2000
        and result["model"] == "generated"
    )
    assert main(["plan", path, "--coverage", "0.7", "--task", "gender"]) == 0
    out = capsys.readouterr().out
    assert (
        "Perceived gender" in out
        and "cross-fitted" in out
        and "200 values of `group_subject`" in out.replace("\n", " ")
    )
    assert main(["plan", path, "--precision", "90"]) == 2 and "(0, 1]" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["plan", path, "--precision", "0.9", "--coverage", "0.9"])


def test_a_table_without_probabilities_is_refused() -> None:
    bare = generate(50).drop_columns([*P_COLUMNS, "gender_p_female"])
    for task in ("emotion", "gender"):
        with pytest.raises(DataError, match="probabilities"):
            plan_thresholds(bare, task, coverage=0.5)


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
    naive, honest = [], []
    for seed in range(40):
        confidence, right = luck.random(80), luck.random(80) < 0.6
        naive.append(right[confidence >= selective.single_threshold(confidence, right, 0.6)])
        honest.append(right[selective.cross_fitted_single(confidence, right, 0.6, seed=seed)[1]])
    assert np.concatenate(naive).mean() > 0.72 and np.concatenate(honest).mean() == pytest.approx(
        0.6, abs=0.1
    )


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
    predictions = conform(
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
