"""Calibration and selective prediction, as the studio computes them from counts, equal those that
the library computes from the rows themselves.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from evaluation.analysis import store_confidence as confidence
from evaluation.analysis.store_summary import class_summary
from evaluation.analysis.summary import table_report
from evaluation.analysis.thresholds import plan_thresholds
from evaluation.benchmark.generated_tables import generate
from evaluation.metrics import calibration
from evaluation.predictions import arrays, table
from evaluation.store import Store, Where
from tests.evaluation import references
from tests.evaluation.conftest import close, of, opened

A = Where(models=("a",))


@pytest.mark.parametrize("which", ["alone", "people"])
def test_confidence_equals_the_report(which: str, request: pytest.FixtureRequest) -> None:
    predictions, store = request.getfixturevalue(which)
    report, task_rows = (
        table_report(of(predictions, "a")).emotion,
        arrays.classes(of(predictions, "a"), "emotion"),
    )
    assert task_rows is not None and task_rows.p is not None
    top, right = task_rows.p.max(axis=1), task_rows.p.argmax(axis=1) == task_rows.true
    result = confidence.reliability(store, "emotion", A)
    diagram, each, error = result.diagram, result.accuracy, result.ece
    exact = references.reliability(top, right)
    assert diagram.count.tolist() == exact.count.tolist()
    for f, share, n in zip(each, exact.accuracy, exact.count, strict=True):
        assert f.n == n and (
            f.value is None if n == 0 else f.value == pytest.approx(share, abs=1e-12)
        )
    assert error.value == pytest.approx(report.ece.value, abs=1e-6)
    assert (error.low, error.high) == pytest.approx((report.ece.low, report.ece.high), abs=1e-5)
    curve, area = confidence.risk_coverage(store, "emotion", A) or (None, None)
    assert curve is not None and area is not None
    assert area.value == pytest.approx(references.aurc(top, right), abs=1e-6)
    assert (area.low, area.high) == pytest.approx((report.aurc.low, report.aurc.high), abs=1e-5)
    assert curve.coverage[-1] == 1 and curve.risk[-1] == pytest.approx(1 - right.mean(), abs=1e-12)
    for band in confidence.bands(store, "emotion", A):
        single = top.astype(np.float32)
        here = (single >= np.float32(band.low)) & (
            (single < np.float32(band.high)) | (band.high >= 1)
        )
        assert (
            band.share.value == pytest.approx(here.mean(), abs=1e-12)
            and band.accuracy.n == here.sum()
        )
        assert band.accuracy.value == pytest.approx(right[here].mean(), abs=1e-12)


def test_a_temperature_mends_what_one_was_spoilt_by(tmp_path: Path) -> None:
    predictions = generate(
        12_000, model="a"
    )  # its logits are 1.4 times too large, by its own words
    store = opened(predictions.drop_columns(["group_subject"]), tmp_path)
    (sure, unsure) = confidence.bands(store, "emotion", A, 0.95)
    assert (sure.high, sure.low, unsure.high, unsure.low) == (1.0, 0.95, 0.95, 0.0), (
        "a limit over 90 % leaves no band between"
    )
    assert sure.accuracy.n + unsure.accuracy.n == sum(
        b.accuracy.n for b in confidence.bands(store, "emotion", A)
    )
    result = confidence.temperature(store, "emotion", A)
    assert result is not None and result.fitted + result.n == 12_000
    task_rows = arrays.classes(predictions, "emotion")
    assert task_rows is not None and task_rows.p is not None
    assert result.value == pytest.approx(
        calibration.fit_temperature(np.log(task_rows.p), task_rows.true), rel=0.06
    )
    assert result.before.value > result.after.value and result.change.high < 0
    assert result.change.value == pytest.approx(result.after.value - result.before.value)
    assert confidence.temperature(store, "emotion", A.but(text="s000000001")) is None


@pytest.mark.parametrize("which", ["alone", "people"])
def test_intervals_of_ages(which: str, request: pytest.FixtureRequest) -> None:
    predictions, store = request.getfixturevalue(which)
    report, task_rows = (
        table_report(of(predictions, "a")).age,
        arrays.regression(of(predictions, "a"), "age"),
    )
    assert task_rows is not None and task_rows.low is not None and task_rows.high is not None
    result = confidence.age_intervals(store, A)
    close(result[0].coverage, report.interval.coverage)
    assert (
        result[0].width == pytest.approx(report.interval.mean_width, abs=1e-4)
        and result[0].decade == ""
    )
    assert sum(d.coverage.n for d in result[1:]) == result[0].coverage.n and [
        d.decade for d in result[1:]
    ] == sorted(store.groups["age_decade"])
    held = (task_rows.low <= task_rows.true) & (task_rows.true <= task_rows.high)
    old = task_rows.true >= 80
    assert result[-1].coverage.value == pytest.approx(held[old].mean(), abs=1e-12)
    factor, share = confidence.stretch(store, A, 0.8) or (0, None)
    exact = np.quantile(
        np.abs(task_rows.true - (task_rows.low + task_rows.high) / 2)
        / ((task_rows.high - task_rows.low) / 2),
        0.8,
    )
    assert (
        share is not None
        and factor == pytest.approx(exact, rel=0.1)
        and share.low <= 0.82
        and share.high >= 0.78
    )


@pytest.mark.parametrize(
    ("stated", "limit"),
    [
        ([{"emotion": 0.64}], 0.64),
        ([{"emotion": 0.64}, {"emotion": 0.64}], 0.64),
        ([{"emotion": 0.64}, {"emotion": 0.7}], None),
        ([{"emotion": 0.64}, {}], None),
        ([{}], None),
        ([{"gender": 0.6}], None),
        ([{"emotion": 1.0}], None),
        ([{"emotion": 1e9}], None),
        ([{"emotion": "0.6"}], None),
        ([{"emotion": -1}], None),
        ([[0.5]], None),
        ([None], None),
        ([{"emotion": float("nan")}], None),
    ],
)
def test_a_model_s_own_limit_comes_from_its_tables(
    tmp_path: Path, stated: list, limit: float | None
) -> None:
    predictions = generate(60, model="m")
    for i, one in enumerate(stated):
        table.write(
            predictions.slice(30 * i, 30), tmp_path / f"{i}.parquet", table.Meta(thresholds=one)
        )
    store = Store.open([tmp_path / f"{i}.parquet" for i in range(len(stated))])
    assert confidence.own_limit(store, "emotion", store.models) == limit


def test_figures_are_of_the_rows_that_have_what_they_need(tmp_path: Path) -> None:
    """A few rows without probabilities, or with one end of an interval, take nothing away."""
    rows = generate(400).drop_columns(["group_subject"])
    lacking = np.arange(400) % 40 == 3
    names = [c for c in rows.column_names if c.startswith("emotion_p_")]
    partial, complete = rows, rows.filter(pa.array(~lacking))
    for name in (*names, "age_low"):
        values = pa.array(rows[name].to_pylist(), rows[name].type, mask=lacking)
        partial = partial.set_column(partial.column_names.index(name), name, values)
    path = tmp_path / "t.parquet"
    table.write(partial, path)
    got, wanted = table_report(table.read(path)), table_report(complete)
    for name in ("ece", "ece_equal_mass", "classwise_ece", "aurc", "nll", "brier"):
        one, other = getattr(got.emotion, name), getattr(wanted.emotion, name)
        assert one == other and one.n == 390, name
    assert got.emotion.reliability.count.sum() == 390 and got.emotion.accuracy.n == 400
    assert got.age.interval == wanted.age.interval and got.age.interval.coverage.n == 390
    assert plan_thresholds(table.read(path), "emotion", precision=0.5).n == 390

    store = Store.open([path])
    same = confidence.ece(store, "emotion", Where())
    assert same.n == 390 and same.value == pytest.approx(got.emotion.ece.value, abs=1e-5)
    [everyone, *_] = confidence.age_intervals(store, Where())
    assert everyone.coverage == got.age.interval.coverage
    assert everyone.width == pytest.approx(got.age.interval.mean_width, abs=1e-4)


def test_no_row_with_probabilities_is_no_calibration(tmp_path: Path) -> None:
    names = [f"emotion_p_{label}" for label in ("neutral", "fear")]
    columns = {"sample_id": ["x", "y"], "emotion_true": ["fear"] * 2, "emotion_pred": ["fear"] * 2}
    empty = {name: pa.nulls(2, pa.float32()) for name in names}
    table.write(pa.table(columns | empty), tmp_path / "t.parquet")
    assert table_report(table.read(tmp_path / "t.parquet")).emotion.ece is None
    assert class_summary(Store.open([tmp_path / "t.parquet"]), "emotion", Where()).ece is None
