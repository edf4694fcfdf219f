"""A visitor's relabel plan: samples and what to do with them, for `evaluation audit --apply`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from evaluation.quality.repair.plan import PlanRow
from evaluation.quality.repair.plan_file import to_csv

SESSION_KEY = "mien_relabel_plan"
ACTIONS = ("relabel", "drop", "move", "keep")


def entries() -> dict[str, PlanRow]:
    """Return sample_id -> row of this visitor's plan, in the order of adding."""
    rows: dict[str, PlanRow] = st.session_state.setdefault(SESSION_KEY, {})
    return rows


def put(
    action: str, sample_ids: Sequence[str], task: str = "", value: str = "", reason: str = ""
) -> None:
    """Add samples; a newer row replaces an older one.

    Args:
        action: one of `ACTIONS`.
        sample_ids: the samples.
        task: of a relabel, the task whose label is wrong.
        value: of a relabel, the new label or age; of a move, the new split.
        reason: free text.
    """
    row_value = f"{task}={value}" if action == "relabel" else value if action == "move" else ""
    for sample_id in sample_ids:
        entries()[sample_id] = PlanRow(sample_id, action, row_value, reason)


def drop(*sample_ids: str) -> None:
    """Remove samples."""
    for sample_id in sample_ids:
        entries().pop(sample_id, None)


def form(
    key: str, task: str, labels: Sequence[str], sample_ids: Sequence[str], button: str
) -> None:
    """Draw a form that adds samples to the plan.

    Args:
        key: prefix of the widgets' keys, unique on the page.
        task: the task whose label a relabel changes.
        labels: the new labels that are offered.
        sample_ids: the samples to add.
        button: the text of the form's button.
    """
    with st.form(f"{key}.relabel_plan", border=False, enter_to_submit=False):
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
        submitted = st.form_submit_button(button)
    if submitted and not sample_ids:
        st.info("Tick rows of the table first.")
    elif submitted and action in ("relabel", "move") and not value:
        st.info(f"Choose what to {action} to.")
    elif submitted:
        put(action, sample_ids, task, str(value or ""), reason)
        st.rerun()


def badge(where: Any = st) -> None:
    """Draw the download button of the plan, with its number of samples, where it has any.

    The plan alone is not in the URL: it may have thousands of samples.
    """
    rows = entries()
    if rows:
        where.download_button(
            f"Relabel plan ({len(rows)})",
            to_csv(rows.values()).encode("utf-8", "replace"),
            "plan.csv",
            "text/csv",
            key="relabel_plan.download",
            icon=":material/edit_note:",
            on_click="ignore",
        )
        where.caption("The plan is not in the page's link: download it before a reload.")
