"""Where several pictures show one person: comparison, slices and gaps count people; and mistakes
across tasks.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import t as student
from statsmodels.regression.linear_model import OLS

from core.labels import FERPLUS8, GENDER2
from evaluation.__main__ import main
from evaluation.analysis.by_group import fairness, group_source, slices
from evaluation.analysis.summary import table_report
from evaluation.analysis.table_pairs import compare
from evaluation.predictions import table
from evaluation.predictions.arrays import coded
from evaluation.predictions.schema import to_schema
from evaluation.statistics.sample import Sample

LABELS = np.array(FERPLUS8.labels)


def model(right: np.ndarray, age: np.ndarray, each: int, subject: bool, name: str) -> pa.Table:
    n = len(right) * each
    columns: dict[str, object] = {
        "sample_id": np.arange(n).astype(str),
        "model": [name] * n,
        "emotion_true": [LABELS[0]] * n,
    }
    columns |= {
        "emotion_pred": np.repeat(np.where(right, LABELS[0], LABELS[1]), each),
        "age_true": [30.0] * n,
    }
    columns |= {
        "age_pred": np.repeat(age, each),
        "group_race": np.repeat(np.where(np.arange(len(right)) % 2, "x", "y"), each),
    }
    if subject:
        columns["group_subject"] = np.repeat(np.arange(len(right)), each).astype(str)
    return to_schema(pa.table(columns))


def test_copies_of_pictures_are_no_evidence_that_b_is_better() -> None:
    rng = np.random.default_rng(4)
    a, b = (rng.random(60) < share for share in (0.62, 0.75))
    ages = rng.normal(30, 5, (2, 60))
    alone, together = (
        compare(model(a, ages[0], 9, s, "a"), model(b, ages[1], 9, s, "b")) for s in (False, True)
    )
    once = compare(model(a, ages[0], 1, False, "a"), model(b, ages[1], 1, False, "b"))
    for task, name, test in (("emotion", "accuracy", "mcnemar"), ("age", "mae", "paired_t")):
        w = [
            f.tasks[task].differences[name].difference.high
            - f.tasks[task].differences[name].difference.low
            for f in (once, together, alone)
        ]
        assert w[1] == pytest.approx(w[0], rel=0.1) and w[0] / w[2] == pytest.approx(3, rel=0.15)
        assert (
            together.tasks[task].method.others == "paired clustered bootstrap"
            and getattr(together.tasks[task], test).test == "t-test over clusters"
        )
        assert alone.tasks[task].test.p < together.tasks[task].test.p
        parts = [
            p.difference.high - p.difference.low
            for f in (alone, together)
            for p in f.tasks[task].parts
            if p.by == "race"
        ]
        assert parts[2] / parts[0] == pytest.approx(3, rel=0.2) and parts[3] / parts[
            1
        ] == pytest.approx(3, rel=0.2)
    assert together.age.paired_t.p == pytest.approx(once.age.paired_t.p, rel=1e-6)


def test_a_slice_of_few_people_is_no_finding() -> None:
    """Whether a picture is read right depends on the person alone, 25 pictures each: pictures alone
    would raise alarms nearly always.
    """
    alarms = np.zeros(2)
    for seed in range(25):
        rng = np.random.default_rng(seed)
        who = np.repeat(np.arange(40), 25)
        losses = (rng.random(40) < 0.4).astype(float)[who]
        groups = {"hair": rng.choice(["a", "b", "c"], 40)[who]}
        for i, cluster in enumerate((None, who)):
            source = group_source.RowGroups(
                1 - losses, groups, Sample(1000, cluster), is_share=True
            )
            alarms[i] += bool(slices.search(source, support=30, fdr=0.05).slices)
    assert alarms[0] > 12 and alarms[1] <= 5


def test_the_clustered_difference_agrees_with_statsmodels() -> None:
    rng = np.random.default_rng(0)
    who = rng.integers(0, 200, 3000)
    group = np.where(rng.random(200)[who] < 0.4, "x", "y")
    losses = rng.random(3000) * 0.4 + rng.random(200)[who] + 0.5 * (group == "x")
    source = group_source.RowGroups(losses, {"g": group}, Sample(3000, who), is_share=False)
    [results] = slices.search(source, support=30, fdr=0.05).slices
    fit = OLS(losses, np.stack([np.ones(3000), group == "x"], axis=1)).fit(
        cov_type="cluster", cov_kwds={"groups": who, "use_correction": False}
    )
    assert results.worse_by.value == pytest.approx(fit.params[1], abs=1e-10)
    half = (results.worse_by.high - results.worse_by.low) / 2
    freedom = min(len(set(who[group == v])) for v in "xy") - 1
    assert half == pytest.approx(
        student.ppf(0.975, freedom) * fit.bse[1] * (200 / 199) ** 0.5, rel=1e-5
    )


def test_gaps_between_groups_draw_people() -> None:
    rng = np.random.default_rng(1)
    who = np.repeat(np.arange(100), 16)
    losses = (rng.random(100) < np.where(np.arange(100) % 2, 0.5, 0.2)).astype(float)[who]
    group = np.where(who % 2, "x", "y")
    [alone], [together] = (
        fairness.fairness(
            group_source.RowGroups(1 - losses, {"g": group}, Sample(1600, c), is_share=True),
            support=30,
        )
        for c in (None, who)
    )
    widths = [f.gap.high - f.gap.low for f in (alone, together)]
    assert alone.gap.value == together.gap.value and widths[1] / widths[0] == pytest.approx(
        4, rel=0.2
    )
    y = next(v for v in together.values if v.value == "y")
    frame = pd.Series(1 - losses).groupby(group).mean()
    assert y.figure.value == pytest.approx(frame["y"]) and y.gap.value == pytest.approx(
        frame["y"] - frame["x"]
    )
    assert (
        y.ratio.value == pytest.approx(frame["y"] / frame["x"])
        and y.gap.low < y.gap.value < y.gap.high
    )


def test_codes_leave_out_what_is_unknown() -> None:
    results = coded(pa.array(["b", None, "", "a", "b"]))
    assert results.values == ("a", "b") and results.codes.tolist() == [1, -1, -1, 0, 1]


def crossed(n: int = 400) -> pa.Table:
    """Where perceived gender is wrong, ages are off by 9 years, else by 4; the last tenth has no
    gender.
    """
    rng = np.random.default_rng(2)
    wrong = rng.random(n) < 0.25
    names = np.array(GENDER2.labels)
    true = rng.integers(0, 2, n)
    columns = {
        "sample_id": np.arange(n).astype(str),
        "age_true": np.full(n, 40.0),
        "age_pred": np.where(wrong, 49.0, 36.0),
        "gender_true": [None if i >= n * 0.9 else names[t] for i, t in enumerate(true)],
        "gender_pred": names[np.where(wrong, 1 - true, true)],
        "emotion_true": [LABELS[2]] * n,
        "emotion_pred": LABELS[np.where(rng.random(n) < np.where(wrong, 0.5, 0.9), 2, 3)],
    }
    return to_schema(pa.table(columns))


def test_a_wrong_gender_goes_with_a_larger_age_error(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    results = {(c.condition_task, c.task): c for c in table_report(crossed()).cross}
    assert set(results) == {("gender", "age"), ("emotion", "age"), ("gender", "emotion")}
    age = results["gender", "age"]
    assert (age.correct.value, age.wrong.value, age.difference.value, age.n) == (
        4,
        9,
        5,
        360,
    )
    assert age.correct.n + age.wrong.n == 360
    emotion = results["gender", "emotion"]
    assert emotion.figure == "accuracy" and emotion.difference.high < 0
    p, n = (
        np.array([getattr(getattr(emotion, k), v) for k in ("correct", "wrong")])
        for v in ("value", "n")
    )
    half = 1.96 * float(np.sqrt((p * (1 - p) / n).sum()))
    wanted = (emotion.difference.value - half, emotion.difference.value + half)
    assert (emotion.difference.low, emotion.difference.high) == pytest.approx(wanted, abs=0.03)
    table.write(crossed(), tmp_path / "t.parquet")
    assert main(["report", str(tmp_path / "t.parquet")]) == 0
    out = capsys.readouterr().out
    assert "Across tasks" in out and "+5.00" in out and "Wilson for shares" in out
    assert main(["slices", str(tmp_path / "t.parquet"), "--json"]) == 0
    json.loads(capsys.readouterr().out)


def test_a_task_that_is_never_wrong_has_no_pair() -> None:
    columns = {
        "sample_id": ["a", "b"],
        "gender_true": GENDER2.labels,
        "gender_pred": GENDER2.labels,
        "age_true": [3.0, 4.0],
    }
    assert table_report(to_schema(pa.table(columns | {"age_pred": [5.0, 5.0]}))).cross == []
