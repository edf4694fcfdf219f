"""What cannot vary has no interval: one of no width would claim certainty. Terminal, page, JSON and
the studio's layer say so alike.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from apps.studio import charts
from core.labels import FERPLUS8
from evaluation.__main__ import main
from evaluation.analysis import store_ages, store_classes, store_pairs, table_pairs
from evaluation.analysis.store_summary import number_summary
from evaluation.analysis.summary import table_report
from evaluation.predictions import arrays, table
from evaluation.predictions.schema import to_schema
from evaluation.statistics.estimate import Estimate, to_json_values
from evaluation.statistics.sample import Sample
from evaluation.store import Store, Where

FIRST, SECOND, THIRD = FERPLUS8.labels[:3]


def interval_of(f: dict) -> tuple[float | None, float | None]:
    return f.low, f.high


@pytest.mark.parametrize("value", [24.0, 7.3, -0.1, 0.0])
@pytest.mark.parametrize("cluster", [None, np.zeros(900, int), np.arange(900) % 70])
def test_a_mean_that_no_round_changes_has_no_interval(
    value: float, cluster: np.ndarray | None
) -> None:
    mean = Sample(900, cluster).mean(np.full(900, value))
    assert (
        mean.value == pytest.approx(value) and interval_of(mean) == (None, None) and mean.n == 900
    )


def test_a_mean_of_one_sample_or_one_person_has_no_interval() -> None:
    rng = np.random.default_rng(0)
    values, code = rng.exponential(5, 60), np.where(np.arange(60) == 3, 0, 1)
    one, others = Sample(60).means(values, code, 2)
    assert interval_of(one) == (None, None) and others.low < others.value < others.high
    person = np.repeat([0, 1, 2, 3], 15)
    assert interval_of(Sample(60, person).means(values, np.where(person == 2, 0, 1), 2)[0]) == (
        None,
        None,
    )


def small(model: str = "m", wrong: int = 0) -> pa.Table:
    """Twelve samples: six of a class that is never found, six of one that always is; four ages, one
    of them alone in its decade.
    """
    columns: dict[str, object] = {
        "sample_id": [f"s{i:02d}" for i in range(12)],
        "model": [model] * 12,
        "dataset": ["made"] * 12,
    }
    columns |= {
        "emotion_true": [FIRST] * 6 + [SECOND] * 6,
        "emotion_pred": [THIRD] * 6 + [SECOND] * (6 - wrong) + [THIRD] * wrong,
    }
    columns |= {
        "age_true": [24.0, 31.0, 35.0, 38.0] + [None] * 8,
        "age_pred": [48.0, 33.0, 36.0, 30.0] + [None] * 8,
    }
    return pa.table(columns)


def test_report_and_studio_leave_out_what_is_not_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.parquet"
    table.write(small(), path)
    report = table_report(table.read(path))
    decade = {g.value: g for g in report.age.groups["age_decade"]}
    assert (
        decade["20-29"].mae == Estimate(24.0, None, None, 1) and decade["30-39"].mae.low is not None
    )
    by_class = {c.label: c for c in report.emotion.per_class}
    assert (by_class[FIRST].f1, by_class[FIRST].f1_ci95) == (0.0, (None, None))
    assert (by_class[SECOND].f1, by_class[SECOND].f1_ci95) == (1.0, (None, None))

    store, where = Store.open([path]), Where("age")
    bands = dict(
        zip(store_ages.band_names(10), store_ages.by_band(store, where, 10).mae, strict=False)
    )
    assert bands["20-29"] == decade["20-29"].mae and charts.number(bands["20-29"]) == "24.00"
    for label, row in store_classes.per_class(store, "emotion", Where()).items():
        other = by_class[label]
        assert (row.f1.value, (row.f1.low, row.f1.high)) == (other.f1, other.f1_ci95)

    assert main(["report", str(path), "--html", str(tmp_path / "r.html")]) == 0
    printed = capsys.readouterr().out
    line = next(row for row in printed.splitlines() if "20-29" in row and "24.00" in row)
    assert "(" not in line and "nan" not in printed.lower()
    page = (tmp_path / "r.html").read_text().rpartition("</script>")[2]  # after Plotly itself
    assert "24.00 (" not in page and "nan" not in page.lower()
    assert main(["report", str(path), "--json"]) == 0
    written = json.loads(
        capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON")
    )
    assert written["emotion"] == json.loads(json.dumps(to_json_values(report.emotion)))


@pytest.mark.parametrize("wrong", [0, 2])
def test_two_models_without_a_difference_have_no_interval_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: int
) -> None:
    both_models = pa.concat_tables([small("a"), small("b", wrong)])
    table.write(both_models, tmp_path / "t.parquet")
    read = table.read(tmp_path / "t.parquet")
    other = table_pairs.compare(arrays.one_model(read, "a"), arrays.one_model(read, "b")).emotion
    mine = store_pairs.compare(Store.open([tmp_path / "t.parquet"]), "emotion", "a", "b", Where())
    assert mine is not None and other is not None
    for compared in (mine, other):
        same, changed = (next(p for p in compared.parts if p.value == v) for v in (FIRST, SECOND))
        assert same.difference == Estimate(0.0, None, None, 6) and same.better is None
        for f in (
            compared.accuracy.difference,
            compared.macro_f1.difference,
            changed.difference,
        ):
            assert (f.low is None) == (f.high is None) == (wrong == 0)
    path = str(tmp_path / "t.parquet")
    assert main(["compare", path, path, "--model-a", "a", "--model-b", "b"]) == 0
    line = next(row for row in capsys.readouterr().out.splitlines() if f"class: {FIRST}" in row)
    assert "+0.0 points" in line and "(" not in line and "nan" not in line
    assert main(["compare", path, path, "--model-a", "a", "--model-b", "b", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["emotion"]["parts"][0]["difference"]["low"] is None


def test_a_difference_of_one_sample_has_no_interval() -> None:
    one = {"sample_id": ["x"], "age_true": [30.0]}
    a, b = (
        to_schema(pa.table(one | {"model": [m], "age_pred": [age]}))
        for m, age in (("a", 38.0), ("b", 31.0))
    )
    age = table_pairs.compare(a, b).age
    assert age.mae.difference == Estimate(-7.0, None, None, 1) and age.paired_t.p is None


@pytest.mark.parametrize("people", [False, True], ids=["rows alone", "persons"])
def test_intervals_stay_in_the_range_of_what_they_are_of(tmp_path: Path, people: bool) -> None:
    """Two samples of each group: Student's t alone reaches far below an error of 0."""
    p = [0.99, 0.4, 0.98, 0.3]
    columns: dict[str, object] = {
        "sample_id": list("abcd"),
        "age_true": [30.0, 30.0, 40.0, 40.0],
        "age_pred": [31.0, 39.0, 41.0, 42.0],
        "emotion_true": [FIRST] * 4,
        f"emotion_p_{FIRST}": p,
        f"emotion_p_{SECOND}": [1 - v for v in p],
        "group_cam": ["x", "x", "y", "y"],
    } | ({"group_subject": list("pqrs")} if people else {})
    table.write(pa.table(columns), tmp_path / "t.parquet")
    report = table_report(table.read(tmp_path / "t.parquet"))
    assert report.age is not None and report.emotion is not None
    groups = report.age.groups["cam"]
    nowhere_below_0 = [report.age.mae, *(g.mae for g in groups)]
    for figure in (*nowhere_below_0, report.emotion.nll, report.emotion.brier):
        assert 0 <= figure.low <= figure.value <= figure.high
    assert (report.emotion.brier.high <= 2) and (people or groups[0].bias.low < 0)

    store, where = Store.open([tmp_path / "t.parquet"]), Where("age")
    headline = number_summary(store, "age", where)
    errors = store_ages.by_group(store, where, "cam")
    in_store = [headline.mae, *errors.mae]
    for one, other in zip(in_store, nowhere_below_0, strict=True):
        assert one.to_dict() == pytest.approx(other.to_dict(), abs=1e-5)
    for one, group in zip(errors.bias, groups, strict=True):
        assert one.to_dict() == pytest.approx(group.bias.to_dict(), abs=1e-5)


def test_a_difference_of_shares_is_at_most_all() -> None:
    one = {"sample_id": ["x", "y"], "emotion_true": [FIRST, FIRST]}
    a, b = (
        to_schema(pa.table(one | {"model": [m] * 2, "emotion_pred": pred}))
        for m, pred in (("a", [SECOND, FIRST]), ("b", [FIRST, FIRST]))
    )
    [part] = [p for p in table_pairs.compare(a, b).emotion.parts if p.value == FIRST]
    assert (part.difference.value, part.difference.low, part.difference.high) == (0.5, -1, 1)
