"""numpy, DuckDB and scikit-learn agree on tables of any classes: one class, 1,000, values missing.

Tables of predictions have no weights; those of the metrics are tested in
`tests/evaluation/metrics/test_weighted.py`.
"""

from __future__ import annotations

import resource
import tempfile
import warnings
from pathlib import Path
from time import process_time

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics as oracle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.analysis import store_classes, store_pairs, table_pairs
from evaluation.analysis.store_summary import summary
from evaluation.analysis.summary import table_report
from evaluation.metrics import classification
from evaluation.predictions import arrays, table
from evaluation.predictions.schema import to_schema
from evaluation.statistics import counts as statistics_counts
from evaluation.statistics.sample import Sample
from evaluation.store import Store, Where

TASK = "thing"
HEADLINES = ("accuracy", "macro_f1", "balanced_accuracy", "kappa", "ece")
close = {"abs": 1e-5, "nan_ok": True}
few = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


def random_table(classes: int, n: int, seed: int, missing: float, model: str = "m") -> pa.Table:
    """A model's predictions of `n` samples; `missing`: share of truths and predictions not there.

    The truth goes by the sample alone, so that several models have the same.
    """
    truth, rng = np.random.default_rng(seed), np.random.default_rng([seed, *model.encode()])
    names = np.array([f"class {i}" for i in range(classes)], object)
    true = truth.integers(0, classes, n)
    pred = np.where(rng.random(n) < 0.6, true, rng.integers(0, classes, n))
    numbers = truth.normal(0, 9, n)
    columns = {
        "sample_id": [f"s{i}" for i in range(n)],
        "model": [model] * n,
        f"{TASK}_true": pa.array(np.where(truth.random(n) < missing, None, names[true])),
        f"{TASK}_pred": pa.array(np.where(rng.random(n) < missing, None, names[pred])),
        "number_true": pa.array(numbers, mask=truth.random(n) < missing),
        "number_pred": pa.array(numbers + rng.normal(0, 2, n), mask=rng.random(n) < missing),
    }
    return to_schema(pa.table(columns))


def opened(predictions: pa.Table) -> Store:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.parquet"
        table.write(predictions, path)
        return Store.open([path])


@few
@given(
    classes=st.one_of(st.integers(1, 12), st.sampled_from([1, 100])),
    n=st.integers(20, 120),
    seed=st.integers(0, 999),
    missing=st.sampled_from([0.0, 0.3]),
)
def test_any_labels_give_the_same_figures(classes: int, n: int, seed: int, missing: float) -> None:
    check(random_table(classes, n, seed, missing))


def test_a_thousand_classes_give_the_same_figures_in_seconds() -> None:
    """It took more than 8 GB and did not end in five minutes when counts were k * k per round."""
    predictions = random_table(1000, 20_000, 0, 0.1)
    started, memory = process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = check(predictions)
    other = random_table(1000, 20_000, 0, 0.1, "other")
    compared = table_pairs.compare(predictions, other).tasks[TASK]
    assert process_time() - started < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 1_500_000  # KB
    assert len(report.labels) == 1000 and compared.n < report.n


def check(predictions: pa.Table):
    """Compare the report of a table with its store's and with scikit-learn; return the report."""
    tasks = arrays.all_tasks(predictions)
    report, got = table_report(predictions), summary(opened(predictions), Where())
    assert set(report.tasks) == set(got.tasks) == set(tasks)
    if "number" in tasks:
        numbers = tasks["number"]
        mae = oracle.mean_absolute_error(numbers.true, numbers.pred)
        for one in (report, got):
            assert one.tasks["number"].mae.value == pytest.approx(mae, abs=1e-9)
    if TASK not in tasks:
        return None
    classes = tasks[TASK]
    true, pred, true_classes = classes.true, classes.pred, np.unique(classes.true)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one class only
        wanted = {
            "accuracy": oracle.accuracy_score(true, pred),
            "macro_f1": oracle.f1_score(
                true, pred, labels=true_classes, average="macro", zero_division=0.0
            ),
            "balanced_accuracy": oracle.recall_score(
                true, pred, labels=true_classes, average="macro"
            ),
            "kappa": oracle.cohen_kappa_score(true, pred),
        }
        scores = oracle.precision_recall_fscore_support(
            true, pred, labels=range(len(classes.labels)), zero_division=np.nan
        )
    one, other = report.tasks[TASK], got.tasks[TASK]
    for name in HEADLINES:
        mine, theirs = getattr(one, name), getattr(other, name)
        assert (mine is None) == (theirs is None), name
        if mine is not None:
            assert mine.to_dict() == pytest.approx(theirs.to_dict(), **close), name
    for name, value in wanted.items():
        mine = getattr(one, name).value
        assert (np.nan if mine is None else mine) == pytest.approx(value, abs=1e-9, nan_ok=True)
    per_class = store_classes.per_class(opened(predictions), TASK, Where())
    labels = [line.label for line in one.per_class]  # a store also has those of unpaired rows
    assert [label for label, score in per_class.items() if score.n + score.predicted_n] == labels
    for i, line in enumerate(one.per_class):
        same = per_class[line.label]
        assert (line.n, line.recall, line.precision) == (same.n, same.recall, same.precision)
        assert line.f1 == same.f1.value
        for mine, value in zip((line.precision.value, line.recall.value), scores[:2], strict=True):
            assert (np.nan if mine is None else mine) == pytest.approx(value[i], nan_ok=True)
    return one


@few
@given(st.integers(1, 6), st.integers(20, 80), st.integers(0, 99), st.sampled_from([0.0, 0.3]))
def test_any_two_models_compare_as_their_tables_do(
    classes: int, n: int, seed: int, missing: float
) -> None:
    a, b = (random_table(classes, n, seed, missing, model) for model in "ab")
    store = opened(pa.concat_tables([a, b]))
    tasks = set(arrays.all_tasks(a)) & set(arrays.all_tasks(b))
    for task in tasks:
        mine = store_pairs.compare(store, task, "a", "b", Where())
        if mine is None:
            continue
        theirs = table_pairs.compare(a, b).tasks[task]
        assert mine.test == theirs.test and mine.differences == theirs.differences
        assert mine.parts == theirs.parts


def test_bundles_of_rare_cells_give_the_interval_of_drawing_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Above a number of cells samples are drawn in bundles; below, cell by cell."""
    k, n, rng = 40, 6000, np.random.default_rng(2)
    true = rng.integers(0, k, n)
    pred = np.where(rng.random(n) < 0.7, true, rng.integers(0, k, n))
    cell = true * k + pred

    def macro_f1() -> np.ndarray:
        return classification.macro_f1(
            statistics_counts.drawn_counts(Sample(n).counts(cell, k * k)).reshape(-1, k, k)
        )

    plain = macro_f1()
    monkeypatch.setattr(statistics_counts, "MAX_DRAWN_CELLS", 10)
    bundled = macro_f1()
    assert bundled.std() == pytest.approx(plain.std(), rel=0.1)
    assert bundled.mean() == pytest.approx(plain.mean(), abs=plain.std() / 2)
