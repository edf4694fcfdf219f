"""Groups and means from a store's sums equal those of the library's functions for rows, with and
without persons.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_ind

from core.labels import GENDER2
from evaluation.analysis import store_groups
from evaluation.analysis.by_group.fairness import fairness
from evaluation.analysis.by_group.slices import search
from evaluation.analysis.by_group.weak_slices import task_groups
from evaluation.analysis.store_groups import StoreGroups
from evaluation.benchmark.generated_tables import generate
from evaluation.predictions import table
from evaluation.statistics.estimate import Estimate
from evaluation.store import Store, Where
from evaluation.store.counts import grouped_counts

ROWS = 3000
FEMALE, MALE = GENDER2.labels


@pytest.fixture(scope="module", params=[0, 12], ids=["rows alone", "persons"])
def predictions_and_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[pa.Table, Store]:
    """The same predictions as a table and as a store; some rows have no race and some no age."""
    predictions = generate(ROWS, per_person=request.param or 1)
    if not request.param:
        predictions = predictions.drop_columns(["group_subject"])
    rng = np.random.default_rng(0)
    for name, share in (("group_race", 0.1), ("age_true", 0.05)):
        i = predictions.column_names.index(name)
        values = pa.array(
            predictions[name].to_pylist(), predictions[name].type, mask=rng.random(ROWS) < share
        )
        predictions = predictions.set_column(i, name, values)
    path = tmp_path_factory.mktemp("tables") / "t.parquet"
    table.write(
        predictions, path, table.Meta(model="m", dataset="made", split="val", detector="none")
    )
    return table.read(path), Store.open([path])


def same(a: Estimate, b: Estimate, tolerance: float) -> None:
    assert a.n == b.n
    for key in ("value", "low", "high"):
        assert getattr(a, key) == pytest.approx(getattr(b, key), abs=tolerance), key


@pytest.mark.parametrize(
    "most", [store_groups.MAX_COMBINATIONS, 0], ids=["one query", "a query each"]
)
@pytest.mark.parametrize("task", ["emotion", "gender", "age"])
def test_slices_equal_those_of_rows(
    predictions_and_store, task: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_groups, "MAX_COMBINATIONS", most)
    predictions, store = predictions_and_store
    wanted = search(task_groups(predictions)[task], support=30, fdr=0.5)
    from_store = search(StoreGroups(store, task, Where(task)), support=30, fdr=0.5)
    assert from_store.looked_at == wanted.looked_at > 40
    assert [s.conditions for s in from_store.slices] == [s.conditions for s in wanted.slices] != []
    for one, other in zip(from_store.slices, wanted.slices, strict=True):
        same(one.worse_by, other.worse_by, 1e-9)
        assert (one.n, one.loss) == (other.n, pytest.approx(other.loss, abs=1e-9))
        assert one.p == pytest.approx(other.p, rel=1e-5)
        assert one.p_adjusted == pytest.approx(other.p_adjusted, rel=1e-5)


@pytest.mark.parametrize("task", ["emotion", "gender", "age"])
def test_gaps_equal_those_of_rows(predictions_and_store, task: str) -> None:
    predictions, store = predictions_and_store
    wanted = {f.group: f for f in fairness(task_groups(predictions)[task], support=30)}
    from_store = {f.group: f for f in fairness(StoreGroups(store, task, Where(task)), support=30)}
    assert set(from_store) == set(wanted) and len(from_store) >= 4
    for name, one in from_store.items():
        other = wanted[name]
        assert (one.best.value, one.worst.value) == (other.best.value, other.worst.value)
        same(one.gap, other.gap, 1e-5)
        same(one.ratio, other.ratio, 1e-5)
        for mine, theirs in zip(one.values, other.values, strict=True):
            assert mine.value == theirs.value
            for key in ("figure", "gap", "ratio"):
                same(getattr(mine, key), getattr(theirs, key), 1e-5)


def test_means_and_their_difference_have_the_intervals_of_rows(predictions_and_store) -> None:
    predictions, store = predictions_and_store
    counts = grouped_counts(
        store, Where("age"), "t.gender_true", 2, "abs(t.age_pred::DOUBLE - t.age_true)"
    )
    true, pred = (np.array(predictions[c].to_numpy(), np.float64) for c in ("age_true", "age_pred"))
    gender = np.array(predictions["gender_true"].to_pylist()) == MALE
    error = np.abs(pred - true)
    sides = [error[(gender == g) & ~np.isnan(error)] for g in (False, True)]
    figures = counts.estimates()
    for one, side in zip(figures, sides, strict=True):
        assert one.value == pytest.approx(side.mean(), abs=1e-6) and one.n == len(side)
    if store.cluster is None:
        half = [student.ppf(0.975, len(s) - 1) * s.std(ddof=1) / len(s) ** 0.5 for s in sides]
        assert figures[0].high - figures[0].value == pytest.approx(half[0], rel=1e-4)
        both, wanted = (
            counts.difference(0, 1),
            ttest_ind(sides[1], sides[0], equal_var=False).confidence_interval(0.95),
        )
        assert both.value == pytest.approx(sides[1].mean() - sides[0].mean(), abs=1e-6)
        assert (both.low, both.high) == pytest.approx((wanted.low, wanted.high), rel=1e-4)
    else:
        assert counts.by_cluster is not None and counts.by_cluster.clusters == len(
            set(predictions["group_subject"].to_pylist())
        )
        assert figures[0].low < figures[0].value < figures[0].high


def test_few_rows_have_the_interval_of_students_t(tmp_path: Path) -> None:
    ages = {"x": [31.0, 34.0, 38.0, 30.0], "y": [50.0, 33.0]}
    rows = [(age, race) for race, side in ages.items() for age in side]
    columns = {
        "sample_id": [f"s{i}" for i in range(6)],
        "age_true": [30.0] * 6,
        "age_pred": [a for a, _ in rows],
    }
    table.write(
        pa.table(columns | {"group_race": [r for _, r in rows]}),
        tmp_path / "t.parquet",
        table.Meta(model="m"),
    )
    counts = StoreGroups(Store.open([tmp_path / "t.parquet"]), "age", Where("age")).counts("race")
    for one, side in zip(counts.estimates(), ages.values(), strict=True):
        wanted = student.interval(
            0.95, len(side) - 1, np.mean(side) - 30, np.std(side, ddof=1) / len(side) ** 0.5
        )
        assert (one.low, one.high) == pytest.approx(wanted, rel=1e-6)
    both = counts.difference(0, 1)
    wanted = ttest_ind(ages["y"], ages["x"], equal_var=False).confidence_interval(0.95)
    assert (both.low, both.high) == pytest.approx((wanted.low, wanted.high), rel=1e-6)


def test_persons_widen_the_interval(tmp_path: Path) -> None:
    """Ten copies of every row of a person are no more evidence than one."""
    person = np.repeat(np.arange(60), 10)
    right = np.repeat(np.random.default_rng(3).random(60) < 0.6, 10)
    columns = {
        "sample_id": [f"s{i}" for i in range(600)],
        "gender_true": [FEMALE] * 600,
        "gender_pred": np.where(right, FEMALE, MALE),
    }
    half = []
    for extra in ({}, {"group_subject": person.astype(str)}):
        table.write(pa.table(columns | extra), tmp_path / "t.parquet", table.Meta(model="m"))
        store = Store.open([tmp_path / "t.parquet"])
        value = "(t.gender_pred = t.gender_true)::INT"
        one = grouped_counts(store, Where("gender"), "0", 1, value, is_share=True).estimate()
        assert one.value == pytest.approx(right.mean())
        half.append(one.high - one.low)
    assert half[1] / half[0] == pytest.approx(10**0.5, rel=0.15)
