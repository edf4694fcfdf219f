"""The page Confidence shows the library's calibration, bands, risk and plan, and thresholds that a
program can read.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from apps.studio import settings
from apps.studio.components import reliability, threshold_planner
from apps.studio.pages import confidence
from core.labels import FERPLUS8
from evaluation.__main__ import main
from evaluation.analysis.thresholds import plan_thresholds
from evaluation.predictions import arrays, table
from evaluation.statistics.estimate import to_json_values
from evaluation.store import Store, Where
from tests.apps.studio.conftest import predictions
from tests.evaluation import references

THRESHOLDS = {"cf.tab": confidence.THRESHOLDS}


def test_calibration_and_bands_are_the_librarys(draw) -> None:
    app = draw("confidence", "emotion only")
    classes = arrays.classes(predictions(heads=("emotion",)), "emotion")
    assert classes is not None and classes.p is not None
    top, right = classes.p.max(axis=1), classes.p.argmax(axis=1) == classes.true
    assert app.metric[0].value == f"{references.ece(top, right) * 100:.1f} %"
    rows = app.dataframe[0].value
    assert rows["n"].sum() == 160 and rows["n"].tolist() == [
        n for n in references.reliability(top, right).count if n
    ]
    bands = next(d.value for d in app.dataframe if "accuracy in the band" in d.value.columns)
    edges = [(0.9, 2.0), (0.7, 0.9), (0.0, 0.7)]
    assert bands["n"].tolist() == [int(((top >= low) & (top < high)).sum()) for low, high in edges]
    for text, (low, high) in zip(bands["accuracy in the band"], edges, strict=True):
        here = right[(top >= low) & (top < high)]
        assert text.startswith(f"{here.mean() * 100:.1f} % (") if len(here) else text == "-"
    assert not any("risk" in d.value.columns for d in app.dataframe), "only the open tab is drawn"
    app = draw("confidence", "emotion only", **{"cf.tab": confidence.SELECTIVE})
    risk = next(d.value for d in app.dataframe if "risk" in d.value.columns)
    assert (
        risk["coverage"].iloc[-1] == "100.0%" and risk["risk"].iloc[-1] == f"{1 - right.mean():.2%}"
    )


@pytest.mark.parametrize(("wish", "value"), [("precision", 0.8), ("coverage", 0.6)])
def test_the_plan_is_that_of_the_command(draw, wish: str, value: float) -> None:
    goal = {"cf.wish": wish, "cf.value": f"{value:g}"}
    app = draw("confidence", "emotion only", **THRESHOLDS, **goal)
    plan = plan_thresholds(predictions(heads=("emotion",)), "emotion", **{wish: value})
    rows = next(d.value for d in app.dataframe if "threshold" in d.value.columns)
    wanted = ["never" if c.threshold is None else f"{c.threshold:.3f}" for c in plan.per_class]
    assert rows["threshold"].tolist() == wanted and rows["predicted n"].tolist() == [
        c.n_predicted for c in plan.per_class
    ]
    assert [m.value for m in app.metric if m.label == "accuracy of these"] == [
        f"{plan.accuracy.value * 100:.1f} %"
    ]


def test_the_command_in_the_terminal_is_that_plan(
    draw, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    goal = {"cf.wish": "coverage", "cf.value": "0.6"}
    app = draw("confidence", "three models", task="gender", **THRESHOLDS, **goal)
    assert "python -m evaluation plan t0.parquet --task gender --coverage 0.6" in [
        c.value for c in app.code
    ]
    assert any(c.value.endswith("The same in the terminal:") for c in app.caption)
    app = draw("confidence", "emotion only", right="wrong", **THRESHOLDS)
    assert any("without the filters that are on" in c.value for c in app.caption)
    both = pa.concat_tables([predictions(model="a"), predictions(model="it's b")])
    table.write(both, tmp_path / "both.parquet")
    table.write(both.filter(pa.array(np.arange(len(both)) < 160)), tmp_path / "again.parquet")
    store = Store.open([tmp_path / "both.parquet", tmp_path / "again.parquet"])
    caption, typed = threshold_planner.command(store, Where("gender"), "it's b", "precision", 0.7)
    assert caption == "The same in the terminal:"
    words = shlex.split(typed)
    assert words[4:] == [
        "both.parquet",
        "--task",
        "gender",
        "--precision",
        "0.7",
        "--model",
        "it's b",
    ]
    assert main([*words[3:4], str(tmp_path / words[4]), *words[5:], "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (
        plan["per_class"]
        == to_json_values(
            plan_thresholds(arrays.one_model(both, "it's b"), "gender", precision=0.7)
        )["per_class"]
    )
    _, typed = threshold_planner.command(store, Where("gender"), "a (again)", "precision", 0.7)
    assert typed.endswith("plan again.parquet --task gender --precision 0.7")
    table.write(
        predictions(model="a").set_column(1, "dataset", pa.array(["other"] * 160)),
        tmp_path / "other.parquet",
    )
    caption, _ = threshold_planner.command(
        Store.open([tmp_path / "again.parquet", tmp_path / "other.parquet"]),
        Where("gender"),
        "a",
        "precision",
        0.7,
    )
    assert "for one of the 2 tables" in caption


def test_thresholds_for_a_program() -> None:
    plan = plan_thresholds(predictions(400, heads=("emotion",)), "emotion", precision=0.9)
    read = json.loads(threshold_planner.thresholds("m", plan))
    assert (read["model"], read["task"], read["wish"], read["n"]) == (
        "m",
        "emotion",
        {"precision": 0.9},
        400,
    )
    assert set(read["thresholds"]) == set(FERPLUS8.labels)
    assert any(v is not None and 0 < v <= 1 for v in read["thresholds"].values())


def test_intervals_of_the_age(draw) -> None:
    app = draw("confidence", "age only", **{"cf.nominal": "0.9"})
    ages = arrays.regression(predictions(heads=("age",)), "age")
    assert ages is not None and ages.low is not None and ages.high is not None
    held = (ages.low <= ages.true) & (ages.true <= ages.high)
    assert (
        app.metric[0].value == f"{held.mean() * 100:.1f} %"
        and app.metric[1].value == f"{(ages.high - ages.low).mean():.1f} years"
    )
    rows = app.dataframe[0].value
    assert rows["n"].tolist()[0] == 160 and rows["n"].tolist()[1:] == [
        n for n in np.bincount((ages.true // 10).astype(int), minlength=9) if n
    ]
    assert set(rows["nominal"]) == {"90%"}


def test_without_probabilities_the_page_says_what_to_add(draw) -> None:
    app = draw("confidence", "one model, labels only")
    assert any("no probabilities" in i.value for i in app.info) and not app.metric
    assert (
        reliability.band_name(0.9, 1.0) == "90% and over"
        and reliability.band_name(0.0, 0.7) == "under 70%"
    )


def test_a_model_s_own_limit_makes_the_lowest_band(tmp_path: Path) -> None:
    from streamlit.testing.v1 import AppTest

    rows = predictions(heads=("emotion",))
    table.write(rows, tmp_path / "t.parquet", table.Meta(model="m", thresholds={"emotion": 0.55}))
    settings.PROCESS.use(settings.Settings((tmp_path / "t.parquet",), {}))
    try:
        code = (
            "from apps.studio import frame\nfrom apps.studio.pages import "
            "confidence\nframe.run(confidence, {})"
        )
        app = AppTest.from_string(code, default_timeout=60).run()
    finally:
        settings.PROCESS.use(settings.Settings())
    classes = arrays.classes(rows, "emotion")
    assert classes is not None and classes.p is not None
    bands = next(d.value for d in app.dataframe if "accuracy in the band" in d.value.columns)
    assert (
        bands["confidence"].tolist()[-1] == "under 55%"
        and bands["n"].tolist()[-1] == (classes.p.max(axis=1) < 0.55).sum() > 0
    )
    assert any("Under 55.0%" in c.value for c in app.caption)
