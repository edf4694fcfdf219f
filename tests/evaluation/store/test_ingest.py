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
from evaluation.analysis import comparison, each_class, pairs
from evaluation.analysis.summary import figures
from evaluation.benchmark.generated_tables import generate
from evaluation.predictions import arrays
from evaluation.predictions.schema import TASKS
from evaluation.statistics import significance
from evaluation.store import Where, sample_table
from evaluation.store.resampled import UNITS, counted, unit
from tests.evaluation.conftest import close, of, opened

A = Where(models=("a",))


@pytest.mark.parametrize("which", ["alone", "people"])
@pytest.mark.parametrize("task", ["emotion", "gender"])
def test_classes_equal_scikit_learn_and_the_report(
    which: str, task: str, request: pytest.FixtureRequest
) -> None:
    whole, store = request.getfixturevalue(which)
    found, report = each_class.per_class(store, task, A), figures(of(whole, "a"))[task]
    seen = arrays.classes(of(whole, "a"), task)
    assert seen is not None and seen.p is not None
    precision, recall, f1, support = oracle.precision_recall_fscore_support(
        seen.true, seen.pred, labels=range(len(seen.labels)), zero_division=0
    )
    for i, (row, other) in enumerate(zip(found, report["per_class"], strict=True)):
        assert (row["label"], row["n"], row["called"]) == (
            seen.labels[i],
            support[i],
            (seen.pred == i).sum(),
        )
        for name, value in (("precision", precision[i]), ("recall", recall[i]), ("f1", f1[i])):
            assert row[name].value == pytest.approx(value, abs=1e-12)
        close(row["recall"], other["recall"])
        close(row["precision"], other["precision"])
        assert row["f1"].low == pytest.approx(other["f1_ci95"][0], abs=0.02)
        curve = each_class.curve(store, task, A, row["label"])
        assert curve is not None and (curve.n, curve.others) == (
            support[i],
            len(seen.true) - support[i],
        )
        assert curve.auroc.value == pytest.approx(
            oracle.roc_auc_score(seen.true == i, seen.p[:, i]), abs=5e-4
        )
        assert curve.ap.value == pytest.approx(
            oracle.average_precision_score(seen.true == i, seen.p[:, i]), abs=5e-3
        )
        assert curve.auroc.low <= curve.auroc.value <= curve.auroc.high
        assert curve.roc[0][0] == 0 and curve.roc[1][-1] == 1 and curve.pr[0][-1] == 1


