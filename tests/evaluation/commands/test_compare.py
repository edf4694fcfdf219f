"""compare: tests against statsmodels and scipy, figures against ones made by hand, and the command
line.
"""

from __future__ import annotations

import gc
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ttest_rel
from sklearn.metrics import f1_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from core.errors import DataError
from core.labels import FERPLUS8
from evaluation.__main__ import main
from evaluation.analysis import table_pairs
from evaluation.analysis.comparison import Disagreements
from evaluation.predictions import table
from evaluation.predictions.schema import to_schema
from evaluation.statistics import significance
from evaluation.statistics.estimate import Estimate

quick = settings(max_examples=40, deadline=None)
LABELS = np.array(FERPLUS8.labels)


@quick
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_agrees_with_statsmodels(only_a: int, only_b: int) -> None:
    exact = only_a + only_b < significance.FEW_PAIRS
    p = significance.mcnemar(only_a, only_b)
    if only_a + only_b == 0:
        assert p == 1
    else:
        assert p == pytest.approx(
            mcnemar([[5, only_a], [only_b, 7]], exact=exact, correction=True).pvalue, abs=1e-12
        )


def test_mcnemar_refuses_negative_counts() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        significance.mcnemar(-1, 3)


@quick
@given(
    st.integers(2, 40).flatmap(
        lambda n: arrays(np.float64, (2, n), elements=st.floats(0, 100).map(lambda v: round(v, 2)))
    )
)
def test_paired_t_agrees_with_scipy(case: np.ndarray) -> None:
    gain = case[1] - case[0]
    p = significance.paired_t(gain)
    if np.ptp(gain) == 0:
        assert p == 1 if gain[0] == 0 else np.isnan(p)
    elif gain.std() > 1e-6:  # below, scipy itself warns that it cancels
        assert p == pytest.approx(ttest_rel(case[1], case[0]).pvalue, abs=1e-10)


def test_paired_t_of_one_pair_or_of_equal_ones_is_unknown() -> None:
    assert np.isnan(significance.paired_t(np.array([3.0]))) and np.isnan(
        significance.paired_t(np.array([-1.0, -1.0]))
    )


def test_two_equal_gains_make_no_winner() -> None:
    """Whole years: that both samples gain one says nothing of how gains differ."""
    columns = {"sample_id": ["x", "y"], "age_true": [30.0, 40.0], "group_race": ["x", "x"]}
    a, b = (
        to_schema(pa.table(columns | {"model": [m] * 2, "age_pred": [30.0 + off, 40.0 + off]}))
        for m, off in (("A", 2), ("B", 1))
    )
    age = table_pairs.compare(a, b).age
    assert age.mae.difference.value == -1 and age.paired_t.p is None
    assert {p.better for p in age.parts} == {None}


@pytest.fixture(scope="module")
def few_objects() -> None:
    """Leave all there is out of the search for garbage that statsmodels starts at each call."""
    gc.freeze()


@pytest.mark.usefixtures("few_objects")
@quick
@given(
    st.lists(
        st.one_of(st.floats(0, 1), st.just(float("nan")), st.sampled_from([0.01, 0.02])),
        max_size=20,
    )
)
def test_corrections_agree_with_statsmodels(values: list[float]) -> None:
    p = np.array(values, float)
    is_given = ~np.isnan(p)
    for ours, method in ((significance.holm, "holm"), (significance.benjamini_hochberg, "fdr_bh")):
        adjusted = ours(p)
        assert (np.isnan(adjusted) == ~is_given).all()
        if is_given.any():
            np.testing.assert_allclose(
                adjusted[is_given], multipletests(p[is_given], method=method)[1], atol=1e-12
            )


def model(
    true: np.ndarray, pred: np.ndarray, ids: list[str], age: np.ndarray, name: str
) -> pa.Table:
    columns = {
        "sample_id": ids,
        "model": [name] * len(ids),
        "emotion_true": LABELS[true],
        "emotion_pred": LABELS[pred],
    }
    columns |= {
        "age_true": np.full(len(ids), 30.0),
        "age_pred": age,
        "group_race": np.where(np.arange(len(ids)) % 2, "x", "y"),
    }
    return to_schema(pa.table(columns))


