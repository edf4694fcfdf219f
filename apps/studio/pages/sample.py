"""One sample: its picture, what every model said and how sure, the voters, what the answer rests
on, and what looks like it.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from apps.studio import charts, context, links, relabel_plan, url_state
from apps.studio.components import gallery, occlusion
from apps.studio.context import View
from core import image
from core.errors import UserError
from core.labels import FERPLUS8, GENDER2
from core.vocabulary import TASKS
from evaluation.predictions.schema import GROUP, P_EMOTION, P_GENDER
from evaluation.store import navigation

TITLE = "Sample"
ICON = ":material/face:"
ORDER = 90

HITS, NEAREST = 8, 12


def render(view: View) -> None:
    """Draw the page."""
    st.markdown(
        "What did each model say about this one sample, how sure was it, and what is the sample like?"
    )
    _find(view)
    chosen = _chosen(view)
    if chosen is None:
        context.empty(view)
        return
    sample_id, dataset = chosen
    rows = view.store.sample(sample_id, dataset)
    if not rows:
        st.warning(
            f"No sample is called {context.plain(sample_id)} in these tables.",
            icon=":material/search_off:",
        )
        return
    _walk(view, sample_id, dataset)
    st.subheader(context.plain(sample_id))
    left, right = st.columns((1, 2), gap="medium")
    with left:
        _picture(view, rows[0])
        _facts(rows[0])
        _relabel(view, rows[0])
    with right:
        _answers(view, rows)
        _chart(view, rows)
    occlusion.show(view, rows)
    _neighbours(view, rows, dataset)


def _find(view: View) -> None:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    text = url_state.text(
        "sp.find", "Find a sample by its name", where=row, placeholder="part of its name"
    )
    if not text:
        return
    hits = navigation.search(view.store, view.where.but(text=""), text, HITS + 1)
    if not hits:
        st.info("No sample of that name passes the filters.", icon=":material/search_off:")
        return
    with st.container(horizontal=True):
        for name, dataset in hits[:HITS]:
            st.button(
                context.plain(name),
                key=f"sp.hit.{dataset}.{name}",
                on_click=links.pick,
                args=(name, dataset),
            )
    if len(hits) > HITS:
        st.caption(f"The first {HITS} are shown: type more of the name.")


def _chosen(view: View) -> tuple[str, str | None] | None:
    """The sample that was clicked in any gallery, else the first under the filters."""
    said = url_state.get("sample")
    if said:
        of = url_state.get("dataset")
        return said[0], of[0] if of else None
    return navigation.place(view.store, view.where, "").after


def _walk(view: View, sample_id: str, dataset: str | None) -> None:
    """Previous and next under the filters, in an order."""
    orders = {
        k: v
        for k, v in gallery.ORDERS.items()
        if k == "row" or ("error" in k) == (view.task == "age")
    }
    known = [k for k in orders if "conf" not in k or f"{view.task}_conf" in view.store.columns]
    row = st.container(horizontal=True, vertical_alignment="bottom")
    order = url_state.choose("sp.order", "Order", known, shown=orders.__getitem__, where=row)
    model = (
        url_state.choose("sp.model", "of the rows of", view.models, where=row)
        if len(view.models) > 1
        else view.models[0]
    )
    place = navigation.place(view.store, view.where_of(model), sample_id, dataset, order)
    before, after = place.before, place.after
    row.button(
        "Previous",
        key="sp.before",
        icon=":material/chevron_left:",
        disabled=before is None,
        on_click=links.pick,
        args=before or ("", ""),
        shortcut="P",
    )
    row.button(
        "Next",
        key="sp.after",
        icon=":material/chevron_right:",
        icon_position="right",
        disabled=after is None,
        on_click=links.pick,
        args=after or ("", ""),
        shortcut="N",
    )
    at = f"{place.at:,} of {place.n:,}" if place.at else f"not among the {place.n:,}"
    st.caption(f"{at} samples that pass the filters.")


def _picture(view: View, row: dict[str, Any]) -> None:
    found = view.faces.find(row.get("path")) if view.faces is not None else None
    if found is None:
        why = (
            "start with `--images DIR`, the folder that the column `path` is relative to"
            if view.faces is None
            else "these tables have no column `path`"
            if not row.get("path")
            else f"{context.plain(row['path'])} is not in the folder"
        )
        st.caption(f"No picture: {why}.")
        return
    try:
        rgb = image.load(found)
    except UserError as error:
        st.caption(f"No picture: {context.plain(str(error))}")
        return
    st.image(rgb, width=320, alt=f"Picture of {row['sample_id']}")
    st.caption(f"{rgb.shape[1]} x {rgb.shape[0]} pixels")


def _facts(row: dict[str, Any]) -> None:
    facts = {name: row.get(name) for name in ("dataset", "split", "path", "face_found")}
    facts |= {
        name.removeprefix(GROUP).replace("_", " "): value
        for name, value in row.items()
        if name.startswith(GROUP)
    }
    shown = {name: value for name, value in facts.items() if value not in (None, "")}
    words = [("yes" if v else "no") if isinstance(v, bool) else str(v) for v in shown.values()]
    if shown:
        st.dataframe(
            {"what": [n.replace("_", " ") for n in shown], "value": words},
            hide_index=True,
            key="sample-facts.table",
        )


def answers(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Columns model, task, truth, answer, confidence, right? of every model and task that has an
    answer or a truth.
    """
    made: dict[str, list[Any]] = {
        name: [] for name in ("model", "task", "truth", "answer", "confidence", "right")
    }
    for row in rows:
        for task in TASKS:
            true, pred = row.get(f"{task}_true"), row.get(f"{task}_pred")
            if true is None and pred is None:
                continue
            if task == "age":
                ends = (row.get("age_low"), row.get("age_high"))
                words = [
                    "–" if v is None else f"{v:.0f}" if v == round(v) else f"{v:.1f}"
                    for v in (true, pred)
                ]
                sure = "" if None in ends else f"{ends[0]:.0f} to {ends[1]:.0f} years"
                right = "" if true is None or pred is None else f"{pred - true:+.1f} years"
            else:
                words, p = [v or "–" for v in (true, pred)], row.get(f"{task}_conf")
                sure = "" if p is None else f"{p:.1%}"
                right = "" if true is None or pred is None else "yes" if true == pred else "no"
            for name, value in zip(
                made, (row["model"], TASKS[task].title, *words, sure, right), strict=True
            ):
                made[name].append(value)
    return made


