"""The page Data set: with and without predictions, of versions and of the labels of predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from apps.studio import settings
from apps.studio.serving.images import Faces
from apps.studio.settings import SAMPLE_DATASETS, SAMPLE_FINDINGS

SCRIPT = """from apps.studio import frame
from core import registry
frame.run(registry.load('apps.studio.pages', {page!r}), {{}})"""
TABS = ("Splits", "Distribution", "Pictures", "Copies and leaks", "Before and after")


@pytest.fixture
def see() -> Iterator[Callable]:
    """see(page, datasets, settings..., url=...) -> the page with no predictions opened."""
    from streamlit.testing.v1 import AppTest

    def run(page: str, datasets: tuple[str, ...], url: dict[str, str] | None = None, **more):
        settings.PROCESS.use(settings.Settings(datasets=datasets, **more))
        app = AppTest.from_string(SCRIPT.format(page=page), default_timeout=60)
        app.query_params = url or {}
        return app.run()

    yield run
    settings.PROCESS.use(settings.Settings())


def masks(folder: Path) -> tuple[str, str]:
    """Two versions of a data set with a task of its own: the second has a test split."""
    before = pd.DataFrame(
        {
            "id": [f"p{i}.png" for i in range(40)],
            "split": ["train"] * 38 + ["val"] * 2,
            "mask": ["worn <b>x</b>"] * 30 + ["none"] * 8 + [None] * 2,
            "yaw": [i / 3 for i in range(40)],
        }
    )
    after = before.iloc[:-1].assign(split=["train"] * 31 + ["val"] * 4 + ["test"] * 4)
    after.loc[0, "mask"] = "none"
    paths = folder / "before.csv", folder / "after.csv"
    for path, frame in zip(paths, (before, after), strict=True):
        frame.to_csv(path, index=False)
    return str(paths[0]), str(paths[1])


def tables(app) -> list[pd.DataFrame]:
    assert not app.exception and not app.error
    return [d.value for d in app.dataframe]


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("column", ["mask", "yaw"])
def test_every_tab_shows_a_data_set_of_any_tasks(see, tmp_path: Path, tab: str, column: str):
    app = see("dataset", masks(tmp_path), {"ds.tab": tab, "ds.column": column})
    tables(app)
    assert app.title[0].value == "Data set"
    assert "mask" in str(app.selectbox(key="w.ds.column").options).lower()
    assert all("<b>" not in m.value.replace("\\<", "") for m in app.markdown)


def test_splits_against_what_is_expected(see, tmp_path: Path) -> None:
    app = see("dataset", masks(tmp_path), {"ds.expected": "90/10"})
    rows = tables(app)[-1].set_index("split")
    assert rows["samples"].to_dict() == {"train": 38, "val": 2}
    assert rows["share"].to_list() == [0.95, 0.05] and rows["expected"].to_list() == [0.9, 0.1]
    assert rows["difference, points"].round(9).to_list() == [5, -5]
    assert set(rows["as expected"]) == {"✗ no"}
    app = see("dataset", masks(tmp_path), {"ds.expected": "90/30"})
    assert "80/10/10" in app.error[0].value.replace("\\", "") and not app.exception


@pytest.mark.parametrize("table", ["", "drawn"])
@pytest.mark.parametrize("source", ["1", "predictions"])
def test_no_sample_greets_with_a_false_alarm(see, table: str, source: str) -> None:
    """One split alone is no bad division; the published splits of FER+ really lack a test part."""
    app = see("dataset", (), {"table": table, "ds.set": source})
    listed = [t for t in tables(app) if "as expected" in t.columns]
    assert bool(listed) == (table == "" and source == "1")
    assert ("no shares to compare" in "".join(i.value for i in app.info)) != bool(listed)
    app = see("dataset", (), {"table": table, "ds.set": source, "ds.expected": "80/10/10"})
    rows = tables(app)[-1].set_index("split")
    assert rows.loc["test", "as expected"] == "✗ no", "who types shares in wants them compared"


def test_classes_against_both_targets(see, tmp_path: Path) -> None:
    url = {"ds.tab": "Distribution", "ds.column": "mask"}
    for target, share in (("equal", 0.5), ("overall", 30 / 38)):
        shares = next(
            t
            for t in tables(see("dataset", masks(tmp_path), {**url, "ds.target": target}))
            if "target" in t.columns
        )
        row = shares[(shares["split"] == "all") & (shares["class"] == "worn <b>x</b>")].iloc[0]
        assert (row["samples"], row["n"]) == (30, 38) and row["share"] == 30 / 38
        assert row["target"] == share and " to " in row["95 % interval, %"]


def test_before_and_after_counts_what_changed(see, tmp_path: Path) -> None:
    app = see("dataset", masks(tmp_path), {"ds.tab": "Before and after", "ds.column": "mask"})
    changes = next(t for t in tables(app) if "kept" in t.columns).iloc[0]
    assert changes[["from", "to"]].to_list() == ["before", "after"]
    assert changes[["kept", "removed", "added", "in another split"]].to_list() == [39, 1, 0, 8]
    assert changes["relabelled"] == "other Mask 1"
    moves = next(t for t in tables(app) if "split before" in t.columns)
    assert moves.set_index(["split before", "split after"])["samples"].to_dict() == {
        ("train", "test"): 3,
        ("train", "val"): 4,
        ("val", "test"): 1,
    }


def test_copies_of_the_shipped_sample(see) -> None:
    app = see("dataset", SAMPLE_DATASETS, {"ds.tab": "Copies and leaks"})
    first = tables(app)[0].set_index("check")
    assert (first["samples with an issue"] > 1000).all()
    app = see("dataset", SAMPLE_DATASETS, {"ds.tab": "Copies and leaks", "ds.set": "2"})
    second = tables(app)[0].set_index("check")
    assert (second["clusters across splits"] < 0.05 * first["clusters across splits"]).all()


def test_the_drawn_sample_has_pictures_and_an_audit_without_a_search_for_copies(see) -> None:
    app = see("dataset", (), {"table": "drawn", "ds.tab": "Copies and leaks"})
    assert tables(app) and "did not search" in app.info[0].value
    app = see("dataset", (), {"table": "drawn", "ds.tab": "Pictures"})
    assert any("<img" in h.proto.body for h in app.get("html"))


def test_an_audit_of_other_data_is_no_audit_of_these(see, tmp_path: Path) -> None:
    url = {"ds.tab": "Copies and leaks"}
    app = see("dataset", masks(tmp_path), url, audit=SAMPLE_FINDINGS)
    assert "other data" in app.warning[0].value and not tables(app)
    assert "--audit" in see("dataset", masks(tmp_path), url).info[-1].value


def test_pictures_are_drawn_again_by_a_button_and_named_where_they_are_missing(
    see, tmp_path: Path, pictures: Path
) -> None:
    names = [f"faces/{i}.png" for i in range(9)]  # 0 to 6 exist
    frame = pd.DataFrame({"id": names, "split": "train", "mask": ["a <i>", "b", "b"] * 3})
    frame.to_csv(tmp_path / "m.csv", index=False)
    url = {"ds.tab": "Pictures", "ds.column": "mask"}
    app = see("dataset", (str(tmp_path / "m.csv"),), url, faces=Faces(pictures))
    [markup] = [h.proto.body for h in app.get("html") if "<img" in h.proto.body]
    assert markup.count("<img") == 7 and markup.count("no picture") == 2
    assert "a &lt;i&gt; (3)" in markup and "<i>" not in markup
    assert any(c.value.startswith("2 of these") for c in app.caption)
    before = tables(app)[0]["id"].to_list()
    app = next(b for b in app.button if b.label == "Draw others").click().run()
    assert app.query_params["ds.draw"] == "1" and set(tables(app)[0]["id"]) == set(before)


def test_without_predictions_other_pages_say_so_and_uploads_go_on(see, tmp_path: Path) -> None:
    datasets = masks(tmp_path)
    for page in ("overview", "confusion", "sample"):
        app = see(page, datasets)
        assert "none are open" in app.info[0].value and not app.exception
    assert not see("own", datasets).exception


def test_the_labels_of_predictions_are_a_data_set_too(draw) -> None:
    url = {"ds.tab": "Distribution", "ds.set": "predictions"}
    app = draw("dataset", "three models", **url, **{"ds.column": "emotion"})
    counts = next(t for t in tables(app) if "no label" in t.get("class", pd.Series()).to_list())
    assert counts["all splits"].sum() == 160, "a sample counts once, whatever the models"
    app = draw("dataset", "all heads", **url, **{"ds.column": "age"})
    quantiles = next(t for t in tables(app) if "median" in t.columns)
    assert quantiles["n"].sum() == 160
    app = draw("dataset", "all heads", **url, **{"splits": "val", "ds.column": "gender"})
    counts = next(t for t in tables(app) if "no label" in t.get("class", pd.Series()).to_list())
    assert counts["all splits"].sum() == 80, "filters count"


def test_a_broken_data_set_is_an_error_that_says_what_to_do(see, draw, tmp_path: Path) -> None:
    app = see("dataset", (str(tmp_path / "none.parquet"),))
    assert "no such file" in app.error[0].value and not app.exception
    app = draw("dataset")
    settings.PROCESS.use(replace(settings.PROCESS.settings, datasets=("utkface",)))
    assert "utkface" in app.run().error[0].value
