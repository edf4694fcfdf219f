"""Review of an audit's findings: pictures side by side, accept or reject, a repair plan."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from apps.studio import charts, context, data_frames, data_sets, widgets
from apps.studio.components import finding
from apps.studio.components.finding import POSITION_PARAMETER, STATES, Review
from apps.studio.context import View
from evaluation.quality.repair import plan_file
from evaluation.quality.repair.decisions import ACCEPTED, DROPPED, REJECTED, Decisions
from evaluation.quality.repair.review import FindingsFile

TITLE = "Data quality"
ICON = ":material/rule:"
ORDER = 85
NEEDS_PREDICTIONS = False

COMMAND = "python -m evaluation audit --dataset D --data DIR --findings F.parquet"
ROWS_PER_PAGE = 200
"""Rows of the list of findings."""


def applies(view: View) -> bool:
    """Return whether the page has something to show."""
    return view.settings.audit is not None


def render(view: View) -> None:
    """Draw the page."""
    st.markdown(
        "What is wrong with the data, and which of it shall be repaired? Every finding is accepted "
        "or rejected by a person."
    )
    path = view.settings.audit
    if path is None:
        st.info(
            f"Nothing to review: `{COMMAND}`, then "
            "`python -m apps.studio --audit F.parquet --images DIR`.",
            icon=":material/info:",
        )
        return
    findings = data_sets.findings(path)
    decisions = _decisions(path)
    decided = decisions.current()
    if decisions.unsaved:
        st.warning(
            "Decisions are lost when the studio ends, they could not be written to "
            f"{context.as_markdown(str(decisions.path))}: "
            f"{context.as_markdown(decisions.unsaved)}. Download the plan before.",
            icon=":material/warning:",
        )
    _summary(findings, decided)
    names = [name for name, issues in findings.issues.items() if len(issues)]
    if not names:
        st.success("The audit has no findings.", icon=":material/check:")
        return
    titles = {
        name: f"{findings.header.checks[name].title} ({len(findings.issues[name]):,})"
        for name in names
    }
    check = widgets.choose(
        "dq.check",
        "Check",
        names,
        format_func=titles.__getitem__,
        removes=POSITION_PARAMETER.__eq__,  # start at the first open finding
    )
    _review(view, Review.of(findings, decisions, check), decided)
    _plan(findings, decisions, decided)


@st.cache_resource(max_entries=4)
def _decisions(path: Path) -> Decisions:
    return Decisions.beside(path)


def _summary(findings: FindingsFile, decided: Mapping[str, str]) -> None:
    header = findings.header
    splits = ", ".join(f"{context.as_markdown(name)} {n:,}" for name, n in header.splits.items())
    st.caption(
        f"{context.as_markdown(header.dataset)}: {header.samples:,} samples ({splits}), "
        f"fingerprint {header.fingerprint[:12]}."
    )
    table: list[data_frames.Row] = []
    for name, issues in findings.issues.items():
        states = Counter(decided.get(key, "") for key in issues["key"].to_pylist())
        worst = "–"
        if len(issues):
            first = issues.slice(0, 1).to_pylist()[0]
            subject = first["sample_id"] or first["group"] or first["split"] or ""
            worst = f"{first['score']:.2f}  {subject}: {first['reason']}"
        table.append(
            {
                "check": header.checks[name].title,
                "issues": len(issues),
                "samples": header.checks[name].samples,
                "decided": 1 - states[""] / len(issues) if len(issues) else 1.0,
                "accepted": states[ACCEPTED] + states[DROPPED],
                "rejected": states[REJECTED],
                "worst": worst,
            }
        )
    share = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    data_frames.show(table, "dq.summary", {"decided": share})


def _review(view: View, review: Review, decided: Mapping[str, str]) -> None:
    keys = review.keys
    at = finding.position(keys, decided)
    n, done = len(keys), sum(key in decided for key in keys)
    st.progress(done / n, text=f"{done:,} of {n:,} findings of this check decided")
    with st.container(border=True):
        finding.show(view, review, at, decided.get(keys[at], ""))
    _list(review, decided)


def _list(review: Review, decided: Mapping[str, str]) -> None:
    keys, check = review.keys, review.check
    with st.expander(
        f"All {len(keys):,} findings of this check: tick one to look at it", icon=":material/table:"
    ):
        pages = -(-len(keys) // ROWS_PER_PAGE)
        first = widgets.page(f"dq.page.{check}", pages) * ROWS_PER_PAGE
        part = review.issues.slice(first, ROWS_PER_PAGE)
        names = ("sample_id", "split", "group", "score", "reason", "action", "value", "label")
        page_keys = keys[first : first + ROWS_PER_PAGE]
        table = {
            "decision": [STATES[decided.get(key, "")] for key in page_keys],
            **{name: part[name].to_pylist() for name in names},
        }
        key = f"dq.rows.{check}.{first}"
        data_frames.show(
            table,
            key,
            {"score": st.column_config.NumberColumn(format="%.2f")},
            on_select=lambda: _on_row(key, first),
            selection_mode="single-row",
        )
        charts.downloads(f"findings-{check}", review.issues.drop_columns(["key", "is_issue"]))


def _on_row(key: str, first: int) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        finding.go(first + rows[0])


def _plan(findings: FindingsFile, decisions: Decisions, decided: Mapping[str, str]) -> None:
    st.subheader("Repair plan")
    rows = findings.plan(decided)
    keys = [key for issues in findings.issues.values() for key in issues["key"].to_pylist()]
    done = sum(key in decided for key in keys)
    counts = Counter(row.action for row in rows)
    actions = ", ".join(f"{n:,} {action}" for action, n in sorted(counts.items()))
    st.markdown(
        f"{done:,} of {len(keys):,} findings of all checks decided. The plan: "
        f"**{actions or 'nothing accepted yet'}**" + (f", {len(rows):,} rows." if rows else ".")
    )
    st.download_button(
        "Plan (CSV)",
        plan_file.to_csv(rows).encode("utf-8", "replace"),
        "plan.csv",
        "text/csv",
        key="dq.plan",
        icon=":material/download:",
        on_click="ignore",
        disabled=not rows,
    )
    header = findings.header
    st.caption(
        "It changes nothing by itself. This writes a new manifest and leaves the data as they are:"
    )
    st.code(
        f"python -m evaluation audit --dataset {shlex.quote(header.dataset)} "
        f"--data {shlex.quote(header.data)} --apply plan.csv --out DIR",
        language="bash",
    )
    st.caption(f"Decisions are kept in {context.as_markdown(str(decisions.path))}.")
