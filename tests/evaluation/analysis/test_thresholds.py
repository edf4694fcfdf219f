"""plan: thresholds keep their wish on rows that did not choose them, clusters stay whole, and the
command says what it did.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import DataError
from core.labels import FERPLUS8
from evaluation.__main__ import main
from evaluation.analysis.thresholds import plan_thresholds
from evaluation.benchmark.generated_tables import generate
from evaluation.metrics import selective
from evaluation.predictions import table
from evaluation.predictions.schema import P_COLUMNS, to_schema
from evaluation.statistics.estimate import to_json_values


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 200), st.integers(0, 99), st.booleans())
def test_halves_are_halves_and_keep_clusters_whole(n: int, seed: int, clustered: bool) -> None:
    cluster = np.random.default_rng(seed).integers(0, 9, n) if clustered else None
    half = selective.halves(n, seed=seed, cluster=cluster)
    assert (half == selective.halves(n, seed=seed, cluster=cluster)).all() and half.shape == (n,)
    if cluster is None:
        assert half.sum() == (n + 1) // 2
    else:
        assert all(len(set(half[cluster == c])) == 1 for c in set(cluster.tolist()))


def test_no_row_chooses_its_own_threshold() -> None:
    """Confidence that says nothing: thresholds chosen and judged on the same rows look better than
    they are, cross-fitted ones do not.
    """
    naive, cross_fitted = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        confidence, right, pred = rng.random(120), rng.random(120) < 0.6, rng.integers(0, 3, 120)

        def choose(rows: np.ndarray) -> np.ndarray:
            chosen = confidence[rows], pred[rows], right[rows]  # noqa: B023  # called at once
            return selective.class_thresholds(*chosen, 3, precision=0.8)

        naive.append(right[confidence >= choose(np.ones(120, bool))[pred]])
        cross_fitted.append(right[selective.cross_fitted(choose, confidence, pred, seed=seed)])
    assert np.concatenate(naive).mean() > 0.75 and np.concatenate(
        cross_fitted
    ).mean() == pytest.approx(0.6, abs=0.08)


@pytest.mark.parametrize("wish", [{"coverage": 0.8}, {"precision": 0.9}])
def test_the_wish_holds_on_the_other_half(wish: dict[str, float]) -> None:
    plan = plan_thresholds(generate(20_000).drop_columns(["group_subject"]), "emotion", **wish)
    [(name, value)] = wish.items()
    for row in plan.per_class:
        if row.n_predicted > 800:
            assert getattr(row, name).low - 0.02 <= value <= getattr(row, name).high + 0.02
    assert plan.accuracy.value > plan.before.value and plan.coverage.value < 1
    assert plan.accuracy.n == round(plan.coverage.value * 20_000)
    assert {v.value for v in plan.groups["light"]} == {"bright", "even", "dim", "dark"}
    dark = next(v for v in plan.groups["light"] if v.value == "dark")
    assert dark.coverage.value < plan.coverage.value, "the hard group gets fewer answers"


def test_people_stay_in_one_half_and_widen_the_interval() -> None:
    predictions = generate(6000, per_person=30)
    alone, together = (
        plan_thresholds(t, "emotion", precision=0.9)
        for t in (predictions.drop_columns(["group_subject"]), predictions)
    )
    assert together.method.shares == "clustered bootstrap" and alone.method.shares == "Wilson"
    widths = [plan.coverage.high - plan.coverage.low for plan in (alone, together)]
    assert widths[1] > 1.2 * widths[0]


def test_all_abstained() -> None:
    p = np.full((40, 8), 1 / 8)
    labels = np.array(FERPLUS8.labels)
    columns = {"sample_id": np.arange(40).astype(str), "emotion_true": np.repeat(labels[1], 40)}
    plan = plan_thresholds(
        to_schema(pa.table(columns | dict(zip(P_COLUMNS, p.T, strict=True)))),
        "emotion",
        precision=0.9,
    )
    assert (
        plan.coverage.value == 0
        and plan.accuracy.value is None
        and plan.per_class[0].threshold is None
    )
    json.dumps(to_json_values(plan), allow_nan=False)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = str(tmp_path / "t.parquet")
    table.write(generate(2000), path)
    assert main(["plan", path, "--precision", "0.9", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (
        result["wish"] == {"precision": 0.9}
        and result["n"] == 2000
        and result["model"] == "generated"
    )
    assert main(["plan", path, "--coverage", "0.7", "--task", "gender"]) == 0
    out = capsys.readouterr().out
    assert (
        "Perceived gender" in out
        and "cross-fitted" in out
        and "200 values of `group_subject`" in out.replace("\n", " ")
    )
    assert main(["plan", path, "--precision", "90"]) == 2 and "(0, 1]" in capsys.readouterr().err
    for task in ("age", "nosuch"):
        assert main(["plan", path, "--precision", "0.9", "--task", task]) == 2
        error = capsys.readouterr().err
        assert f"(emotion, gender), got '{task}'" in error
    for options in (["--coverage", "0.9"], ["--seed", "-1"]):
        with pytest.raises(SystemExit) as end:
            main(["plan", path, "--precision", "0.9", *options])
        assert end.value.code == 2


def test_a_table_without_probabilities_is_refused() -> None:
    bare = generate(50).drop_columns([*P_COLUMNS, "gender_p_female"])
    for task in ("emotion", "gender"):
        with pytest.raises(DataError, match="probabilities"):
            plan_thresholds(bare, task, coverage=0.5)
