"""A visitor's basket: samples with what should become of them, downloaded as a plan for `python -m
evaluation audit --apply`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from evaluation.quality.repair.plan import Row, dumps

KEY = "mien_basket"
ACTIONS = ("relabel", "drop", "move", "keep")


def entries() -> dict[str, Row]:
    """sample_id -> row of this visitor's plan, in the order in which they came."""
    found: dict[str, Row] = st.session_state.setdefault(KEY, {})
    return found


def put(
    action: str, sample_ids: Sequence[str], task: str = "", value: str = "", reason: str = ""
) -> None:
    """Adds samples; a newer row replaces an older one. value: of a relabel the new label or age of
    `task`, of a move the new split.
    """
    said = f"{task}={value}" if action == "relabel" else value if action == "move" else ""
    for name in sample_ids:
        entries()[name] = Row(name, action, said, reason)


def drop(*sample_ids: str) -> None:
    """Takes samples out."""
    for name in sample_ids:
        entries().pop(name, None)


def form(
    key: str, task: str, labels: Sequence[str], sample_ids: Sequence[str], button: str
) -> None:
    """Asks what should become of `sample_ids`, then puts them in. labels: those of `task` that are
    offered as new ones.
    """
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
    """How many samples the basket holds, and the plan to download."""
    held = entries()
    if held:
        where.download_button(
            f"Relabel plan ({len(held)})",
            dumps(held.values()).encode("utf-8", "replace"),
            "plan.csv",
            "text/csv",
            key="basket.plan",
            icon=":material/shopping_basket:",
            on_click="ignore",
        )