def _answers(view: View, rows: list[dict[str, Any]]) -> None:
    table = answers(rows)
    st.dataframe(table, hide_index=True, key="sample-answers.table")
    charts.downloads("sample-answers", table)


def _chart(view: View, rows: list[dict[str, Any]]) -> None:
    task = view.task
    true = next((r[f"{task}_true"] for r in rows if r.get(f"{task}_true") is not None), None)
    if task == "age":
        _age(rows, true)
        return
    labels = (FERPLUS8 if task == "emotion" else GENDER2).labels
    table: dict[str, list[Any]] = {
        "class": list(labels),
        "truth": [label == true for label in labels],
    }
    bars = []
    for i, row in enumerate(rows):
        p = probabilities(row, task, labels)
        if p is not None:
            table[row["model"]] = p
            bars.append(
                go.Bar(
                    name=charts.plain(row["model"]),
                    y=list(labels),
                    x=p,
                    orientation="h",
                    marker_color=charts.colour(i),
                    hovertemplate="%{y}: %{x:.1%}",
                )
            )
    votes = next(
        (
            r["emotion_votes"]
            for r in rows
            if task == "emotion" and r.get("emotion_votes") is not None
        ),
        None,
    )
    if votes is not None and sum(votes) > 0:
        shares = [v / sum(votes) for v in votes]
        table["votes"] = shares
        bars.append(
            go.Bar(
                name="what people voted",
                y=list(labels),
                x=shares,
                orientation="h",
                hovertemplate="%{y}: %{x:.0%} of the votes",
                marker={"color": charts.GREY, "line": {"color": charts.QUIET, "width": 1.5}},
            )
        )
    if not bars:
        st.caption("These tables have no probabilities of this sample.")
        return
    made = charts.figure(
        *bars,
        x="probability, share of the votes",
        percent="x",
        height=80 + len(labels) * (24 + 12 * len(bars)),
        barmode="group",
    )
    names = [f"<b>{label} (truth)</b>" if label == true else label for label in labels]
    made.update_yaxes(autorange="reversed", tickmode="array", tickvals=list(labels), ticktext=names)
    made.update_xaxes(range=[0, 1.02])
    form = {
        c: st.column_config.NumberColumn(format="percent")
        for c in table
        if c not in ("class", "truth")
    }
    charts.show(
        made,
        "sample-probabilities",
        table,
        alt=f"{view.title}: probabilities of every model for this sample",
        columns=form,
    )


