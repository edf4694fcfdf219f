"""The page of robustness: the table's figures, ranked; tables of other tasks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.studio import settings
from apps.studio.pages import robustness as page
from evaluation.robustness import curves


def row(
    kind: str, severity: int, value: float, task: str = "emotion", model: str = "m"
) -> dict[str, object]:
    """A row of the table, 0.1 below and above as its interval, against 0.8 at severity 0."""
    ends = {
        "low": value - 0.1,
        "high": value + 0.1,
        "flips": 1 - value,
        "flips_low": 0.0,
        "flips_high": 1.0,
    }
    change = {"change": value - 0.8, "change_low": value - 0.9, "change_high": value - 0.7}
    about = {
        "dataset": "made",
        "split": "val",
        "level": severity * 2.0 or None,
        "unit": "px",
        "metric": "accuracy",
        "n": 500,
    }
    return {
        "model": model,
        "kind": kind,
        "severity": severity,
        "task": task,
        "value": value,
        **about,
        **ends,
        **change,
    }


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    rows = (
        [row("blur", s, 0.8 - 0.02 * s) for s in range(6)]
        + [row("noise", s, 0.8 - 0.1 * s) for s in range(6)]
        + [row("flip", 0, 0.8), row("flip", 1, 0.79)]
    )
    pq.write_table(pa.Table.from_pylist(rows, curves.SCHEMA), tmp_path / "r.parquet")
    return tmp_path / "r.parquet"


def test_what_hurts_most_stands_first_at_its_own_highest_severity(draw, measured: Path) -> None:
    drawn = draw("robustness", task="emotion")
    settings.PROCESS.use(replace(settings.PROCESS.settings, robustness=measured))
    app = drawn.run()
    assert not app.exception
    ranking = app.dataframe[-1].value
    assert ranking["corruption"].to_list() == ["noise", "blur", "flip"]
    assert ranking["at"].to_list() == [
        "noise of 10 grey levels",
        "blur 1000 % of face width",
        "mirrored",
    ]
    assert ranking["change"][0] == "-50.0 points (-60.0 to -40.0)"
    assert ranking["changed predictions"][2] == "21.0 % (0.0 to 100.0)"
    assert len(app.dataframe[0].value) == 14, "every row can be downloaded"
    assert any("n = 500" in c.value for c in app.caption)


@pytest.mark.parametrize("kinds", [2, 3, 10])
def test_every_panel_has_its_axes(kinds: int) -> None:
    names = [f"k{i}" for i in range(kinds)]
    table = pa.Table.from_pylist(
        [row(k, s, 5.0 + s, "age") for k in names for s in range(6)], curves.SCHEMA
    ).to_pandas()
    for column, title in (
        ("value", "error, years"),
        ("change", "change, years"),
        ("flips", "changed predictions"),
    ):
        chart = page.panels(table, names, "age", column)
        grid = chart._grid_ref
        for i in range(kinds):
            at = grid[i // page.PANELS_PER_ROW][i % page.PANELS_PER_ROW][0].layout_keys
            x, y = (chart.layout[key].title.text for key in at)
            assert y == (title if i % page.PANELS_PER_ROW == 0 else None), i
            assert x == ("severity" if i + page.PANELS_PER_ROW >= kinds else None), i
    assert page.panels(table, names, "emotion", "value").layout.yaxis.title.text == "accuracy"


@pytest.mark.parametrize(("task", "scale"), [("emotion", 100), ("age", 1)])
def test_changes_of_shares_are_drawn_in_points(task: str, scale: int) -> None:
    rows = pa.Table.from_pylist([row("k", s, 0.5, task) for s in range(3)], curves.SCHEMA)
    rows = rows.to_pandas()
    [trace] = page.panels(rows, ["k"], task, "change").data
    assert list(trace.y) == pytest.approx(list(rows["change"] * scale))
    assert list(trace.error_y.array) == pytest.approx(
        list((rows["change_high"] - rows["change"]) * scale)
    )
    assert page.panels(rows, ["k"], task, "value").data[0].y[0] == 0.5


def test_a_change_without_an_interval_is_shown_alone(draw, tmp_path: Path) -> None:
    rows = [
        row("flip", 0, 0.8),
        row("flip", 1, 0.8)
        | {"change_low": None, "change_high": None, "flips_low": None, "flips_high": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows, curves.SCHEMA), tmp_path / "r.parquet")
    drawn = draw("robustness", task="emotion")
    settings.PROCESS.use(replace(settings.PROCESS.settings, robustness=tmp_path / "r.parquet"))
    ranking = drawn.run().dataframe[-1].value
    assert (ranking["change"][0], ranking["changed predictions"][0]) == ("+0.0 points", "20.0 %")


def test_a_task_that_was_not_measured_says_which_were(draw, measured: Path) -> None:
    drawn = draw("robustness", task="age")
    settings.PROCESS.use(replace(settings.PROCESS.settings, robustness=measured))
    app = drawn.run()
    assert not app.exception and not app.error
    assert any("Nothing was measured for age" in i.value and "Emotion" in i.value for i in app.info)


def test_without_a_table_the_command_is_named(draw) -> None:
    app = draw("robustness")
    assert any("python -m evaluation robustness" in i.value for i in app.info)
