"""Classes, pairs of models and parts, as the studio counts them, equal the library and scikit-learn
on the rows themselves.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as oracle

from core.labels import FERPLUS8
from evaluation.analysis import store_classes, store_pairs, table_pairs
from evaluation.analysis.summary import table_report
from evaluation.benchmark.generated_tables import generate
from evaluation.predictions import arrays, table
from evaluation.predictions.tasks import KNOWN_TASKS
from evaluation.statistics import significance
from evaluation.statistics.bootstrap import MAX_CLUSTERS
from evaluation.statistics.sample import Sample
from evaluation.store import Where, sample_table
from evaluation.store.counts import grouped_counts
from tests.evaluation.conftest import of, opened

A = Where(models=("a",))


@pytest.mark.parametrize("which", ["alone", "people"])
@pytest.mark.parametrize("task", ["emotion", "gender"])
def test_classes_equal_scikit_learn_and_the_report(
    which: str, task: str, request: pytest.FixtureRequest
) -> None:
    predictions, store = request.getfixturevalue(which)
    result, report = (
        store_classes.per_class(store, task, A),
        getattr(table_report(of(predictions, "a")), task),
    )
    classes = arrays.classes(of(predictions, "a"), task)
    assert classes is not None and classes.p is not None
    precision, recall, f1, support = oracle.precision_recall_fscore_support(
        classes.true, classes.pred, labels=range(len(classes.labels)), zero_division=0
    )
    for i, ((label, row), other) in enumerate(zip(result.items(), report.per_class, strict=True)):
        assert (label, row.n, row.predicted_n) == (
            classes.labels[i],
            support[i],
            (classes.pred == i).sum(),
        )
        for name, value in (("precision", precision[i]), ("recall", recall[i]), ("f1", f1[i])):
            assert getattr(row, name).value == pytest.approx(value, abs=1e-12)
        assert (row.recall, row.precision) == (other.recall, other.precision)
        assert (row.f1.low, row.f1.high) == other.f1_ci95
        curve = store_classes.class_curve(store, task, A, label)
        assert curve is not None and (curve.n, curve.others) == (
            support[i],
            len(classes.true) - support[i],
        )
        assert curve.auroc.value == pytest.approx(
            oracle.roc_auc_score(classes.true == i, classes.p[:, i]), abs=1e-5
        )
        assert curve.ap.value == pytest.approx(
            oracle.average_precision_score(classes.true == i, classes.p[:, i]), abs=1e-4
        )
        if curve.auroc.low is None:  # every round separates them perfectly, as the rows do
            assert curve.auroc.value == 1
        else:
            assert curve.auroc.low <= curve.auroc.value <= curve.auroc.high
        assert curve.roc[0][0] == 0 and curve.roc[1][-1] == 1 and curve.pr[0][-1] == 1


def test_intervals_of_areas_are_those_of_a_bootstrap(alone) -> None:
    predictions, store = alone
    classes = arrays.classes(of(predictions, "a"), "emotion")
    assert classes is not None and classes.p is not None
    rng, drawn = np.random.default_rng(0), []
    for _ in range(300):
        at = rng.integers(0, len(classes.true), len(classes.true))
        drawn.append(oracle.roc_auc_score(classes.true[at] == 2, classes.p[at, 2]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    curve = store_classes.class_curve(store, "emotion", A, classes.labels[2])
    assert curve is not None and curve.auroc.high - curve.auroc.low == pytest.approx(
        high - low, rel=0.25
    )


@pytest.mark.parametrize("which", ["alone", "people"])
@pytest.mark.parametrize("task", KNOWN_TASKS)
def test_two_models_compare_as_their_tables_do(
    which: str, task: str, request: pytest.FixtureRequest
) -> None:
    predictions, store = request.getfixturevalue(which)
    other = table_pairs.compare(of(predictions, "a"), of(predictions, "b"))
    result, wanted = store_pairs.compare(store, task, "a", "b", Where()), other.tasks[task]
    assert result is not None and wanted is not None
    assert (result.n, result.only_a, result.only_b) == (
        wanted.n,
        other.only_a,
        other.only_b,
    )
    assert result.differences == wanted.differences and result.test == wanted.test
    mine = {(p.by, p.value): p for p in result.parts}
    assert mine == {(p.by, p.value): p for p in wanted.parts}


def test_samples_with_different_truths_or_one_model_are_left_out(tmp_path: Path) -> None:
    first, second, third = FERPLUS8.labels[:3]
    predictions = pa.table(
        {
            "sample_id": ["1", "2", "3", "1", "2", "4"],
            "model": ["a"] * 3 + ["b"] * 3,
            "emotion_true": [first, second, first, first, third, first],
            "emotion_pred": [first, second, first, second, third, first],
        }
    )
    store = opened(predictions, tmp_path)
    result = store_pairs.compare(store, "emotion", "a", "b", Where())
    assert result is not None and (
        result.n,
        result.truth_differs,
        result.only_a,
        result.only_b,
    ) == (1, 1, 1, 1)
    assert result.mcnemar.only_a == 1 and result.mcnemar.p == significance.mcnemar(1, 0)
    assert store_pairs.compare(store, "emotion", "a", "b", Where(text="3")) is None
    n, rows = store_pairs.disagreements(store, "emotion", "a", "b", Where(), "a")
    assert n == 1 and rows.to_pylist() == [
        {"sample_id": "1", "dataset": "", "true": first, "a": first, "b": second}
    ]


def test_disagreements_are_of_their_kind(alone) -> None:
    _, store = alone
    counts = store_pairs.compare(store, "emotion", "a", "b", Where())
    assert counts is not None
    for kind, wanted in (("a", counts.mcnemar.only_a), ("b", counts.mcnemar.only_b)):
        n, rows = store_pairs.disagreements(store, "emotion", "a", "b", Where(), kind, limit=7)
        assert n == wanted and len(rows) == 7
        other = "b" if kind == "a" else "a"
        assert all(r[kind] == r["true"] != r[other] for r in rows.to_pylist())
    n, rows = store_pairs.disagreements(store, "emotion", "a", "b", Where(), "neither")
    assert n == len(rows) and all(len({r["true"], r["a"], r["b"]}) == 3 for r in rows.to_pylist())
    n, rows = store_pairs.disagreements(store, "age", "a", "b", Where(), limit=50)
    far = [abs(r["a"] - r["b"]) for r in rows.to_pylist()]
    assert far == sorted(far, reverse=True)


def test_rows_without_a_person_are_persons_of_their_own(tmp_path: Path) -> None:
    """Null and "" alike, in a table as in a store; the same counts, and so the same intervals."""
    person = [f"p{i // 2}" for i in range(20)] + ["", None] * 20
    rows = pa.table(
        {
            "sample_id": [f"s{i}" for i in range(60)],
            "emotion_true": FERPLUS8.labels[:2] * 30,
            "emotion_pred": [FERPLUS8.labels[i % 2 if i % 3 else 0] for i in range(60)],
            "group_subject": person,
            "group_race": ["x", "", None] * 20,
        }
    )
    store = opened(rows, tmp_path)
    assert store.cluster_count == 50
    assert store.counts(["race"], Where()) == [("", 40), ("x", 20)]
    report = table_report(table.read(tmp_path / "t.parquet")).emotion
    assert report.clusters == 50
    scores = store_classes.per_class(store, "emotion", Where())
    for line in report.per_class:
        assert scores[line.label].recall == line.recall
        assert (scores[line.label].f1.low, scores[line.label].f1.high) == line.f1_ci95


def test_clusters_are_drawn_whole_and_merged_where_they_are_many(people, tmp_path: Path) -> None:
    predictions, store = people
    counts = grouped_counts(store, A, "0", 1)
    names = set(of(predictions, "a")["group_subject"].to_pylist())
    assert counts.total == 3000 and counts.by_cluster is not None
    assert counts.by_cluster.clusters == len(names)
    many = generate(8000, model="a", per_person=2)
    merged = grouped_counts(opened(many, tmp_path), Where(), "0", 1).by_cluster
    assert merged is not None and 0.9 * MAX_CLUSTERS < merged.clusters <= MAX_CLUSTERS
    sample = Sample(len(many), arrays.clusters(many))
    mine = sample.counts(np.zeros(len(many), int), 1).by_cluster
    assert mine is not None and mine.n.tolist() == merged.n.tolist()


def test_a_share_that_no_round_can_change_keeps_an_interval(people) -> None:
    _, store = people
    counts = grouped_counts(store, A, "1", 2)
    hits = np.array([False, True])
    f = counts.share(hits, np.array([True, True]))
    assert f.value == 1 and 0.98 < f.low < 1 and f.high == 1
    assert counts.share(hits, np.array([True, False])).value is None


def test_part_of_a_store_is_a_table_again(people) -> None:
    predictions, store = people
    sampled = sample_table.table(store, "emotion", A, 10_000)
    mine, theirs = (
        arrays.classes(sampled, "emotion"),
        arrays.classes(of(predictions, "a"), "emotion"),
    )
    assert mine is not None and theirs is not None and mine.p is not None and theirs.p is not None
    assert (
        (mine.true == theirs.true).all()
        and (mine.pred == theirs.pred).all()
        and np.allclose(mine.p, theirs.p, atol=1e-6)
    )
    assert (
        set(arrays.coded_groups(sampled)) == set(arrays.coded_groups(predictions))
        and arrays.cluster_name(sampled) == "group_subject"
    )
    few = sample_table.table(store, "emotion", A, 1000)
    assert 500 < len(few) < 1500 and few.equals(sample_table.table(store, "emotion", A, 1000))
    both = set(few["group_subject"].to_pylist())
    assert sum(p in both for p in sampled["group_subject"].to_pylist()) == len(few), (
        "persons come whole"
    )
