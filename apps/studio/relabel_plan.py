"""A visitor's relabel plan: samples and what to do with them, for `evaluation audit --apply`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from evaluation.quality.repair.plan import Row, dumps

KEY = "mien_basket"
ACTIONS = ("relabel", "drop", "move", "keep")


def entries() -> dict[str, Row]:
    """Return sample_id -> row of this visitor's plan, in the order of adding."""
    rows: dict[str, Row] = st.session_state.setdefault(KEY, {})
    return rows


def put(
    action: str, sample_ids: Sequence[str], task: str = "", value: str = "", reason: str = ""
) -> None:
    """Add samples; a newer row replaces an older one.

    Args:
        action: One of `ACTIONS`.
        sample_ids: The samples.
        task: Of a relabel, the task whose label is wrong.
        value: Of a relabel, the new label or age; of a move, the new split.
        reason: Free text.
    """
    row_value = f"{task}={value}" if action == "relabel" else value if action == "move" else ""
    for name in sample_ids:
        entries()[name] = Row(name, action, row_value, reason)


def drop(*sample_ids: str) -> None:
    """Remove samples."""
    for name in sample_ids:
        entries().pop(name, None)


def form(
    key: str, task: str, labels: Sequence[str], sample_ids: Sequence[str], button: str
) -> None:
    """Draw a form that adds `sample_ids` to the plan. labels: the new labels offered for `task`."""
    with st.form(f"{key}.basket", border=False, enter_to_submit=False):
        left, right = st.columns(2)
        action = left.selectbox("Action", ACTIONS, key=f"{key}.action")
        value = right.selectbox(
            "New label, age or split",
            labels,
            index=None,
            accept_new_options=True,
            key=f"{key}.value",
        )
        reason = st.text_input("Reason", key=f"{key}.reason", max_chars=200)
        sent = st.form_submit_button(button)
    if sent and not sample_ids:
        st.info("Tick rows of the table first.")
    elif sent and action in ("relabel", "move") and not value:
        st.info(f"Choose what to {action} to.")
    elif sent:
        put(action, sample_ids, task, str(value or ""), reason)
        st.rerun()


def badge(where: Any = st) -> None:
    """Draw the download button of the plan, with its number of samples, where it has any."""
    rows = entries()
    if rows:
        where.download_button(
            f"Relabel plan ({len(rows)})",
            dumps(rows.values()).encode("utf-8", "replace"),
            "plan.csv",
            "text/csv",
            key="basket.plan",
            icon=":material/shopping_basket:",
            on_click="ignore",
        )