@pytest.fixture(scope="module")
def two() -> tuple[pa.Table, pa.Table]:
    """B is right more often than A, most of all on class 1; the second table is shuffled, and each
    has samples of its own.
    """
    rng = np.random.default_rng(3)
    n = 400
    true = rng.integers(0, 3, n)
    a = np.where(rng.random(n) < 0.6, true, rng.integers(0, 4, n))
    b = np.where(rng.random(n) < np.where(true == 1, 0.98, 0.65), true, rng.integers(0, 4, n))
    ids = [f"s{i}" for i in range(n)]
    ages = 30 + rng.normal(0, 6, n), 30 + rng.normal(0, 4, n)
    order = rng.permutation(n)
    second = model(true, b, ids, ages[1], "B").take(order)
    return model(true, a, ids, ages[0], "A").slice(0, n - 10), second.filter(pa.array(order >= 5))


def test_samples_are_matched_by_id_and_the_rest_is_counted(two: tuple[pa.Table, pa.Table]) -> None:
    pair = table_pairs.match(*two)
    assert (
        pair.a["sample_id"].equals(pair.b["sample_id"])
        and len(pair.a) == 385
        and (pair.only_a, pair.only_b) == (5, 10)
    )
    assert pair.a["emotion_true"].equals(pair.b["emotion_true"]) and not pair.a[
        "emotion_pred"
    ].equals(pair.b["emotion_pred"])
    strangers = two[1].set_column(0, "sample_id", pa.array([f"t{i}" for i in range(len(two[1]))]))
    with pytest.raises(DataError, match="'s0' and 't0' and none in common"):
        table_pairs.match(two[0], strangers)


def test_differences_are_those_of_the_single_models(two: tuple[pa.Table, pa.Table]) -> None:
    comparison = table_pairs.compare(*two)
    rows = two[0].to_pandas().merge(two[1].to_pandas(), on="sample_id", suffixes=("_a", "_b"))
    right = {m: rows[f"emotion_pred_{m}"] == rows.emotion_true_a for m in "ab"}
    emotion = comparison.emotion
    assert {m: getattr(emotion.accuracy, m) for m in "ab"} == pytest.approx(
        {m: right[m].mean() for m in "ab"}, abs=1e-12
    )
    labels = sorted(set(rows.emotion_true_a))
    f1 = {
        m: f1_score(rows.emotion_true_a, rows[f"emotion_pred_{m}"], labels=labels, average="macro")
        for m in "ab"
    }
    assert {m: getattr(emotion.macro_f1, m) for m in "ab"} == pytest.approx(f1, abs=1e-12)
    difference = emotion.accuracy.difference
    assert difference.value == pytest.approx(right["b"].mean() - right["a"].mean(), abs=1e-12)
    gain = right["b"].to_numpy().astype(float) - right["a"]
    half = 1.96 * gain.std() / len(gain) ** 0.5  # the paired standard error
    assert (difference.low, difference.high) == pytest.approx(
        (gain.mean() - half, gain.mean() + half), abs=0.15 * half
    )
    assert emotion.mcnemar.only_b == int((gain > 0).sum()) and emotion.mcnemar.only_a == int(
        (gain < 0).sum()
    )
    error = {m: (rows[f"age_pred_{m}"] - 30).abs() for m in "ab"}
    mae = comparison.age.mae
    assert mae.difference.value == pytest.approx((error["b"] - error["a"]).mean(), abs=1e-9)
    assert comparison.age.paired_t.p == pytest.approx(
        ttest_rel(error["b"], error["a"]).pvalue, rel=1e-6
    )
    assert comparison.gender is None


def test_wins_are_found_where_they_are_and_corrected_together(
    two: tuple[pa.Table, pa.Table],
) -> None:
    parts = table_pairs.compare(*two).emotion.parts
    by_class = {p.value: p for p in parts if p.by == "class"}
    assert by_class[LABELS[1]].better == "b" and by_class[LABELS[0]].better is None
    assert (
        sum(p.n for p in by_class.values()) == 385
        and sum(p.n for p in parts if p.by == "race") == 385
    )
    adjusted = multipletests([p.p for p in parts], method="holm")[1]
    assert [p.p_adjusted for p in parts] == pytest.approx(adjusted.tolist(), abs=1e-12)
    swapped = {p.value: p for p in table_pairs.compare(*two[::-1]).emotion.parts}
    assert all(swapped[p.value].difference.value == -p.difference.value for p in parts)
    assert swapped[LABELS[1]].better == "a"


