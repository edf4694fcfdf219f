"""Both producers count the same rows alike, and the report shows what the studio shows."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.labels import FERPLUS8
from evaluation.__main__ import main
from evaluation.analysis import store_ages, store_classes, store_confidence
from evaluation.analysis.by_group.fairness import fairness
from evaluation.analysis.by_group.slices import search
from evaluation.analysis.store_groups import StoreGroups
from evaluation.analysis.store_summary import summary
from evaluation.predictions import arrays, table
from evaluation.statistics.counts import GroupedCounts
from evaluation.statistics.estimate import Estimate, to_json_values
from evaluation.statistics.sample import Sample
from evaluation.store import Store, Where
from evaluation.store.counts import grouped_counts
from tests.golden.adapter import MIEN, clustered

K = 4
LABELS = np.array(FERPLUS8.labels[:K])


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """Random labels, ages of which some are unknown, and clusters; often of one class only."""
    n = draw(st.integers(1, 40))
    classes = draw(st.integers(1, K))
    label = st.integers(0, classes - 1)
    age = st.one_of(st.none(), st.integers(0, 90).map(float))
    return {
        "true": draw(st.lists(label, min_size=n, max_size=n)),
        "pred": draw(st.lists(label, min_size=n, max_size=n)),
        "age": draw(st.lists(age, min_size=n, max_size=n)),
        "guess": draw(st.lists(st.integers(0, 90).map(float), min_size=n, max_size=n)),
        "subject": draw(
            st.one_of(
                st.none(),
                st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=n, max_size=n),
            )
        ),
    }


def same(one: GroupedCounts, other: GroupedCounts) -> None:
    assert one.n.tolist() == other.n.tolist() and one.sums == pytest.approx(other.sums)
    assert one.squares == pytest.approx(other.squares) and one.is_share == other.is_share
    assert (one.by_cluster is None) == (other.by_cluster is None)
    if one.by_cluster is not None and other.by_cluster is not None:
        for name in ("cluster", "cell", "n"):
            mine, theirs = (getattr(side.by_cluster, name) for side in (one, other))
            assert mine.tolist() == theirs.tolist(), name
        assert one.by_cluster.clusters == other.by_cluster.clusters
        assert one.by_cluster.sums == pytest.approx(other.by_cluster.sums)


@settings(max_examples=25, deadline=None)
@given(rows())
def test_numpy_and_sql_count_alike(tmp_path_factory: pytest.TempPathFactory, case: dict) -> None:
    n = len(case["true"])
    true, pred = np.array(case["true"]), np.array(case["pred"])
    columns = {
        "sample_id": [str(i) for i in range(n)],
        "emotion_true": LABELS[true],
        "emotion_pred": LABELS[pred],
        "age_true": pa.array(case["age"], pa.float32()),
        "age_pred": pa.array(case["guess"], pa.float32()),
    }
    if case["subject"] is not None:
        columns["group_subject"] = pa.array(case["subject"], pa.string())
    path = tmp_path_factory.mktemp("counts") / "t.parquet"
    table.write(pa.table(columns), path, table.Meta(model="m"))
    store, predictions = Store.open([path]), table.read(path)

    sample = Sample(n, arrays.clusters(predictions), "group_subject")
    size = len(FERPLUS8.labels)
    cell = f"t.emotion_true::INT * {size} + t.emotion_pred"
    places = np.array([FERPLUS8.labels.index(label) for label in LABELS])
    code = places[true] * size + places[pred]
    mine, theirs = sample.counts(code, size**2), grouped_counts(store, Where(), cell, size**2)
    same(mine, theirs)
    every, hits = np.ones(size**2, bool), np.eye(size, dtype=bool).ravel()
    assert mine.share(hits, every) == theirs.share(hits, every)
    error = np.abs(
        np.array(case["guess"]) - np.array([np.nan if a is None else a for a in case["age"]])
    )
    value = "abs(t.age_pred::DOUBLE - t.age_true)"
    by_class = GroupedCounts.of_rows(places[true], size, error, cluster=sample.unit)
    same(by_class, grouped_counts(store, Where(), "t.emotion_true::INT", size, value))
    for estimate in (*by_class.estimates(), by_class.estimate(), mine.share(hits, every)):
        assert estimate.low is None or estimate.low <= estimate.value <= estimate.high


def test_an_estimate_refuses_an_interval_without_its_value() -> None:
    with pytest.raises(ValueError, match="holds its value"):
        Estimate(0.005, 0.007, 0.02, 100)
    with pytest.raises(ValueError, match="both ends"):
        Estimate(0.5, 0.4, None, 100)
    assert Estimate.of(float("nan"), (0.0, 1.0), 3) == Estimate(None, None, None, 3)


def close(one: Estimate, other: dict[str, Any], what: str) -> None:
    """The same numbers but for single precision, in which a store keeps ages and probabilities."""
    assert one.to_dict() == pytest.approx(other, abs=2e-5, nan_ok=True), what


@pytest.fixture(scope="module", params=["shipped", "clustered"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=["ferplus", "utkface"])
def both(kind: str, request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any], Store]:
    """What `report` and `slices` say of a shipped table, as JSON, and its store."""
    dataset = request.param
    path: Path = MIEN[dataset] if kind == "shipped" else clustered()[f"mien-{dataset}"]
    return json_of("report", path), json_of("slices", path), Store.open([path])


def json_of(command: str, path: Path) -> dict[str, Any]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main([command, str(path), "--json"]) == 0
    return json.loads(out.getvalue())


def class_tasks(report: dict[str, Any]) -> list[str]:
    return [task for task in ("emotion", "gender") if report[task] is not None]


def test_the_headline_is_the_same(both) -> None:
    report, _, store = both
    for task, figures in summary(store, Where()).tasks.items():
        for name in figures.__dataclass_fields__:
            estimate = getattr(figures, name)
            if isinstance(estimate, Estimate):
                close(estimate, report[task][name], f"{task} {name}")


def test_classes_are_the_same(both) -> None:
    report, _, store = both
    for task in class_tasks(report):
        scores = store_classes.per_class(store, task, Where(task))
        for row in report[task]["per_class"]:
            score = scores[row["label"]]
            close(score.recall, row["recall"], "recall")
            close(score.precision, row["precision"], "precision")
            ends = [score.f1.value, score.f1.low, score.f1.high]
            assert ends == pytest.approx([row["f1"], *row["f1_ci95"]])
            curve = store_classes.class_curve(store, task, Where(task), row["label"])
            assert curve is not None
            assert curve.auroc.value == pytest.approx(row["auroc"], abs=1e-5)
            assert curve.ap.value == pytest.approx(row["average_precision"], abs=1e-3)


def test_risk_coverage_and_groups_are_the_same(both) -> None:
    report, _, store = both
    for task in class_tasks(report):
        curve = store_confidence.risk_coverage(store, task, Where(task))
        assert curve is not None
        close(curve[1], report[task]["aurc"], "aurc")
        for name, rows in report[task]["groups"].items():
            shares = store_ages.accuracy_by_group(store, task, Where(task), name)
            by_value = dict(zip(store.groups[name], shares, strict=True))
            for row in rows:
                close(by_value[row["value"]], row["accuracy"], name)


def test_ages_are_the_same(both) -> None:
    report, _, store = both
    if report["age"] is None:
        assert "age" not in store.tasks
        return
    where = Where("age")
    for name, rows in report["age"]["groups"].items():
        errors = store_ages.by_group(store, where, name)
        assert errors is not None
        pairs = zip(store.groups[name], errors.mae, errors.bias, strict=True)
        by_value = {value: (mae, bias) for value, mae, bias in pairs}
        for row in rows:
            close(by_value[row["value"]][0], row["mae"], name)
            close(by_value[row["value"]][1], row["bias"], name)
    intervals = store_confidence.age_intervals(store, where)
    close(intervals[0].coverage, report["age"]["interval"]["coverage"], "coverage")
    scores = store_ages.cumulative_scores(store, where)
    for row in report["age"]["cs"]:
        close(scores[row["k"]], {k: row[k] for k in ("value", "low", "high", "n")}, "cs")


def test_mistakes_across_tasks_are_the_same(both) -> None:
    report, _, store = both
    pairs = [to_json_values(pair) for pair in store_ages.cross_tasks(store, Where())]
    assert [(p["task"], p["given"], p["n"]) for p in pairs] == [
        (p["task"], p["given"], p["n"]) for p in report["cross"]
    ]
    for mine, theirs in zip(pairs, report["cross"], strict=True):
        for key in ("right", "wrong", "difference"):
            assert mine[key] == pytest.approx(theirs[key], abs=2e-5)


def test_gaps_and_slices_are_the_same(both) -> None:
    _, slices, store = both
    for task in store.tasks:
        source = StoreGroups(store, task, Where(task))
        gaps = {gap.group: gap for gap in fairness(source, support=30)}
        for row in slices[task]["fairness"]:
            close(gaps[row["group"]].gap, row["gap"], row["group"])
            close(gaps[row["group"]].ratio, row["ratio"], row["group"])
        findings = search(source, support=30, fdr=0.05).slices
        assert [s.conditions for s in findings] == [s["conditions"] for s in slices[task]["slices"]]
        for mine, theirs in zip(findings, slices[task]["slices"], strict=True):
            close(mine.worse_by, theirs["worse_by"], str(mine.conditions))
