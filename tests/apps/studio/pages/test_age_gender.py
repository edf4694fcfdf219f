"""The page of ages and perceived gender: shown figures are those of the table, cut anew by the
slider; tables without a task say so.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from apps.studio.pages.age_gender import CROSS_TASKS
from core.labels import GENDER2
from core.vocabulary import METRICS
from tests.apps.studio.conftest import predictions


def tables(app) -> list:
    return [d.value for d in app.dataframe]


def with_columns(app, *names: str):
    return next(t for t in tables(app) if set(names) <= set(t.columns))


def test_bands_and_groups_show_the_errors_of_the_rows(draw) -> None:
    app = draw("age_gender", "all heads", **{"ag.width": "30", "ag.group": "race"})
    assert not app.exception
    table = predictions()
    true, pred = (table[c].to_numpy().astype(float) for c in ("age_true", "age_pred"))
    error, at = pred - true, np.minimum(true // 30, 2)
    bias = with_columns(app, "true age", "bias (above 0: too old), years", "low", "high", "n")
    assert bias["true age"].to_list() == ["0-29", "30-59", "60+"]
    assert bias.iloc[:, 2].to_list() == pytest.approx(
        [error[at == i].mean() for i in range(3)], abs=1e-5
    )
    assert bias["n"].to_list() == [int((at == i).sum()) for i in range(3)]
    assert (bias["low"] < bias.iloc[:, 2]).all() and (bias.iloc[:, 2] < bias["high"]).all()
    race = np.array(table["group_race"].to_pylist())
    mae = with_columns(app, "race", "mean absolute error, years")
    assert mae.iloc[:, 2].to_list() == pytest.approx(
        [np.abs(error[race == r]).mean() for r in "ABC"], abs=1e-5
    )
    gender_pred = np.where(table["gender_p_female"].to_numpy() >= 0.5, *GENDER2.labels)
    right = gender_pred == np.array(table["gender_true"].to_pylist())
    near = with_columns(app, "years", "share within")
    assert near["share within"].to_list() == pytest.approx(
        [(np.abs(error) <= k).mean() for k in range(16)]
    )
    assert any(f"n = {len(error)}" in m.value for m in app.markdown)
    app = draw("age_gender", "all heads", **{"ag.tab": "Perceived gender", "ag.group": "race"})
    share = with_columns(app, "race", "accuracy")
    assert share["accuracy"].to_list() == pytest.approx([right[race == r].mean() for r in "ABC"])


def test_the_slider_cuts_anew_and_the_matrix_keeps_all_rows(draw) -> None:
    app = draw("age_gender", "age only")
    assert [len(t) for t in tables(app) if "predicted 0-9" in t.columns] == [9]
    app = app.slider(key="w.ag.width").set_value(20).run()
    matrix = with_columns(app, "predicted 0-19")
    assert len(matrix) == 5 and int(matrix.drop(columns="true age").to_numpy().sum()) == 160
    assert app.query_params["ag.width"] == "20"
    assert not app.exception


def test_mistakes_that_come_together(draw) -> None:
    app = draw("age_gender", "all heads", **{"ag.tab": CROSS_TASKS})
    rows = with_columns(app, "given", "wrong minus right")
    table = predictions()
    error = np.abs(table["age_pred"].to_numpy().astype(float) - table["age_true"].to_numpy())
    wrong = np.array(table["emotion_true"].to_pylist()) != np.array(
        table["emotion_pred"].to_pylist()
    )
    assert rows["given"].to_list() == ["Emotion"], (
        "the perceived gender is never wrong in this table"
    )
    assert (rows["n right"][0], rows["n wrong"][0]) == ((~wrong).sum(), wrong.sum())
    assert rows["where wrong"][0].startswith(f"{error[wrong].mean():.2f} (")
    assert rows["wrong minus right"][0].startswith(
        f"{error[wrong].mean() - error[~wrong].mean():+.2f} ("
    )
    assert rows["finding"][0] == "no difference shown"


def test_every_model_has_its_row_in_every_table(draw) -> None:
    shown = with_columns(draw("age_gender", "three models", **{"ag.width": "30"}), "true age", "n")
    assert shown["model"].to_list() == [m for m in ("a", "b", "c & <b>d</b>") for _ in range(3)]


def test_without_ages_and_genders_the_page_says_why(draw) -> None:
    app = draw("age_gender", "emotion only")
    assert any(
        "no label and prediction of age or perceived gender" in i.value for i in app.info
    ) and not tables(app)
    names = [tab.label for tab in draw("age_gender", "age only").tabs]
    assert names == ["Age, years", "Do mistakes come together?"]


def test_errors_start_at_zero_and_differences_where_they_lie(draw) -> None:
    axes = [
        json.loads(element.proto.spec)["layout"]["yaxis"]
        for element in draw("age_gender", "age only").get("plotly_chart")
    ]
    starts = {axis.get("title", {}).get("text"): axis.get("rangemode") for axis in axes}
    assert starts[METRICS["mae"].axis] == "tozero" and starts[METRICS["bias"].axis] is None
