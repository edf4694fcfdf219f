"""The page Compare shows what `evaluation compare` says of the same tables, and something sensible where there is one model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.studio import charts, settings, shared
from apps.studio.pages import compare
from evaluation import paired, transfer
from evaluation.compare import p_text
from tests.apps.studio.conftest import predictions


@pytest.mark.parametrize("task", ["emotion", "age"])
def test_differences_are_those_of_the_command(draw, task: str) -> None:
    app = draw("compare", "three models", task=task, **{"vs.a": "b", "vs.b": "a"})
    found = paired.compare(predictions(model="b"), predictions(model="a"))[task]
    assert found is not None
    name, test = ("mae", "paired_t") if task == "age" else ("accuracy", "mcnemar")
    shown = app.dataframe[0].value
    difference = charts.number(found[name]["difference"], percent=task != "age", sign=True)
    assert shown["B minus A (95 %)"][0].split(" (")[0] == difference.split(" (")[0]
    assert shown["p"][0] == p_text(found[test]["p"]) and set(shown["n"]) == {160}
    parts = app.dataframe[1].value
    wanted = {(shared.group_name(p["by"]), p["value"]): p for p in found["parts"]}
    assert len(parts) == len(wanted)
    for row in parts.to_dict("records"):
        p = wanted[row["by"], row["value"]]
        assert (row["n"], row["B wins"], row["B loses"], row["p (Holm)"]) == (p["n"], p["wins"], p["losses"], p_text(p["p_adjusted"]))


def test_disagreements_of_each_kind(draw) -> None:
    for kind, right in (("a", "a"), ("b", "b")):
        app = draw("compare", "three models", **{"vs.a": "a", "vs.b": "b", "vs.kind": kind})
        rows = next(d.value for d in app.dataframe if {"a", "b", "true"} <= set(d.value.columns))
        assert len(rows) and (rows[right] == rows["true"]).all() and (rows["a"] != rows["b"]).all()
        listed = next(d.value for d in reversed(app.dataframe) if "emotion_conf" in d.value.columns)
        assert set(listed["sample_id"]) == set(rows["sample_id"])


def test_one_model_is_told_what_is_missing(draw) -> None:
    app = draw("compare", "emotion only")
    assert any("One model" in i.value and "second table" in i.value for i in app.info)
    app = draw("compare", "three models", models=["a"])
    assert any("choose another" in i.value for i in app.info)


def test_a_verdict_needs_an_interval_without_0() -> None:
    def said(low: float, high: float, low_is_good: bool = False) -> str:
        return compare.verdict({"low": low, "high": high}, low_is_good=low_is_good)

    assert said(0.1, 0.2).startswith("B") and said(-0.2, -0.1).startswith("A") and said(-0.1, 0.1).startswith("No")
    assert said(-0.2, -0.1, True).startswith("B") and said(0.1, 0.2, True).startswith("A")
    assert compare.verdict({"low": None, "high": None}).startswith("No")


def test_runs_give_gaps_and_transfer_against_custom(draw, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, learned, accuracy in (("x", True, 0.9), ("y", False, 0.7)):
        (tmp_path / name).mkdir()
        history = {"epoch": [1], "val_score": [accuracy], "train_emotion_accuracy": [0.95], "val_emotion_accuracy": [accuracy]}
        pq.write_table(pa.table(history), tmp_path / name / "history.parquet")
        (tmp_path / name / "recipe.json").write_text(json.dumps({"model": {"family": "f", "pretrained": learned}}))
    real = settings.current
    monkeypatch.setattr(settings, "current", lambda: replace(real(), runs=tmp_path))
    app = draw("compare", "emotion only")
    table = next(d.value for d in app.dataframe if "verdict" in d.value.columns)
    assert table["model"].tolist() == ["x", "y"] and table["gap, points"].tolist() == ["+5.0", "+25.0"]
    assert table["verdict"].tolist() == ["moderate", "severe"]
    table = next(d.value for d in app.dataframe if "kind" in d.value.columns)
    assert table["val"].tolist() == ["90.0%", "70.0%"] and table["kind"].tolist() == [transfer.TRANSFER, transfer.CUSTOM]
