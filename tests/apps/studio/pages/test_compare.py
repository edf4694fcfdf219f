"""The page Compare shows what `evaluation compare` says of the same tables, and something sensible
where there is one model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.studio import settings
from apps.studio.components.model_comparison import leaderboard, pair_figures
from apps.studio.pages import compare
from core.labels import FERPLUS8
from core.vocabulary import METRICS, TASKS, group_title
from evaluation.analysis import table_pairs
from evaluation.analysis.comparison import PartComparison
from evaluation.analysis.leaderboard import from_tables
from evaluation.predictions import table
from evaluation.report.formatting import number, p_value
from evaluation.statistics.estimate import Estimate
from evaluation.training_runs import transfer
from tests.apps.studio.conftest import predictions


@pytest.mark.parametrize("task", ["emotion", "age"])
def test_differences_are_those_of_the_command(draw, task: str) -> None:
    app = draw(
        "compare", "three models", task=task, **{"vs.tab": compare.PAIR, "vs.a": "b", "vs.b": "a"}
    )
    expected = table_pairs.compare(predictions(model="b"), predictions(model="a")).tasks[task]
    headline = app.dataframe[0].value
    pair = next(iter(expected.differences.values()))
    difference = number(pair.difference, percent=task != "age", sign=True)
    assert headline["B minus A (95 %)"][0].split(" (")[0] == difference.split(" (")[0]
    assert headline["p"][0] == p_value(expected.test.p) and set(headline["n"]) == {160}
    rows = app.dataframe[1].value
    parts = {(group_title(part.by), part.value): part for part in expected.parts}
    assert len(rows) == len(parts)
    for row in rows.to_dict("records"):
        part = parts[row["by"], row["value"]]
        assert (row["n"], row["B wins"], row["B loses"], row["p (Holm)"]) == (
            part.n,
            part.wins,
            part.losses,
            p_value(part.p_adjusted),
        )


@pytest.mark.parametrize("task", ["emotion", "age"])
def test_the_leaderboard_is_that_of_the_command(draw, task: str) -> None:
    names = ("a", "b", "c & <b>d</b>")
    app = draw("compare", "three models", task=task, **{"vs.a": "b"})
    board = from_tables.leaderboards({m: predictions(model=m) for m in names}, "b").tasks[task]
    rows = app.dataframe[0].value
    assert rows["model"].tolist() == [one.model for one in board.standings]
    ranks = [leaderboard.rank_text(one.ranks) for one in board.standings]
    assert rows["rank (95 %)"].tolist() == ranks
    differences = rows[f"{view_metric(task)} minus baseline (95 %)"].tolist()
    assert differences == [
        "baseline"
        if one.difference is None
        else number(one.difference.main, percent=task != "age", sign=True)
        for one in board.standings
    ]
    pairs = next(d.value for d in app.dataframe if "differ" in d.value.columns)
    assert list(zip(pairs["model"], pairs["and"], strict=True)) == [
        (pair.a, pair.b) for pair in board.pairs
    ]
    assert pairs["p (Holm)"].tolist() == [p_value(pair.p_adjusted) for pair in board.pairs]


def view_metric(task: str) -> str:
    return TASKS[task].metric.title


@pytest.mark.parametrize("kind", ["a", "b"])
def test_ages_that_became_worse_come_by_how_much(draw, kind: str) -> None:
    choice = {"vs.tab": compare.CHANGES, "vs.a": "a", "vs.b": "b", "vs.kind": kind}
    app = draw("compare", "three models", task="age", **choice)
    rows = next(d.value for d in app.dataframe if {"a", "b", "true"} <= set(d.value.columns))
    gain = (rows["b"] - rows["true"]).abs() - (rows["a"] - rows["true"]).abs()
    gain = gain if kind == "a" else -gain
    assert len(rows) and gain.is_monotonic_decreasing and (gain > 0).all()


def test_disagreements_of_each_kind(draw) -> None:
    for kind, right in (("a", "a"), ("b", "b")):
        choice = {"vs.tab": compare.CHANGES, "vs.a": "a", "vs.b": "b", "vs.kind": kind}
        app = draw("compare", "three models", **choice)
        rows = next(d.value for d in app.dataframe if {"a", "b", "true"} <= set(d.value.columns))
        assert len(rows) and (rows[right] == rows["true"]).all() and (rows["a"] != rows["b"]).all()
        listed = next(d.value for d in reversed(app.dataframe) if "emotion_conf" in d.value.columns)
        assert set(listed["sample_id"]) == set(rows["sample_id"])


def page_of(files: Sequence[Path], selections: Mapping[str, str]):
    """The `AppTest` of the page on these tables."""
    from streamlit.testing.v1 import AppTest

    settings.PROCESS.use(settings.Settings(tuple(files)))
    try:
        app = AppTest.from_string(
            "from apps.studio import frame\nfrom apps.studio.pages import "
            "compare\nframe.run(compare, {})",
            default_timeout=60,
        )
        app.query_params = dict(selections)
        return app.run()
    finally:
        settings.PROCESS.use(settings.Settings())


@given(
    names=st.lists(
        st.sampled_from(["a", "B", "m 0.4", "m", "é", "10"]), min_size=2, max_size=4, unique=True
    )
)
@hypothesis_settings(max_examples=10, deadline=None)
def test_the_model_that_is_opened_first_is_the_baseline(names: list[str]) -> None:
    """In whatever order their names are sorted; in one file or in several."""
    for parts in ([[name] for name in names], [names]):
        with TemporaryDirectory() as folder:
            files = []
            for i, models in enumerate(parts):
                rows = [predictions(12, model, heads=("gender",)) for model in models]
                files.append(Path(folder) / f"{len(parts) - i}.parquet")
                table.write(pa.concat_tables(rows), files[-1])
            app = page_of(files, {"vs.tab": compare.PAIR})
            a, b = (next(s for s in app.selectbox if s.key == f"w.vs.{key}") for key in "ab")
            assert [a.value, b.value] == names[:2]
            assert a.options == names and b.options == names[1:]


@given(shift=st.floats(-1, 1), width=st.floats(0, 0.2), key=st.sampled_from(sorted(METRICS)))
def test_differences_of_shares_are_drawn_in_percentage_points(
    shift: float, width: float, key: str
) -> None:
    metric, difference = METRICS[key], Estimate.of(shift, (shift - width, shift + width), 9)
    part = PartComparison("group", "x", 9, 3, 2, difference, 0.5)
    chart = pair_figures.parts_chart([part], metric)
    scale = 100 if metric.is_share else 1
    [trace] = chart.data
    assert trace.x[0] == pytest.approx(shift * scale)
    assert trace.error_x.array[0] == pytest.approx(width * scale, abs=1e-9)
    assert chart.layout.xaxis.tickformat is None
    title = chart.layout.xaxis.title.text.replace("<br>", " ")
    assert ("percentage points" in title) == metric.is_share
    assert trace.customdata[0][0] == number(difference, percent=metric.is_share, sign=True)


def test_one_model_is_told_what_is_missing(draw) -> None:
    app = draw("compare", "emotion only")
    assert any("One model" in i.value and "second table" in i.value for i in app.info)
    app = draw("compare", "three models", models=["a"])
    assert any("choose another" in i.value for i in app.info)
    app = draw("compare", "three models", models=["a", "a"])
    assert any("choose another" in i.value for i in app.info), "a link may name a model twice"


def test_a_verdict_needs_an_interval_without_0_and_a_small_p() -> None:
    def verdict(
        low: float | None, high: float | None, p: float | None = 0.01, low_is_good: bool = False
    ) -> str:
        ends = None if low is None or high is None else (low, high)
        difference = Estimate.of(sum(ends) / 2, ends) if ends else Estimate(0.1, None, None, 5)
        return pair_figures.verdict(difference, p, low_is_good=low_is_good)

    assert (
        verdict(0.1, 0.2).startswith("B")
        and verdict(-0.2, -0.1).startswith("A")
        and "interval holds 0" in verdict(-0.1, 0.1)
    )
    assert verdict(-0.2, -0.1, low_is_good=True).startswith("B") and verdict(
        0.1, 0.2, low_is_good=True
    ).startswith("A")
    for p in (0.05, 0.0625, 1.0):
        assert (
            verdict(0.01, 0.1, p)
            == "No difference that these samples show: p is not below 0.05."
            == verdict(None, None, p)
        )
    assert verdict(-7.0, -7.0, None, True) == "Too few samples to tell." and verdict(
        None, None
    ).startswith("Too few samples to tell")


def answers(pred: list[int], ages: list[float], model: str) -> pa.Table:
    names = [FERPLUS8.labels[i] for i in pred]
    columns = {
        "sample_id": [f"s{i}" for i in range(len(pred))],
        "model": [model] * len(pred),
        "emotion_pred": names,
    }
    return pa.table(
        columns
        | {
            "emotion_true": [FERPLUS8.labels[0]] * len(pred),
            "age_true": [30.0] * len(pred),
            "age_pred": ages,
        }
    )


@pytest.mark.parametrize(
    ("n", "better", "task", "shown"),
    [
        (
            100,
            5,
            "emotion",
            "No difference that these samples show: p is not below 0.05.",
        ),  # McNemar's p is 0.0625
        (100, 6, "emotion", "B is better than A."),
        (1, 1, "age", "Too few samples to tell."),
        (2, 1, "age", "Too few samples to tell."),  # both gain seven years
    ],
)
def test_the_page_says_no_more_than_its_test(
    tmp_path: Path, n: int, better: int, task: str, shown: str
) -> None:
    for name, pred, age in (("a", [1] * better + [0] * (n - better), 38.0), ("b", [0] * n, 31.0)):
        table.write(answers(pred, [age] * n, name), tmp_path / f"{name}.parquet")
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    app = page_of(files, {"task": task, "vs.a": "a", "vs.b": "b"})
    assert not app.exception and f"**{shown}**" in [m.value for m in app.markdown]


def test_runs_give_gaps_and_transfer_against_custom(draw, tmp_path: Path) -> None:
    for name, learned, accuracy in (("x", True, 0.9), ("y", False, 0.7)):
        (tmp_path / name).mkdir()
        history = {
            "epoch": [1],
            "val_score": [accuracy],
            "train_emotion_accuracy": [0.95],
            "val_emotion_accuracy": [accuracy],
        }
        pq.write_table(pa.table(history), tmp_path / name / "history.parquet")
        (tmp_path / name / "recipe.json").write_text(
            json.dumps({"model": {"family": "f", "pretrained": learned}})
        )
    app = draw("compare", "emotion only", **{"vs.tab": compare.GAPS})
    settings.PROCESS.use(replace(settings.PROCESS.settings, runs=tmp_path))
    app.run()
    rows = next(d.value for d in app.dataframe if "verdict" in d.value.columns)
    assert rows["model"].tolist() == ["x", "y"] and rows["gap, points"].tolist() == [
        "+5.0",
        "+25.0",
    ]
    assert rows["verdict"].tolist() == ["moderate", "severe"]
    rows = next(d.value for d in app.dataframe if "kind" in d.value.columns)
    assert rows["val"].tolist() == ["90.0%", "70.0%"] and rows["kind"].tolist() == [
        transfer.TRANSFER,
        transfer.CUSTOM,
    ]
