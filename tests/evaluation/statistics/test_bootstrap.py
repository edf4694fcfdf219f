"""Resampling: bundles give the interval of single units, counts stay exact, clusters reach every
figure, and a million rows stay fast.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.labels import FERPLUS8, GENDER2
from evaluation.analysis.summary import table_report
from evaluation.benchmark.generated_tables import generate
from evaluation.predictions import arrays
from evaluation.predictions.schema import P_COLUMNS, to_schema
from evaluation.statistics import bootstrap, intervals
from evaluation.statistics.bootstrap import centred, merged, percentiles, times_drawn
from evaluation.statistics.counts import GroupedCounts, drawn_counts
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Sample
from tests.evaluation import references

LABELS = np.array(FERPLUS8.labels)
SHIFT = 1_000_000


def width(interval: tuple[float, float] | dict) -> float:
    low, high = (interval.low, interval.high) if isinstance(interval, Estimate) else interval
    return high - low


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 10), min_size=1, max_size=60), st.booleans())
def test_counts_and_sums_are_those_of_the_clusters(cluster: list[int], far: bool) -> None:
    ids = np.array(cluster) * (SHIFT if far else 1)
    values = np.arange(len(ids), dtype=float)
    cell = np.arange(len(ids)) % 3 - 1  # a third belongs nowhere
    counts = GroupedCounts.of_rows(cell, 2, values, cluster=ids)
    inside = cell >= 0
    names, at = np.unique(ids[inside], return_inverse=True)
    if not len(names):
        assert counts.by_cluster is None and counts.total == 0
        return
    n, sums = counts.by_cluster_in(np.arange(2))
    mine = [(at == i)[:, None] & (cell[inside][:, None] == np.arange(2)) for i in range(len(names))]
    assert n.tolist() == [m.sum(axis=0).tolist() for m in mine]
    assert sums.tolist() == [(m * values[inside][:, None]).sum(axis=0).tolist() for m in mine]
    drawn = drawn_counts(counts)
    assert drawn.shape == (1000, 2) and (drawn == np.rint(drawn)).all(), "counts stay whole numbers"


def test_every_round_draws_as_many_clusters_as_there_are() -> None:
    assert (times_drawn(500).sum(axis=1) == 500).all()
    with pytest.raises(ValueError, match="`cluster`"):
        Sample(3, np.zeros(2, int))


def test_the_draws_agree_with_drawing_indices() -> None:
    rng = np.random.default_rng(1)
    values = rng.exponential(3, 400)
    ours = percentiles(times_drawn(400, 4000) @ values / 400)
    slow = intervals.bootstrap(lambda at: float(values[at].mean()), 400, rounds=4000, seed=9)
    assert ours == pytest.approx(slow, abs=0.1 * width(slow))


def test_a_centred_interval_holds_its_value() -> None:
    drawn = np.random.default_rng(0).gamma(2, 0.01, 1000) + 0.01  # wholly above the value
    low, high = centred(0.005, drawn, minimum=0, maximum=1)
    assert low == 0 and 0.005 < high < 0.06
    plain = percentiles(drawn)
    low, high = centred(float(np.median(drawn)), drawn)
    assert (low, high) == pytest.approx(plain)
    assert np.isnan(centred(1.0, np.ones(1000))).all() and np.isnan(centred(1.0, np.zeros(0))).all()


def test_many_clusters_are_merged_evenly() -> None:
    few = np.arange(1000) * 7
    assert (merged(few) == few).all()
    bundles = np.bincount(merged(np.arange(50_000)), minlength=1000)
    assert len(bundles) == 1000 and bundles.min() > 40 and bundles.max() < 60


@pytest.mark.parametrize("alike", [0.0, 1.0])
def test_bundles_keep_the_width_of_clusters(alike: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """12,000 clusters of one to six, drawn one by one and in 1,000 bundles: shares that differ by
    cluster, and a rare class.
    """
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(12_000), rng.integers(1, 7, 12_000))
    person = rng.random(12_000)[cluster]
    hit = (alike * person + (1 - alike) * rng.random(len(cluster))) < 0.7
    rare = rng.random(len(cluster)) < 0.004

    def intervals_of_each() -> list[tuple[float, float]]:
        sample = Sample(len(hit), cluster, "who")
        estimates = [*sample.shares(hit, rare.astype(int), 2), sample.mean(person)]
        return [(f.low, f.high) for f in estimates]

    monkeypatch.setattr(bootstrap, "MAX_CLUSTERS", 20_000)
    alone = intervals_of_each()
    monkeypatch.setattr(bootstrap, "MAX_CLUSTERS", 1_000)
    for one, many in zip(alone, intervals_of_each(), strict=True):
        assert width(many) == pytest.approx(width(one), rel=0.15)
        assert many == pytest.approx(one, abs=0.15 * width(one))


def test_a_share_that_no_round_changes_is_not_certain() -> None:
    cluster = np.repeat(np.arange(12), 5)
    sure = Sample(60, cluster, "who").share(np.ones(60, bool))
    assert (sure.value, sure.low, sure.high) == (1.0, *intervals.wilson(12, 12))
    assert sure.low < 0.8
    one = Sample(10, np.zeros(10, int), "who").share(np.arange(10) < 7)
    assert one.value == 0.7 and one.low is None, "one cluster says nothing of others"
    empty = Sample(10, np.arange(10), "who").shares(np.ones(10, bool), np.zeros(10, int), 2)[1]
    assert empty == Estimate(None, None, None, 0)


def people(each: int = 10, persons: int = 80) -> pa.Table:
    """Every sample `each` times by one person: `persons` samples of evidence, all tasks, a group
    that follows the person.
    """
    rng = np.random.default_rng(0)
    p, true = rng.dirichlet(np.ones(8), persons), rng.integers(0, 8, persons)
    ages, guess = rng.integers(5, 80, persons).astype(float), rng.normal(0, 8, persons)
    female = rng.random(persons)
    columns: dict[str, object] = {"sample_id": np.arange(persons * each).astype(str)}
    once = {
        "emotion_true": LABELS[true],
        **dict(zip(P_COLUMNS, p.T, strict=True)),
        "age_true": ages,
        "age_pred": ages + guess,
        "age_low": ages + guess - 5,
        "age_high": ages + guess + 5,
        "gender_true": np.array(GENDER2.labels)[rng.integers(0, 2, persons)],
        "gender_p_female": female,
        "group_race": np.where(np.arange(persons) % 2, "x", "y"),
        "group_subject": np.arange(persons).astype(str),
    }
    return to_schema(
        pa.table(columns | {name: np.repeat(values, each) for name, values in once.items()})
    )


def test_clusters_make_every_interval_wider() -> None:
    table = people()
    alone, together = table_report(table.drop_columns(["group_subject"])), table_report(table)
    for task in ("emotion", "gender", "age"):
        assert (
            getattr(alone, task).method.shares == "Wilson" and getattr(alone, task).clusters is None
        )
        assert (
            getattr(together, task).method.shares == "clustered bootstrap"
            and getattr(together, task).clusters == 80
        )
        assert "80 values of `group_subject`" in getattr(together, task).method.text
    picks: dict[str, Callable[[dict], dict]] = {
        name: (lambda f, n=name: getattr(f.emotion, n))
        for name in (
            "accuracy",
            "macro_f1",
            "balanced_accuracy",
            "kappa",
            "nll",
            "brier",
            "aurc",
            "ece",
            "ece_equal_mass",
            "classwise_ece",
        )
    }
    picks |= {
        name: (lambda f, n=name: getattr(f.age, n)) for name in ("mae", "rmse", "bias", "cs5")
    }
    picks |= {
        "recall": lambda f: f.emotion.per_class[0].recall,
        "precision": lambda f: f.emotion.per_class[0].precision,
        "group": lambda f: f.emotion.groups["race"][0].accuracy,
        "group mae": lambda f: f.age.groups["race"][1].mae,
        "coverage": lambda f: f.age.interval.coverage,
        "cs": lambda f: f.age.cs[1].share,
        "cross": lambda f: f.cross[0].difference,
    }
    for name, pick in picks.items():
        ratio = width(pick(together)) / width(pick(alone))
        assert 2 < ratio < 4.2, f"{name}: the root of 10 is 3.16, got {ratio:.2f}"
        assert pick(together).value == pytest.approx(pick(alone).value, abs=1e-12)


def test_figures_of_calibration_are_those_of_the_metrics() -> None:
    table = people(3)
    classes, report = arrays.classes(table, "emotion"), table_report(table).emotion
    assert classes is not None and classes.p is not None
    top, right = classes.p.max(axis=1), classes.p.argmax(axis=1) == classes.true
    assert report.ece.value == pytest.approx(references.ece(top, right), abs=1e-12)
    assert report.ece_equal_mass.value == pytest.approx(
        references.ece(top, right, equal_mass=True), abs=1e-12
    )
    own = references.classwise_ece(classes.p, classes.true)
    assert [c.ece.value for c in report.per_class] == pytest.approx(own, abs=1e-12)
    assert report.classwise_ece.value == pytest.approx(own.mean(), abs=1e-12)
    assert report.risk_coverage.coverage[-1] == 1 and report.risk_coverage.risk[
        -1
    ] == pytest.approx(1 - right.mean())
    assert report.aurc.low < report.aurc.value < report.aurc.high


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(2, 8))
def test_the_most_probable_class_is_numpys(seed: int, n: int, k: int) -> None:
    p = np.random.default_rng(seed).integers(0, 4, (n, k)) / 4  # ties are common
    top, best = arrays.most_probable(p)
    assert (top == p.max(axis=1)).all() and (best == p.argmax(axis=1)).all()


def test_a_column_of_names_is_no_group() -> None:
    table = people(3).append_column("group_file", pa.array([f"f{i}" for i in range(240)]))
    report = table_report(table)
    assert report.groups_left_out == {"file": 240} and set(report.emotion.groups) == {
        "race",
        "age_decade",
        "gender",
    }


def test_percentiles_leave_out_what_has_no_value() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (
            percentiles(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
            and np.isnan(percentiles(np.full(3, np.nan))).all()
        )
        low, high = percentiles(np.r_[np.ones(50), np.full(50, np.inf)])
        assert low == 1 and not np.isfinite(high)


def test_a_generated_table_is_seeded_and_models_share_its_truth() -> None:
    a, b = generate(2000, seed=1), generate(2000, seed=1, model="b")
    assert a.equals(generate(2000, seed=1)) and not a.equals(
        generate(2000, seed=2).rename_columns(a.column_names)
    )
    assert a["emotion_true"].equals(b["emotion_true"]) and not a["emotion_pred"].equals(
        b["emotion_pred"]
    )
    to_schema(a)
    report = table_report(a)
    assert 0.7 < report.emotion.accuracy.value < 0.95 and report.gender and report.age
    with pytest.raises(ValueError, match="at least 1"):
        generate(0)
