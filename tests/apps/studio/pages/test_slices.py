"""The page of slices and fairness: gaps, crossed groups, found slices and their samples are those
of the table.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from apps.studio import settings
from apps.studio.components import slice_search
from core.labels import GENDER2
from evaluation.analysis.by_group.group_source import RowGroups
from evaluation.analysis.by_group.slices import search
from evaluation.predictions import table

F, M = GENDER2.labels
N = 800


@pytest.fixture
def weak(tmp_path: Path) -> tuple[Path, np.ndarray, np.ndarray, np.ndarray]:
    """Perceived gender that is wrong mostly under light c at place y; and a value with too few
    rows.
    """
    rng = np.random.default_rng(2)
    light, place = rng.choice(["a", "b", "c"], N).astype(object), rng.choice(list("xy"), N)
    light[:8] = "few"
    wrong = rng.random(N) < np.where((light == "c") & (place == "y"), 0.7, 0.1)
    columns = {
        "sample_id": [f"s{i:04d}" for i in range(N)],
        "gender_true": [F] * N,
        "gender_pred": np.where(wrong, M, F),
        "group_light": light,
        "group_place": place,
        "group_blur": rng.choice(["soft", "sharp", "blurred"], N),
    }
    table.write(pa.table(columns), tmp_path / "t.parquet", table.Meta(model="m"))
    return tmp_path / "t.parquet", light, place, wrong


def opened(draw, path: Path, **url: str | list[str]):
    app = draw("slices", "no images", **{"task": "gender", **url})
    settings.PROCESS.use(replace(settings.PROCESS.settings, tables=(path,)))
    app = app.run()
    assert not app.exception and not app.error
    return app


def test_gaps_and_figures_are_those_of_the_rows(draw, weak) -> None:
    path, light, place, wrong = weak
    app = opened(draw, path, **{"sl.group": "light", "sl.second": "place"})
    gaps = app.dataframe[0].value.set_index("group")
    shares = {v: 1 - wrong[light == v].mean() for v in "abc"}
    assert gaps.loc["light", "gap"].startswith(
        f"+{100 * (max(shares.values()) - min(shares.values())):.1f} points ("
    )
    assert gaps.loc["light", "worst"] == f"c: {100 * shares['c']:.1f} %, n = {(light == 'c').sum()}"
    assert gaps.loc["blur", "kind"] == "capture condition" and gaps.loc["light", "kind"] == "given"
    one = next(
        d.value
        for d in app.dataframe
        if {"light", "accuracy"} <= set(d.value.columns) and "place" not in d.value.columns
    )
    assert one["accuracy"].to_list() == pytest.approx([shares[v] for v in "abc"]), (
        "the value with 8 rows is left out"
    )
    assert any("Left out, below 30 rows: few" in c.value for c in app.caption)
    crossed = next(
        d.value
        for d in app.dataframe
        if {"light", "place", "accuracy", "low", "high", "n"} <= set(d.value.columns)
    )
    cell = crossed[(crossed["light"] == "c") & (crossed["place"] == "y")].iloc[0]
    assert cell["accuracy"] == pytest.approx(1 - wrong[(light == "c") & (place == "y")].mean())
    assert crossed["n"].sum() == N


def test_conditions_stand_in_their_order(draw, weak) -> None:
    app = opened(draw, weak[0], **{"sl.group": "blur", "sl.second": "light"})
    wanted = ["sharp", "soft", "blurred"]
    layouts = [json.loads(e.proto.spec)["layout"] for e in app.get("plotly_chart")]
    orders = [
        layout[axis].get("categoryarray")
        for layout in layouts
        for axis in ("xaxis", "yaxis")
        if axis in layout
    ]
    assert orders.count(wanted) == 2, "the chart of one group and the heatmap of two"
    assert list(app.multiselect(key="w.g.blur").options) == wanted


def test_found_slices_equal_the_library_and_a_row_shows_its_samples(draw, weak) -> None:
    path, light, place, wrong = weak
    app = opened(draw, path)
    blur = np.array(table.read(path)["group_blur"].to_pylist())
    groups = {"blur": blur, "light": light, "place": place, "gender": np.full(N, F)}
    wanted = search(RowGroups(1.0 - wrong, groups, is_share=True), support=30, fdr=0.05).slices
    rows = next(d.value for d in app.dataframe if "slice" in d.value.columns)
    assert rows["slice"].to_list() == [slice_search.slice_title(s.conditions) for s in wanted]
    assert (
        rows["slice"][0] == "light = c, place = y"
        and rows["n"][0] == ((light == "c") & (place == "y")).sum()
    )
    assert rows["share wrong"].to_list() == pytest.approx([s.loss for s in wanted])
    app = opened(draw, path, **{slice_search.SLICE_PARAMETER: ["light", "c", "place", "y"]})
    shown = next(d.value for d in app.dataframe if "sample_id" in d.value.columns)
    names = {f"s{i:04d}" for i in np.flatnonzero((light == "c") & (place == "y") & wrong)}
    assert set(shown["sample_id"]) == names
    app = app.button(key="sl.filter").click().run()
    assert (app.query_params["g.light"], app.query_params["g.place"]) == ("c", "y")


def test_sliders_change_what_is_looked_at(draw, weak) -> None:
    looked, fewer = (
        next(
            m.value
            for m in opened(draw, weak[0], **{"sl.support": n}).markdown
            if "looked at" in m.value
        )
        for n in ("30", "280")
    )
    assert int(looked.split()[0]) > int(fewer.split()[0])
    assert not [
        d
        for d in opened(draw, weak[0], **{"sl.support": "1000"}).dataframe
        if "best" in d.value.columns
    ]


def test_a_slice_that_the_tables_do_not_have_is_ignored(draw, weak) -> None:
    app = opened(
        draw, weak[0], **{slice_search.SLICE_PARAMETER: ["light", "nowhere", "camera", "x"]}
    )
    assert not [d for d in app.dataframe if "sample_id" in d.value.columns]


def test_a_slice_beside_the_filter_of_the_sidebar_is_empty(draw, weak) -> None:
    app = opened(draw, weak[0], **{slice_search.SLICE_PARAMETER: ["light", "c"], "g.light": ["a"]})
    assert any("No sample" in i.value for i in app.info)