def probabilities(row: dict[str, Any], task: str, labels: tuple[str, ...]) -> list[float] | None:
    """One model's probabilities in the order of `labels`; None where it states none of this sample."""
    if task == "gender":
        first = row.get(P_GENDER)
        return None if first is None else [first, 1 - first]
    found = [row.get(P_EMOTION + label) for label in labels]
    return None if all(v is None for v in found) else [v or 0.0 for v in found]


AGE_COLUMNS = ("age_pred", "age_low", "age_high")


def _age(rows: list[dict[str, Any]], true: float | None) -> None:
    there = [r for r in rows if r.get("age_pred") is not None]
    if not there:
        return
    bars = charts.bars_between(*([r.get(c) for r in there] for c in AGE_COLUMNS))
    made = charts.figure(
        go.Scatter(
            x=[r["age_pred"] for r in there],
            y=[charts.plain(r["model"]) for r in there],
            mode="markers",
            error_x=bars,
            marker={"size": 12, "color": [charts.colour(i) for i in range(len(there))]},
            hovertemplate="%{y}: %{x:.1f} years<extra></extra>",
        ),
        x="years, with the interval that the model states",
        height=130 + 40 * len(there),
    )
    if true is not None:
        made.add_vline(
            x=true, line={"dash": "dot", "color": charts.GOOD}, annotation_text=f"truth: {true:.0f}"
        )
    table = {
        "model": [r["model"] for r in there],
        "age": [r["age_pred"] for r in there],
        "low": [r.get("age_low") for r in there],
        "high": [r.get("age_high") for r in there],
        "truth": [true] * len(there),
    }
    charts.show(
        made,
        "sample-age",
        table,
        alt="Age that each model says, with its interval, and the true one",
    )


def _relabel(view: View, row: dict[str, Any]) -> None:
    held = relabel_plan.entries().get(row["sample_id"])
    if held is not None:
        st.caption(f"In the relabel plan: {held.action} {context.plain(held.value)}".rstrip() + ".")
        st.button(
            "Take out of the relabel plan",
            key="sp.out",
            on_click=relabel_plan.drop,
            args=(row["sample_id"],),
            icon=":material/remove_shopping_cart:",
        )
        return
    with st.popover("Relabel ...", icon=":material/edit:"):
        st.caption("Added to the relabel plan, which is downloaded in the sidebar.")
        relabel_plan.form(
            "sp",
            view.task,
            view.store.labels(view.task),
            [row["sample_id"]],
            "Add to the relabel plan",
        )


def _neighbours(view: View, rows: list[dict[str, Any]], dataset: str | None) -> None:
    st.subheader("What looks like it to the network")
    if "embedding" not in view.store.columns:
        note = next((n for n in view.store.notes if n.startswith("Embeddings")), "")
        st.caption(
            context.plain(note)
            or "These tables have no embeddings; write them with `python -m evaluation predict --embedding`."
        )
        return
    models = [r["model"] for r in rows if r.get("embedding") is not None]
    if not models:
        st.caption("No model's table has an embedding of this sample.")
        return
    model = (
        url_state.choose("sp.like", "By the embedding of", models) if len(models) > 1 else models[0]
    )
    near = navigation.nearest(view.store, model, rows[0]["sample_id"], dataset, NEAREST)
    if not len(near):
        st.caption("No other sample of this model has an embedding.")
        return
    table = near.to_pandas().drop(columns="row")
    st.caption(
        f"The {len(table)} samples of {context.plain(model)} with the largest cosine, whatever the filters say."
    )
    with st.container(horizontal=True):
        for at, item in enumerate(table.to_dict("records")):
            with st.container(width=150):
                found = view.faces.find(item.get("path")) if view.faces is not None else None
                if found is not None:
                    gallery.picture(found, 128, item["sample_id"])
                st.caption(
                    f"{item['cosine']:.3f}: {context.plain(gallery.caption(item, view.task))}"
                )
                args = (item["sample_id"], item["dataset"] or "")
                st.button(
                    "Open",
                    key=f"sp.near.{at}",
                    on_click=links.pick,
                    args=args,
                    help=item["sample_id"],
                )
    with st.expander("Table and downloads", icon=":material/table:"):
        st.dataframe(table, hide_index=True, key="sample-nearest.table")
        charts.downloads("sample-nearest", table)
