"""Samples as thumbnails, where the pictures' folder is open, and as a table.

Both are paged in SQL, both select a sample, and the table adds samples to the relabel plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from apps.studio import charts, data_frames, links, relabel_plan, url_state, widgets
from apps.studio.components.browser_component import browser_component
from apps.studio.context import View
from apps.studio.serving.images import Faces
from core import image
from core.errors import UserError
from evaluation.store import Store, Where

PICTURES_PER_PAGE = 2000
ROWS_PER_PAGE = 200
"""Rows of the table at a time, where there are no pictures."""
TILE_PIXELS = 96
"""Least width of a tile."""
MAX_TICKED = 100
"""Tiles that can be ticked at a time; the URL holds their names."""
ORDERS = {
    "row": "as in the table",
    "-confidence": "most confident first",
    "confidence": "least confident first",
    "-error": "largest error first",
}


def show(
    view: View,
    where: Where,
    name: str,
    *,
    height: int = 520,
    order: str | None = None,
    caption_of: Callable[[Mapping[str, Any]], str] | None = None,
) -> None:
    """Draw samples: their order, page, pictures and table, with downloads and the relabel plan.

    A click puts `sample=<id>` (and `dataset=<name>`) into the URL, which the page Sample reads.

    Args:
        view: the selections.
        where: the samples to show.
        name: unique on the page; prefix of the URL parameters.
        height: of the pictures, in pixels.
        order: one of `ORDERS` at first; by default the most confident, or the largest age errors.
        caption_of: what stands below a picture, from its row; by default `caption`.
    """
    n = view.store.count(where)
    if n == 0:
        st.info("No sample.", icon=":material/filter_alt:")
        return
    order = _choose_order(view, where.task, name, order)
    has_pictures = view.faces is not None and "path" in view.store.columns
    size = PICTURES_PER_PAGE if has_pictures else ROWS_PER_PAGE
    pages = -(-n // size)
    page = widgets.page(f"{name}.page", pages)
    table = view.store.samples(where, order, size, page * size)
    first = page * size + 1
    st.caption(
        f"{n:,} samples" + (f", {first:,} to {first + len(table) - 1:,} shown" if pages > 1 else "")
    )
    if has_pictures:
        tiles(table, where.task, name, view.faces, height, caption_of=caption_of)
    else:
        explain_missing(view.store)
    links.to_sample()
    _rows(view, table.to_pandas(), name, opened=not has_pictures)


def explain_missing(store: Store) -> None:
    """Say how to get pictures."""
    if "path" in store.columns:
        st.caption("No pictures: start with `--images DIR`, the folder that `path` is relative to.")
    else:
        st.caption("No pictures: these tables have no column `path`.")


def orders(view: View, task: str) -> list[str]:
    """Return the orders of `ORDERS` for which the tables have columns."""
    with_confidence = ["-confidence", "confidence"] if f"{task}_conf" in view.store.columns else []
    has_error = "age" in view.store.tasks or view.store.is_regression(task)
    return ["row", *with_confidence, *(["-error"] if has_error else [])]


def _choose_order(view: View, task: str, name: str, default: str | None) -> str:
    options = orders(view, task)
    if default is None:
        first = "-error" if view.store.is_regression(task) else "-confidence"
        default = first if first in options else options[0]
    return widgets.choose(
        f"{name}.order", "Order", options, default, format_func=ORDERS.__getitem__
    )


def tiles(
    table: pa.Table,
    task: str,
    name: str,
    faces: Faces | None,
    height: int,
    *,
    size: int = TILE_PIXELS,
    ticked: Sequence[str] | None = None,
    marks: Sequence[str] | None = None,
    caption_of: Callable[[Mapping[str, Any]], str] | None = None,
) -> None:
    """Draw samples as tiles: their pictures, or their labels where there is none.

    A click selects a sample as in `show`; ticks go into the URL as `<name>.ticked`.

    Args:
        table: rows of `Store.samples`.
        task: whose label and prediction stand below.
        name: prefix of the URL's parameter.
        faces: the folder of the pictures, if any.
        height: of all, in pixels.
        size: least width of a tile, in pixels.
        ticked: the samples that are ticked; None: tiles have no tick boxes.
        marks: a CSS colour for each row.
        caption_of: see `show`.
    """
    rows = table.to_pylist()  # a data frame has NaN where there is no value, which is true
    items = [
        {
            "id": row["sample_id"],
            "set": row["dataset"],
            "url": faces.url(row["path"]) if faces and row.get("path") else "",
            "text": caption_of(row) if caption_of else caption(row, task),
            "label": _label(row.get(f"{task}_true")),
            "mark": mark,
        }
        for row, mark in zip(rows, marks or [""] * len(rows), strict=True)
    ]
    selected = (url_state.get("sample") or [""])[0]
    data = {"items": items, "chosen": selected, "height": height, "size": size}
    key = f"{name}.faces"
    browser_component("gallery", "<div class='grid' role='list'></div>")(
        key=key,
        data=data if ticked is None else {**data, "ticked": list(ticked), "limit": MAX_TICKED},
        on_picked_change=partial(_on_click, key),
        on_ticked_change=partial(_on_tiles_ticked, key, name),
        default=None,
    )


def _on_tiles_ticked(key: str, name: str) -> None:
    ticked = st.session_state[key].ticked
    if len(ticked) > MAX_TICKED:
        st.toast(
            f"At most {MAX_TICKED} samples can be ticked: the first {MAX_TICKED} are.",
            icon=":material/warning:",
        )
    url_state.put(f"{name}.ticked", ticked[:MAX_TICKED])


def _on_click(key: str) -> None:
    picked = st.session_state[key].picked
    links.pick(picked["id"], picked["set"])


def picture(file: Path, width: int, name: str) -> None:
    """Draw the picture of the sample `name`, or a caption where it cannot be read."""
    try:
        st.image(image.load(file), width=width, alt=f"Picture of {name}")
    except (UserError, OSError):
        st.caption("The picture cannot be read.")


def caption(row: Mapping[str, Any], task: str) -> str:
    """Return label and prediction of one row in a few words, such as `fear → sadness 61%`."""
    true, pred = row.get(f"{task}_true"), row.get(f"{task}_pred")
    if any(isinstance(value, float) and value == value for value in (true, pred)):
        return f"{_number(true)} → {_number(pred)}"
    confidence = row.get(f"{task}_conf")
    percent = "" if confidence is None or confidence != confidence else f" {confidence:.0%}"
    return (
        f"{true if isinstance(true, str) else '?'} → "
        f"{pred if isinstance(pred, str) else '?'}{percent}"
    )


def _label(value: str | float | None) -> str:
    return value if isinstance(value, str) else _number(value)


def _number(value: float | None) -> str:
    return "?" if value is None or value != value else f"{value:.0f}"


def _rows(view: View, table: pd.DataFrame, name: str, *, opened: bool) -> None:
    """Draw the same samples as a table; one ticked row is opened, all go to the relabel plan."""
    with st.expander("Table, downloads, relabel plan", expanded=opened, icon=":material/table:"):
        key = f"{name}.rows.{url_state.get(f'{name}.page')}.{url_state.get(f'{name}.order')}"
        percent = st.column_config.NumberColumn(format="percent")
        one_digit = st.column_config.NumberColumn(format="%.1f")
        formats = {c: percent for c in table.columns if c.endswith("_conf")} | {
            f"{task}_{end}": one_digit
            for task in view.store.tasks
            if view.store.is_regression(task)
            for end in ("true", "pred", "low", "high")
        }
        first = ["sample_id", *(c for c in table.columns if c.startswith(view.task))]
        event = data_frames.show(
            table,
            key,
            formats,
            on_select=partial(_on_tick, key, table),
            selection_mode="multi-row",
            column_order=[*first, *(c for c in table.columns if c not in (*first, "row"))],
        )
        ticked = [i for i in event.selection.rows if i < len(table)]
        rows = [table.iloc[i] for i in ticked]
        samples = [(str(row["dataset"]), str(row["sample_id"])) for row in rows]
        button = f"Add {len(samples)} to the relabel plan" if samples else "Add ticked rows"
        relabel_plan.form(name, view.task, view.store.labels(view.task), samples, button)
        charts.downloads(name, table.drop(columns="row"))


def _on_tick(key: str, table: pd.DataFrame) -> None:
    """Select the sample of a single ticked row."""
    rows = st.session_state[key].selection.rows
    if len(rows) == 1 and rows[0] < len(table):
        row = table.iloc[rows[0]]
        links.pick(str(row["sample_id"]), str(row["dataset"] or ""))
