"""plan: thresholds keep their wish on rows that did not choose them, clusters stay whole, and the command says what it did."""

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
from evaluation import table
from evaluation.__main__ import main
from evaluation.conform import P_COLUMNS, conform
from evaluation.generate import generate
from evaluation.metrics import abstention
from evaluation.plan import planned


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 200), st.integers(0, 99), st.booleans())
def test_halves_are_halves_and_keep_clusters_whole(n: int, seed: int, clustered: bool) -> None:
    cluster = np.random.default_rng(seed).integers(0, 9, n) if clustered else None
    half = abstention.halves(n, seed=seed, cluster=cluster)
    assert (half == abstention.halves(n, seed=seed, cluster=cluster)).all() and half.shape == (n,)
    if cluster is None:
        assert half.sum() == (n + 1) // 2
    else:
        assert all(len(set(half[cluster == c])) == 1 for c in set(cluster.tolist()))


def test_no_row_chooses_its_own_threshold() -> None:
    """Confidence that says nothing: thresholds chosen and judged on the same rows look better than they are, cross-fitted ones do not."""
    naive, honest = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        confidence, right, pred = rng.random(120), rng.random(120) < 0.6, rng.integers(0, 3, 120)
        made = abstention.plan(confidence, pred, right, 3, precision=0.8)
        naive.append(right[abstention.answered(made.threshold, confidence, pred)])
        honest.append(right[abstention.cross_fitted(confidence, pred, right, 3, precision=0.8, seed=seed)])
    assert np.concatenate(naive).mean() > 0.75 and np.concatenate(honest).mean() == pytest.approx(0.6, abs=0.08)


@pytest.mark.parametrize("wish", [{"coverage": 0.8}, {"precision": 0.9}])
def test_the_wish_holds_on_the_other_half(wish: dict[str, float]) -> None:
    made = planned(generate(20_000).drop_columns(["group_subject"]), "emotion", **wish)
    [(name, value)] = wish.items()
    for row in made["per_class"]:
        if row["called"] > 800:
            assert row[name]["low"] - 0.02 <= value <= row[name]["high"] + 0.02
    assert made["accuracy"]["value"] > made["before"]["value"] and made["coverage"]["value"] < 1
    assert made["accuracy"]["n"] == round(made["coverage"]["value"] * 20_000)
    assert {v["value"] for v in made["groups"]["light"]} == {"bright", "even", "dim", "dark"}
    dark = next(v for v in made["groups"]["light"] if v["value"] == "dark")
    assert dark["coverage"]["value"] < made["coverage"]["value"], "the hard group gets fewer answers"


def test_people_stay_in_one_half_and_widen_the_interval() -> None:
    whole = generate(6000, per_person=30)
    alone, together = (planned(t, "emotion", precision=0.9) for t in (whole.drop_columns(["group_subject"]), whole))
    assert together["method"]["shares"] == "clustered bootstrap" and alone["method"]["shares"] == "Wilson"
    widths = [made["coverage"]["high"] - made["coverage"]["low"] for made in (alone, together)]
    assert widths[1] > 1.2 * widths[0]


def test_all_abstained() -> None:
    p = np.full((40, 8), 1 / 8)
    labels = np.array(FERPLUS8.labels)
    columns = {"sample_id": np.arange(40).astype(str), "emotion_true": np.repeat(labels[1], 40)}
    made = planned(conform(pa.table(columns | dict(zip(P_COLUMNS, p.T, strict=True)))), "emotion", precision=0.9)
    assert made["coverage"]["value"] == 0 and made["accuracy"]["value"] is None and made["per_class"][0]["threshold"] is None
    json.dumps(made, allow_nan=False)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = str(tmp_path / "t.parquet")
    table.write(generate(2000), path)
    assert main(["plan", path, "--precision", "0.9", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["wish"] == {"precision": 0.9} and found["n"] == 2000 and found["model"] == "generated"
    assert main(["plan", path, "--coverage", "0.7", "--task", "gender"]) == 0
    out = capsys.readouterr().out
    assert "Perceived gender" in out and "cross-fitted" in out and "200 values of `group_subject`" in out.replace("\n", " ")
    assert main(["plan", path, "--precision", "90"]) == 2 and "(0, 1]" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["plan", path, "--precision", "0.9", "--coverage", "0.9"])


def test_a_table_without_probabilities_is_refused() -> None:
    bare = generate(50).drop_columns([*P_COLUMNS, "gender_p_female"])
    for task in ("emotion", "gender"):
        with pytest.raises(DataError, match="probabilities"):
            planned(bare, task, coverage=0.5)