def test_disagreements_are_listed_and_all_of_them_counted(two: tuple[pa.Table, pa.Table]) -> None:
    disagreements = table_pairs.compare(*two, limit=7).emotion.disagreements
    pair = table_pairs.match(*two)
    a, b = pair.a.to_pandas().set_index("sample_id"), pair.b.to_pandas().set_index("sample_id")
    assert (
        disagreements.n == int((a.emotion_pred != b.emotion_pred).sum())
        and len(disagreements.rows) == 21
    )
    for row in disagreements.rows:
        name = row.sample_id
        assert (row.true, row.a, row.b) == (
            a.emotion_true[name],
            a.emotion_pred[name],
            b.emotion_pred[name],
        )
        assert row.a != row.b
        assert row.correct == (
            "a" if row.a == row.true else "b" if row.b == row.true else "neither"
        )
    far = table_pairs.compare(*two, limit=3).age.disagreements.rows
    largest = (a.age_pred - b.age_pred).abs().nlargest(3)
    assert [r.sample_id for r in far] == list(largest.index)


def test_a_model_against_itself_differs_nowhere(two: tuple[pa.Table, pa.Table]) -> None:
    comparison = table_pairs.compare(two[0], two[0])
    emotion = comparison.emotion
    assert (
        emotion.accuracy.difference == Estimate(0.0, None, None, len(two[0]))
        and emotion.mcnemar.p == 1
    )
    assert emotion.disagreements == Disagreements(0, []) and comparison.age.paired_t.p == 1
    assert {p.better for task in ("emotion", "age") for p in comparison.tasks[task].parts} == {None}


def test_samples_with_two_truths_are_left_out_and_said(two: tuple[pa.Table, pa.Table]) -> None:
    a, b = two
    at = b.column_names.index("emotion_true")
    changed = b["emotion_true"].to_pylist()
    changed[0] = next(x for x in FERPLUS8.labels if x != changed[0])
    shared_first = b["sample_id"][0].as_py() in set(a["sample_id"].to_pylist())
    emotion = table_pairs.compare(a, b.set_column(at, "emotion_true", pa.array(changed))).emotion
    assert shared_first and emotion.truth_differs == 1 and emotion.n == 384


def test_command_prints_tables_or_one_object(
    two: tuple[pa.Table, pa.Table], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    paths = [str(tmp_path / f"{name}.parquet") for name in "ab"]
    for predictions, path in zip(two, paths, strict=True):
        table.write(predictions, path)
    assert main(["compare", *paths]) == 0
    out = capsys.readouterr().out
    assert (
        "385 samples in both" in out
        and "5 samples only in A, 10 only in B" in out
        and "McNemar" in out
        and "race: x" in out
    )
    assert main(["compare", *paths, "--json"]) == 0
    comparison = json.loads(capsys.readouterr().out)
    assert comparison["matched"] == 385 and comparison["tables"] == paths

    table.write(pa.concat_tables(two), tmp_path / "both.parquet")
    both = str(tmp_path / "both.parquet")
    assert (
        main(["compare", both, both]) == 2
        and "--model-a to be one of A, B" in capsys.readouterr().err
    )
    assert main(["compare", both, both, "--model-a", "A", "--model-b", "B", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["emotion"] == comparison["emotion"]
    assert main(["compare", *paths, "--limit", "-1"]) == 2 and "--limit" in capsys.readouterr().err


def test_nothing_to_compare_is_said(tmp_path: Path) -> None:
    a = to_schema(pa.table({"sample_id": ["x"], "age_true": [3.0], "age_pred": [4.0]}))
    b = to_schema(
        pa.table({"sample_id": ["x"], "emotion_true": [LABELS[0]], "emotion_pred": [LABELS[0]]})
    )
    with pytest.raises(DataError, match="a task with truth"):
        table_pairs.compare(a, b)


@pytest.mark.parametrize("step", [1e-6, 0.02, 5.0])
def test_listed_numbers_do_not_look_equal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], step: float
) -> None:
    true = np.linspace(-1, 1, 20)
    for name, sign in (("a", 1), ("b", -1)):
        columns = {
            "sample_id": np.arange(20).astype(str),
            "valence_true": true,
            "valence_pred": true + sign * step * np.arange(1, 21),
        }
        table.write(to_schema(pa.table(columns), model=name), tmp_path / f"{name}.parquet")
    assert main(["compare", *(str(tmp_path / f"{n}.parquet") for n in "ab")]) == 0
    listed = capsys.readouterr().out.partition("predictions that differ")[2].splitlines()[4:14]
    for line in listed:
        _, _, a, b = (cell.strip() for cell in line.strip("│").split("│"))
        assert a != b and len(a.partition(".")[2]) >= 1