def test_intervals_of_areas_are_those_of_a_bootstrap(alone) -> None:
    whole, store = alone
    seen = arrays.classes(of(whole, "a"), "emotion")
    assert seen is not None and seen.p is not None
    rng, drawn = np.random.default_rng(0), []
    for _ in range(300):
        at = rng.integers(0, len(seen.true), len(seen.true))
        drawn.append(oracle.roc_auc_score(seen.true[at] == 2, seen.p[at, 2]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    curve = each_class.curve(store, "emotion", A, seen.labels[2])
    assert curve is not None and curve.auroc.high - curve.auroc.low == pytest.approx(
        high - low, rel=0.25
    )


@pytest.mark.parametrize("which", ["alone", "people"])
@pytest.mark.parametrize("task", TASKS)
def test_two_models_compare_as_their_tables_do(
    which: str, task: str, request: pytest.FixtureRequest
) -> None:
    whole, store = request.getfixturevalue(which)
    other = comparison.compare(of(whole, "a"), of(whole, "b"))
    found, wanted = pairs.compare(store, task, "a", "b", Where()), other[task]
    assert found is not None and wanted is not None
    assert (found["n"], found["only_a"], found["only_b"]) == (
        wanted["n"],
        other["only_a"],
        other["only_b"],
    )
    for name in ("accuracy", "macro_f1", "mae"):
        assert (name in found) == (name in wanted)
        if name in found:
            assert (found[name]["a"], found[name]["b"]) == pytest.approx(
                (wanted[name]["a"], wanted[name]["b"]), abs=1e-12
            )
            close(found[name]["difference"], wanted[name]["difference"])
    test = "paired_t" if task == "age" else "mcnemar"
    assert (
        found[test]["p"] == pytest.approx(wanted[test]["p"], abs=1e-9)
        and found[test]["test"] == wanted[test]["test"]
    )
    mine = {(p["by"], p["value"]): p for p in found["parts"]}
    assert set(mine) == {(p["by"], p["value"]) for p in wanted["parts"]}
    for p in wanted["parts"]:
        here = mine[p["by"], p["value"]]
        assert (here["n"], here["wins"], here["losses"], here["better"]) == (
            p["n"],
            p["wins"],
            p["losses"],
            p["better"],
        )
        assert here["p"] == pytest.approx(p["p"], abs=1e-9) and here["p_adjusted"] == pytest.approx(
            p["p_adjusted"], abs=1e-9
        )


def test_samples_with_different_truths_or_one_model_are_left_out(tmp_path: Path) -> None:
    first, second, third = FERPLUS8.labels[:3]
    whole = pa.table(
        {
            "sample_id": ["1", "2", "3", "1", "2", "4"],
            "model": ["a"] * 3 + ["b"] * 3,
            "emotion_true": [first, second, first, first, third, first],
            "emotion_pred": [first, second, first, second, third, first],
        }
    )
    store = opened(whole, tmp_path)
    found = pairs.compare(store, "emotion", "a", "b", Where())
    assert found is not None and (
        found["n"],
        found["truth_differs"],
        found["only_a"],
        found["only_b"],
    ) == (1, 1, 1, 1)
    assert found["mcnemar"]["only_a"] == 1 and found["mcnemar"]["p"] == significance.mcnemar(1, 0)
    assert pairs.compare(store, "emotion", "a", "b", Where(text="3")) is None
    n, rows = pairs.disagreements(store, "emotion", "a", "b", Where(), "a")
    assert n == 1 and rows.to_pylist() == [
        {"sample_id": "1", "dataset": "", "true": first, "a": first, "b": second}
    ]


def test_disagreements_are_of_their_kind(alone) -> None:
    _, store = alone
    counts = pairs.compare(store, "emotion", "a", "b", Where())
    assert counts is not None
    for kind, wanted in (("a", counts["mcnemar"]["only_a"]), ("b", counts["mcnemar"]["only_b"])):
        n, rows = pairs.disagreements(store, "emotion", "a", "b", Where(), kind, limit=7)
        assert n == wanted and len(rows) == 7
        other = "b" if kind == "a" else "a"
        assert all(r[kind] == r["true"] != r[other] for r in rows.to_pylist())
    n, rows = pairs.disagreements(store, "emotion", "a", "b", Where(), "neither")
    assert n == len(rows) and all(len({r["true"], r["a"], r["b"]}) == 3 for r in rows.to_pylist())
    n, rows = pairs.disagreements(store, "age", "a", "b", Where(), limit=50)
    far = [abs(r["a"] - r["b"]) for r in rows.to_pylist()]
    assert far == sorted(far, reverse=True)


def test_persons_are_drawn_whole_and_merged_where_they_are_many(people, tmp_path: Path) -> None:
    whole, store = people
    seen = counted(store, A, "0", 1)
    assert (
        seen.n == 3000
        and seen.totals is not None
        and len(seen.totals) == len(set(of(whole, "a")["group_subject"].to_pylist()))
    )
    many = opened(generate(8000, model="a", per_person=2), tmp_path)
    merged = counted(many, Where(), "0", 1)
    assert (
        merged.totals is not None
        and 0.9 * UNITS < len(merged.totals) <= UNITS
        and merged.totals.sum() == 8000
    )
    assert "hash" in unit(many) and "hash" not in unit(store)


def test_a_share_that_no_round_can_change_keeps_an_interval(people) -> None:
    _, store = people
    everything = counted(store, A, "1", 2)
    hits = np.array([False, True])
    f = everything.share(hits, np.array([True, True]))
    assert f.value == 1 and 0.98 < f.low < 1 and f.high == 1
    assert everything.share(hits, np.array([True, False])).value is None


def test_part_of_a_store_is_a_table_again(people) -> None:
    whole, store = people
    made = sample_table.table(store, "emotion", A, 10_000)
    mine, theirs = arrays.classes(made, "emotion"), arrays.classes(of(whole, "a"), "emotion")
    assert mine is not None and theirs is not None and mine.p is not None and theirs.p is not None
    assert (
        (mine.true == theirs.true).all()
        and (mine.pred == theirs.pred).all()
        and np.allclose(mine.p, theirs.p, atol=1e-6)
    )
    assert (
        set(arrays.coded_groups(made)) == set(arrays.coded_groups(whole))
        and arrays.cluster_name(made) == "group_subject"
    )
    few = sample_table.table(store, "emotion", A, 1000)
    assert 500 < len(few) < 1500 and few.equals(sample_table.table(store, "emotion", A, 1000))
    both = set(few["group_subject"].to_pylist())
    assert sum(p in both for p in made["group_subject"].to_pylist()) == len(few), (
        "persons come whole"
    )
