"""Samples as lazy thumbnails (where the pictures' folder is known) and as a table; both page in
SQL, both select, both fill the basket.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from apps.studio import charts, links, relabel_plan, url_state
from apps.studio.context import View
from apps.studio.images import Faces
from core import image
from core.errors import UserError
from evaluation.store import Where

HERE = Path(__file__).parent
PAGE = 2000
ROWS = 200
"""Rows of the table at a time, where there are no pictures."""
ORDERS = {
    "row": "as in the table",
    "-confidence": "most confident first",
    "confidence": "least confident first",
    "-error": "largest age error first",
}


@st.cache_resource(max_entries=1)
def _component() -> Any:
    return st.components.v2.component(
        "mien_gallery",
        html="<div class='grid' role='list'></div>\n",
        css=(HERE / "gallery.css").read_text("utf-8"),
        js=(HERE / "gallery.js").read_text("utf-8"),
    )


def show(
    view: View, where: Where, name: str, *, height: int = 520, order: str | None = None
) -> None:
    """The samples of `where`: order, page, pictures or table, downloads, basket. name: unique on
    the page; prefixes its URL parameters.

    A click puts `sample=<id>` (and `dataset=<name>`) into the URL, which the Sample page reads.
    """
    n = view.store.count(where)
    if n == 0:
        st.info("No sample.", icon=":material/filter_alt:")
        return
    task = where.task
    known = [
        o
        for o in ORDERS
        if o == "row"
        or ("error" in o and "age" in view.store.tasks)
        or ("conf" in o and f"{task}_conf" in view.store.columns)
    ]
    order = url_state.choose(
        f"{name}.order",
        "Order",
        known,
        order or ("-error" if task == "age" else known[-1 if len(known) == 1 else 1]),
        shown=ORDERS.__getitem__,
    )
    pictures = view.faces is not None and "path" in view.store.columns
    size = PAGE if pictures else ROWS
    pages = -(-n // size)
    at = url_state.page(f"{name}.page", pages)
    rows = view.store.samples(where, order, size, at * size)
    first = at * size + 1
    st.caption(
        f"{n:,} samples" + (f", {first:,} to {first + len(rows) - 1:,} shown" if pages > 1 else "")
    )
    table = rows.to_pandas()
    if pictures:
        assert view.faces is not None
        _pictures(view.faces, table, task, name, height)
    else:
        note = (
            "these tables have no column `path`"
            if "path" not in view.store.columns
            else "start with `--images DIR`, the folder that `path` is relative to"
        )
        st.caption(f"No pictures: {note}.")
    links.to_sample()
    _rows(view, table, name, opened=not pictures)


def _pictures(faces: Faces, table: pd.DataFrame, task: str, name: str, height: int) -> None:
    items = [
        {
            "id": r["sample_id"],
            "set": r["dataset"],
            "url": faces.url(r["path"]) if r["path"] else "",
            "text": caption(r, task),
        }
        for r in table.to_dict("records")
    ]
    chosen = (url_state.get("sample") or [""])[0]
    data = {"items": items, "chosen": chosen, "height": height}
    found = _component()(
        key=f"{name}.faces", data=data, on_picked_change=lambda: None, default=None
    )
    picked = getattr(found, "picked", None)
    if picked and [picked["id"]] != url_state.get("sample"):
        links.pick(picked["id"], picked["set"])


def picture(file: Path, width: int, name: str) -> None:
    """One picture of the sample `name`; where it cannot be read, that is said."""
    try:
        st.image(image.load(file), width=width, alt=f"Picture of {name}")
    except (UserError, OSError):
        st.caption("The picture cannot be read.")


def caption(row: dict[str, Any], task: str) -> str:
    """Truth and answer of one row in a few words."""
    if task == "age":
        true, pred = (row.get(f"age_{w}") for w in ("true", "pred"))
        return " → ".join("?" if v is None or v != v else f"{v:.0f}" for v in (true, pred))
    true, pred, p = (row.get(f"{task}_{w}") for w in ("true", "pred", "conf"))
    sure = "" if p is None or p != p else f" {p:.0%}"
    return (
        f"{true if isinstance(true, str) else '?'} → {pred if isinstance(pred, str) else '?'}{sure}"
    )


def _rows(view: View, table: pd.DataFrame, name: str, *, opened: bool) -> None:
    """The same samples as a table: rows can be ticked, which opens one or puts several into the
    basket.
    """
    with st.expander("Table, downloads, basket", expanded=opened, icon=":material/table:"):
        key = f"{name}.rows.{url_state.get(f'{name}.page')}.{url_state.get(f'{name}.order')}"
        shares = {
            c: st.column_config.NumberColumn(format="percent")
            for c in table.columns
            if c.endswith("_conf")
        }
        years = {
            c: st.column_config.NumberColumn(format="%.1f")
            for c in table.columns
            if c.startswith("age_")
        }
        first = ["sample_id", *(c for c in table.columns if c.startswith(view.task))]
        order = [*first, *(c for c in table.columns if c not in (*first, "row"))]
        found = st.dataframe(
            table,
            hide_index=True,
            key=key,
            on_select="rerun",
            selection_mode="multi-row",
            column_order=order,
            column_config={**shares, **years},
        )
        ticked = [i for i in found.selection.rows if i < len(table)]
        before = st.session_state.get(f"{key}.ticked", [])
        st.session_state[f"{key}.ticked"] = ticked
        if (
            len(ticked) == 1 and ticked != before
        ):  # a row that stays ticked must not undo a click on a picture
            links.pick(
                str(table["sample_id"].iloc[ticked[0]]), str(table["dataset"].iloc[ticked[0]] or "")
            )
        ids, labels = (
            [str(table["sample_id"].iloc[i]) for i in ticked],
            view.store.labels(view.task),
        )
        relabel_plan.form(
            name,
            view.task,
            labels,
            ids,
            f"Add {len(ids)} to the basket" if ids else "Add ticked rows to the basket",
        )
        charts.downloads(name, table.drop(columns="row"))
