"""A store's age errors equal those of the metrics for rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from evaluation.analysis import cross_task, sql, store_ages
from evaluation.analysis.by_group.groups import outcomes
from evaluation.benchmark.generated_tables import generate
from evaluation.metrics import regression
from evaluation.predictions import arrays, table
from evaluation.statistics.sample import Sample
from evaluation.store import Store, Where
from tests.evaluation import references

ROWS = 2500
WHERE = Where("age")


@pytest.fixture(scope="module")
def predictions_and_stores(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[pa.Table, Store, Store]:
    """Of the rows in the first store, some have no true and some no predicted age; the table, and
    the second store, is all others.
    """
    path, complete = (tmp_path_factory.mktemp("tables") / "t.parquet" for _ in range(2))
    predictions = generate(ROWS).drop_columns(["group_subject", "age_low", "age_high"])
    lacking = np.arange(ROWS) % 10
    for name, which in (("age_true", lacking == 3), ("age_pred", lacking == 7)):
        predictions = predictions.set_column(
            predictions.column_names.index(name),
            name,
            pa.array(predictions[name].to_numpy(), pa.float32(), mask=which),
        )
    table.write(predictions, path, table.Meta(model="m"))
    part = table.read(path).filter((lacking != 3) & (lacking != 7))
    table.write(part, complete)
    return part, Store.open([path]), Store.open([complete])


@pytest.mark.parametrize("width", [1, 7, 10, 30])
def test_bands_are_those_of_the_metrics(predictions_and_stores, width: int) -> None:
    predictions, store, _ = predictions_and_stores
    true, pred = (predictions[c].to_numpy().astype(float) for c in ("age_true", "age_pred"))
    count = sql.band_count(width)
    wanted = references.by_band(true, pred, width, count)
    estimates = store_ages.by_band(store, WHERE, width)
    assert [
        v for f in (estimates.mae[-1], estimates.bias[-1]) for v in (f.value, f.n)
    ] == pytest.approx(
        [references.mae(true, pred), len(true), references.bias(true, pred), len(true)], abs=1e-6
    )
    assert len(estimates.mae) - 1 == count == len(store_ages.band_names(width))
    for i in range(count):
        mae, bias = estimates.mae[i], estimates.bias[i]
        assert mae.n == bias.n == wanted[i][0]
        if mae.n:
            assert (mae.value, bias.value) == pytest.approx(wanted[i][1:], abs=1e-6)
        if mae.n > 1:
            assert bias.low < bias.value < bias.high
    bands = [regression.bands(v, width, count) for v in (true, pred)]
    counts, off = store_ages.off_by(store, WHERE, width)
    assert np.array_equal(
        counts,
        np.bincount(bands[0] * count + bands[1], minlength=count * count).reshape(count, count),
    )
    assert [f.value for f in off] == pytest.approx(references.off_by(counts), abs=1e-12)


def test_cumulative_scores_groups_and_shares_right(predictions_and_stores) -> None:
    predictions, store, complete = predictions_and_stores
    true, pred = (predictions[c].to_numpy().astype(float) for c in ("age_true", "age_pred"))
    scores = store_ages.cumulative_scores(store, WHERE, 6)
    assert [f.value for f in scores] == pytest.approx(
        [references.cumulative_score(true, pred, k) for k in range(7)], abs=1e-12
    )
    race = np.array(predictions["group_race"].to_pylist())
    gender = arrays.classes(predictions, "gender")
    assert gender is not None
    right = gender.true == gender.pred
    error = store_ages.by_group(store, WHERE, "race")
    share = store_ages.accuracy_by_group(complete, "gender", WHERE, "race")
    for i, value in enumerate(store.groups["race"]):
        mine = race == value
        assert error.mae[i].value == pytest.approx(references.mae(true[mine], pred[mine]), abs=1e-6)
        assert (
            share[i].value == pytest.approx(right[mine].mean(), abs=1e-12)
            and share[i].n == mine.sum() == error.mae[i].n
        )
    assert sum(f.n for f in store_ages.accuracy_by_band(store, "gender", WHERE, 7)) == ROWS * 0.9, (
        "the true age is known"
    )
    assert sum(f.n for f in store_ages.accuracy_by_group(store, "gender", WHERE, "race")) == ROWS


def test_mistakes_that_come_together_are_those_of_rows(predictions_and_stores) -> None:
    predictions, store, complete = predictions_and_stores
    tasks = outcomes(arrays.all_tasks(predictions))
    wanted = cross_task.cross_tasks(tasks, ["age"], Sample(len(predictions)))
    estimates = store_ages.cross_tasks(complete, WHERE)
    assert estimates[:2] == store_ages.cross_tasks(store, WHERE)[:2], (
        "ages that are not known change nothing"
    )
    assert [(f.condition_task, f.task, f.figure, f.n) for f in estimates] == [
        (f.condition_task, f.task, f.figure, f.n) for f in wanted
    ]
    for one, other in zip(estimates, wanted, strict=True):
        for key in ("correct", "wrong", "difference"):
            mine, theirs = (getattr(side, key).to_dict() for side in (one, other))
            assert mine == pytest.approx(theirs, abs=1e-5), key


def test_nothing_without_the_tasks(tmp_path: Path, predictions_and_stores) -> None:
    predictions, store, _ = predictions_and_stores
    columns = ["sample_id", "model", "emotion_true", "emotion_pred"]
    table.write(predictions.select(columns), tmp_path / "t.parquet", table.Meta(model="m"))
    only = Store.open([tmp_path / "t.parquet"])
    assert (
        store_ages.by_band(only, WHERE, 10) is None
        and store_ages.cumulative_scores(only, WHERE) == []
        and store_ages.cross_tasks(only, WHERE) == []
    )
    nobody = WHERE.but(text="no such sample")
    assert (
        store_ages.cumulative_scores(store, nobody) == []
        and store_ages.cross_tasks(store, nobody) == []
    )
    assert {f.n for f in store_ages.by_band(store, nobody, 10).mae} == {0}
