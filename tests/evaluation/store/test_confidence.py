"""Confidence and when to say nothing, as the studio computes them from counts, equal the library's
on the rows themselves.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.analysis import store_confidence as confidence
from evaluation.analysis.summary import table_report
from evaluation.benchmark.generated_tables import generate
from evaluation.metrics import calibration, selective
from evaluation.predictions import arrays, table
from evaluation.store import Store, Where
from tests.evaluation.conftest import close, of, opened

A = Where(models=("a",))


@pytest.mark.parametrize("which", ["alone", "people"])
def test_confidence_equals_the_report(which: str, request: pytest.FixtureRequest) -> None:
    whole, store = request.getfixturevalue(which)
    report, seen = table_report(of(whole, "a")).emotion, arrays.classes(of(whole, "a"), "emotion")
    assert seen is not None and seen.p is not None
    top, right = seen.p.max(axis=1), seen.p.argmax(axis=1) == seen.true
    found = confidence.reliability(store, "emotion", A)
    diagram, each, error = found.diagram, found.accuracy, found.ece
    exact = calibration.reliability(top, right)
    assert diagram.count.tolist() == exact.count.tolist()
    for f, share, n in zip(each, exact.accuracy, exact.count, strict=True):
        assert f.n == n and (
            f.value is None if n == 0 else f.value == pytest.approx(share, abs=1e-12)
        )
    assert error.value == pytest.approx(report.ece.value, abs=1e-6)
    assert (error.low, error.high) == pytest.approx((report.ece.low, report.ece.high), abs=1e-5)
    curve, area = confidence.risk_coverage(store, "emotion", A) or (None, None)
    assert curve is not None and area is not None
    assert area.value == pytest.approx(selective.aurc(top, right), abs=1e-6)
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
    whole = generate(12_000, model="a")  # its logits are 1.4 times too large, by its own words
    store = opened(whole.drop_columns(["group_subject"]), tmp_path)
    (sure, unsure) = confidence.bands(store, "emotion", A, 0.95)
    assert (sure.high, sure.low, unsure.high, unsure.low) == (1.0, 0.95, 0.95, 0.0), (
        "a limit over 90 % leaves no band between"
    )
    assert sure.accuracy.n + unsure.accuracy.n == sum(
        b.accuracy.n for b in confidence.bands(store, "emotion", A)
    )
    found = confidence.temperature(store, "emotion", A)
    assert found is not None and found.fitted + found.n == 12_000
    seen = arrays.classes(whole, "emotion")
    assert seen is not None and seen.p is not None
    assert found.value == pytest.approx(
        calibration.fit_temperature(np.log(seen.p), seen.true), rel=0.06
    )
    assert found.before.value > found.after.value and found.change.high < 0
    assert found.change.value == pytest.approx(found.after.value - found.before.value)
    assert confidence.temperature(store, "emotion", A.but(text="s000000001")) is None


@pytest.mark.parametrize("which", ["alone", "people"])
def test_intervals_of_ages(which: str, request: pytest.FixtureRequest) -> None:
    whole, store = request.getfixturevalue(which)
    report, seen = table_report(of(whole, "a")).age, arrays.ages(of(whole, "a"))
    assert seen is not None and seen.low is not None and seen.high is not None
    found = confidence.age_intervals(store, A)
    close(found[0].coverage, report.interval.coverage)
    assert (
        found[0].width == pytest.approx(report.interval.mean_width, abs=1e-4)
        and found[0].decade == ""
    )
    assert sum(d.coverage.n for d in found[1:]) == found[0].coverage.n and [
        d.decade for d in found[1:]
    ] == sorted(store.groups["age_decade"])
    held = (seen.low <= seen.true) & (seen.true <= seen.high)
    old = seen.true >= 80
    assert found[-1].coverage.value == pytest.approx(held[old].mean(), abs=1e-12)
    factor, share = confidence.stretch(store, A, 0.8) or (0, None)
    exact = np.quantile(
        np.abs(seen.true - (seen.low + seen.high) / 2) / ((seen.high - seen.low) / 2), 0.8
    )
    assert (
        share is not None
        and factor == pytest.approx(exact, rel=0.1)
        and share.low <= 0.82
        and share.high >= 0.78
    )


@pytest.mark.parametrize(
    ("said", "limit"),
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
    tmp_path: Path, said: list, limit: float | None
) -> None:
    whole = generate(60, model="m")
    for i, one in enumerate(said):
        table.write(whole.slice(30 * i, 30), tmp_path / f"{i}.parquet", table.Meta(thresholds=one))
    store = Store.open([tmp_path / f"{i}.parquet" for i in range(len(said))])
    assert confidence.own_limit(store, "emotion", store.models) == limit
