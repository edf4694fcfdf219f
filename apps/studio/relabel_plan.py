"""A visitor's relabel plans, one for each table: samples and what to do with them.

A plan is for `evaluation audit --apply`, which takes one data set at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import streamlit as st

from apps.studio import context, url_state
from apps.studio.serving import uploads
from evaluation.quality.repair.plan import PlanRow
from evaluation.quality.repair.plan_file import to_csv

SESSION_KEY = "mien_relabel_plans"
"""Session key: id of a table -> its plan."""
ACTIONS = ("relabel", "drop", "move", "keep")
SampleKey: TypeAlias = tuple[str, str]
"""A data set, "" where it is unknown, and the name of a sample of it."""


def entries() -> dict[SampleKey, PlanRow]:
    """Return the rows of this visitor's plan for the selected table, in the order of adding."""
    plans: dict[str, dict[SampleKey, PlanRow]] = st.session_state.setdefault(SESSION_KEY, {})
    selected = url_state.get(uploads.SELECTED)
    return plans.setdefault(selected[0] if selected else "", {})


def put(
    action: str, samples: Iterable[SampleKey], task: str = "", value: str = "", reason: str = ""
) -> None:
    """Add samples; a newer row replaces an older one.

    Args:
        action: one of `ACTIONS`.
        samples: which ones.
        task: of a relabel, the task whose label is wrong.
        value: of a relabel, the new label or age; of a move, the new split.
        reason: free text.
    """
    row_value = f"{task}={value}" if action == "relabel" else value if action == "move" else ""
    rows = entries()
    for dataset, sample_id in samples:
        rows[dataset, sample_id] = PlanRow(sample_id, action, row_value, reason)


def drop(*samples: SampleKey) -> None:
    """Remove samples."""
    for sample in samples:
        entries().pop(sample, None)


def form(
    key: str, task: str, labels: Sequence[str], samples: Sequence[SampleKey], button: str
) -> None:
    """Draw a form that adds samples to the plan.

    Args:
        key: prefix of the widgets' keys, unique on the page.
        task: the task whose label a relabel changes.
        labels: the new labels that are offered.
        samples: which ones to add.
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
    if submitted and not samples:
        st.info("Tick rows of the table first.")
    elif submitted and action in ("relabel", "move") and not value:
        st.info(f"Choose what to {action} to.")
    elif submitted:
        put(action, samples, task, str(value or ""), reason)
        st.rerun()


def badge(where: Any = st) -> None:
    """Draw a button for each data set that downloads its part of the plan, with the number of rows.

    The plan alone is not in the URL: it may have thousands of samples.
    """
    parts: dict[str, list[PlanRow]] = {}
    for (dataset, _), row in entries().items():
        parts.setdefault(dataset, []).append(row)
    for dataset, rows in parts.items():
        name = f" of {context.as_markdown(dataset)}" if dataset and len(parts) > 1 else ""
        where.download_button(
            f"Relabel plan{name} ({len(rows)})",
            to_csv(rows).encode("utf-8", "replace"),
            "plan.csv",
            "text/csv",
            key=f"relabel_plan.download.{dataset}",
            icon=":material/edit_note:",
            on_click="ignore",
        )
    if parts:
        where.caption("The plan is not in the page's link: download it before a reload.")
