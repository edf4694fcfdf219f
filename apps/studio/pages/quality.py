"""Reviews what `python -m evaluation audit` found: pictures side by side, accept or reject by
button or key, a plan of repair.
"""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import streamlit as st

from apps.studio import charts, context, url_state
from apps.studio.components import gallery
from apps.studio.context import View
from evaluation.quality.repair import plan_file
from evaluation.quality.repair.decisions import ACCEPTED, DROPPED, REJECTED, Decisions
from evaluation.quality.repair.review import FindingsFile, read_findings

TITLE = "Data quality"
ICON = ":material/rule:"
ORDER = 85

HOW = "python -m evaluation audit --dataset D --data DIR --findings F.parquet"
SIDE = 4
"""Pictures beside each other."""
MOST = 12
"""Pictures of one cluster."""
SIZE = 256
ROWS = 200
AT = "dq.at"
MARKS = {ACCEPTED: "✓ accepted", DROPPED: "✓ to be dropped", REJECTED: "✗ rejected", "": "open"}
DOES = {"drop": "drop it", "relabel": "relabel it", "move": "move it", "keep": "keep it as it is"}


def render(view: View) -> None:
    """Draw the page."""
    st.markdown(
        "What is wrong with the data, and which of it shall be repaired? Every finding is accepted or rejected by a person."
    )
    path = view.settings.audit
    if path is None:
        st.info(
            f"Nothing to review: `{HOW}`, then `python -m apps.studio --audit F.parquet --images DIR`.",
            icon=":material/info:",
        )
        return
    found = _read(path, path.stat().st_mtime_ns if path.is_file() else 0)
    kept = _decisions(path)
    decided = kept.current()
    if kept.unsaved:
        st.warning(
            f"Decisions are lost when the studio ends, they could not be written to {context.plain(str(kept.path))}: "
            f"{context.plain(kept.unsaved)}. Download the plan before.",
            icon=":material/warning:",
        )
    _summary(found, decided)
    names = [name for name, table in found.issues.items() if len(table)]
    if not names:
        st.success("The audit found nothing to look at.", icon=":material/check:")
        return
    titles = {name: found.header.checks[name].title for name in names}
    check = url_state.choose(
        "dq.check", "Check", names, format_func=lambda n: f"{titles[n]} ({len(found.issues[n]):,})"
    )
    _review(view, found, kept, decided, check)
    _plan(view, found, kept, decided)


@st.cache_resource(max_entries=2, show_spinner="Reading the findings ...")
def _read(path: Path, stamp: int) -> FindingsFile:
    """The findings, which nobody changes; stamp: of the file, so that a new one is read again."""
    return read_findings(path)


@st.cache_resource(max_entries=4)
def _decisions(path: Path) -> Decisions:
    return Decisions.beside(path)


def _summary(found: FindingsFile, decided: dict[str, str]) -> None:
    about = found.header
    splits = ", ".join(f"{context.plain(s)} {n:,}" for s, n in about.splits.items())
    st.caption(
        f"{context.plain(about.dataset)}: {about.samples:,} samples ({splits}), fingerprint {about.fingerprint[:12]}."
    )
    table: dict[str, list[Any]] = {
        n: [] for n in ("check", "issues", "samples", "decided", "accepted", "rejected", "worst")
    }
    for name, issues in found.issues.items():
        states = Counter(decided.get(k, "") for k in issues["key"].to_pylist())
        worst = "–"
        if len(issues):
            first = issues.slice(0, 1).to_pylist()[0]
            worst = f"{first['score']:.2f}  {first['sample_id'] or first['group'] or first['split'] or ''}: {first['reason']}"
        n = len(issues)
        done = 1.0 if n == 0 else 1 - states[""] / n
        checked = about.checks[name]
        cells = (
            checked.title,
            n,
            checked.samples,
            done,
            states[ACCEPTED] + states[DROPPED],
            states[REJECTED],
            worst,
        )
        for column, cell in zip(table, cells, strict=True):
            table[column].append(cell)
    share = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    st.dataframe(table, hide_index=True, key="dq.summary", column_config={"decided": share})


def _place(keys: list[str], decided: dict[str, str]) -> int:
    """The finding that is looked at: that of the URL, else the first open one."""
    try:
        return min(max(int(url_state.get(AT)[0]), 1), len(keys)) - 1
    except (IndexError, ValueError):
        return next((i for i, k in enumerate(keys) if k not in decided), 0)


def following(keys: list[str], decided: dict[str, str], at: int) -> int:
    """The next open finding after `at`, from the start again; the next one where none is open.

    >>> following(["a", "b", "c"], {"a": "accepted", "b": "rejected"}, 0), following(["a", "b"], {"a": "x", "b": "x"}, 1)
    (2, 0)
    """
    n = len(keys)
    return next((i % n for i in range(at + 1, at + n) if keys[i % n] not in decided), (at + 1) % n)


def _go(to: int) -> None:
    url_state.put(AT, [str(to + 1)])


def _decide(kept: Decisions, keys: list[str], chosen: list[str], what: str, at: int) -> None:
    kept.record(chosen, what)
    _go(at if not what else following(keys, kept.current(), at))


def _review(
    view: View, found: FindingsFile, kept: Decisions, decided: dict[str, str], check: str
) -> None:
    issues = found.issues[check]
    keys: list[str] = issues["key"].to_pylist()
    if url_state.get("dq.of") != [
        check
    ]:  # another check was chosen: from its first open finding on
        if url_state.get("dq.of"):
            url_state.put(AT, [])
        url_state.put("dq.of", [check])
    at = _place(keys, decided)
    row = issues.slice(at, 1).to_pylist()[0]
    n, done = len(keys), sum(k in decided for k in keys)
    st.progress(done / n, text=f"{done:,} of {n:,} findings of this check decided")
    with st.container(border=True):
        said = decided.get(keys[at], "")
        st.markdown(f"**{at + 1:,} of {n:,}** · score {row['score']:.2f} · **{MARKS[said]}**")
        _side_by_side(view, found, row, check)
        value = f": {context.plain(row['value'])}" if row["value"] else ""
        if row["sample_id"] is not None and row["known"]:
            st.markdown(
                f"Suggested for {context.plain(row['sample_id'])}: **{DOES[row['action']]}{value}**"
            )
        else:
            st.caption(
                "About the data as a whole or a file that is no sample: nothing goes into the plan, accepting it only ticks it off."
            )
        _buttons(kept, keys, issues, at, row, said)
    _list(issues, keys, decided, check)


def _buttons(
    kept: Decisions, keys: list[str], issues: pa.Table, at: int, row: dict[str, Any], said: str
) -> None:
    bar = st.container(horizontal=True)
    this = [keys[at]]
    bar.button(
        "Accept",
        key="dq.accept",
        type="primary",
        icon=":material/check:",
        shortcut="a",
        on_click=_decide,
        args=(kept, keys, this, ACCEPTED, at),
    )
    bar.button(
        "Reject",
        key="dq.reject",
        icon=":material/close:",
        shortcut="x",
        on_click=_decide,
        args=(kept, keys, this, REJECTED, at),
    )
    bar.button(
        "Previous",
        key="dq.previous",
        icon=":material/chevron_left:",
        shortcut="Left",
        on_click=_go,
        args=((at - 1) % len(keys),),
    )
    bar.button(
        "Next",
        key="dq.next",
        icon=":material/chevron_right:",
        shortcut="Right",
        on_click=_go,
        args=((at + 1) % len(keys),),
    )
    bar.button(
        "Take back",
        key="dq.undo",
        icon=":material/undo:",
        shortcut="u",
        on_click=_decide,
        args=(kept, keys, this, "", at),
        disabled=not said,
    )
    if row["action"] != "drop" and row["sample_id"] is not None and row["known"]:
        bar.button(
            "Drop it instead",
            key="dq.drop",
            icon=":material/delete:",
            shortcut="d",
            on_click=_decide,
            args=(kept, keys, this, DROPPED, at),
        )
    if row["group"]:
        own = [
            k
            for k, group in zip(keys, issues["group"].to_pylist(), strict=True)
            if group == row["group"]
        ]
        if len(own) > 1:
            bar.button(
                f"Accept all {len(own)} of this cluster",
                key="dq.cluster",
                icon=":material/done_all:",
                on_click=_decide,
                args=(kept, keys, own, ACCEPTED, at),
            )
            bar.button(
                f"Reject all {len(own)}",
                key="dq.no_cluster",
                icon=":material/remove_done:",
                on_click=_decide,
                args=(kept, keys, own, REJECTED, at),
            )


def _side_by_side(view: View, found: FindingsFile, row: dict[str, Any], check: str) -> None:
    """The finding's sample and, of a cluster, the others: those that stay first."""
    others = (
        [m for m in found.members(check, row["group"]) if m["sample_id"] != row["sample_id"]]
        if row["group"]
        else []
    )
    shown = [row, *others][:MOST]
    if row["sample_id"] is not None:
        for start in range(0, len(shown), SIDE):
            for cell, member in zip(st.columns(SIDE), shown[start : start + SIDE], strict=False):
                with cell:
                    _picture(view, member, member is row)
    if len(others) >= MOST:
        st.caption(f"... and {len(others) + 1 - MOST:,} more in this cluster.")
    st.markdown(context.plain(row["reason"] or "").replace(r"\ ", " "))


def _picture(view: View, member: dict[str, Any], chosen: bool) -> None:
    name = member["sample_id"] or ""
    faces = view.faces
    file = None if faces is None else faces.find(member["path"]) or faces.find(name)
    if file is not None:
        gallery.picture(file, SIZE, name)
    elif faces is None:
        st.caption("No picture: start with `--images DIR`.")
    else:
        st.caption("No such picture below `--images`.")
    role = "this one" if chosen else "found too" if member["is_issue"] else "stays"
    parts = [f"**{role}**", context.plain(member["split"] or ""), context.plain(member["label"])]
    st.markdown(" · ".join(p for p in parts if p))
    st.caption(context.plain(name))


def _list(issues: pa.Table, keys: list[str], decided: dict[str, str], check: str) -> None:
    with st.expander(
        f"All {len(keys):,} findings of this check: tick one to look at it", icon=":material/table:"
    ):
        pages = -(-len(keys) // ROWS)
        first = url_state.page(f"dq.page.{check}", pages) * ROWS
        part = issues.slice(first, ROWS)
        names = ("sample_id", "split", "group", "score", "reason", "action", "value", "label")
        table = {
            "decision": [MARKS[decided.get(k, "")] for k in keys[first : first + ROWS]],
            **{n: part[n].to_pylist() for n in names},
        }
        key = f"dq.rows.{check}.{first}"
        form = {"score": st.column_config.NumberColumn(format="%.2f")}
        st.dataframe(
            table,
            hide_index=True,
            key=key,
            column_config=form,
            on_select=lambda: _ticked(key, first),
            selection_mode="single-row",
        )
        charts.downloads(f"findings-{check}", issues.drop_columns(["key", "is_issue"]))


def _ticked(key: str, first: int) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        _go(first + rows[0])


def _plan(view: View, found: FindingsFile, kept: Decisions, decided: dict[str, str]) -> None:
    st.subheader("Plan of repair")
    made = found.plan(decided)
    every = sum(len(t) for t in found.issues.values())
    done = sum(k in decided for t in found.issues.values() for k in t["key"].to_pylist())
    counts = Counter(row.action for row in made)
    told = (
        ", ".join(f"{n:,} {action}" for action, n in sorted(counts.items()))
        or "nothing accepted yet"
    )
    st.markdown(
        f"{done:,} of {every:,} findings of all checks decided. The plan: **{told}**"
        + (f", {len(made):,} rows." if made else ".")
    )
    st.download_button(
        "Plan (CSV)",
        plan_file.to_csv(made).encode("utf-8", "replace"),
        "plan.csv",
        "text/csv",
        key="dq.plan",
        icon=":material/download:",
        on_click="ignore",
        disabled=not made,
    )
    about = found.header
    data = shlex.quote(about.data)
    command = f"python -m evaluation audit --dataset {about.dataset} --data {data} --apply plan.csv --out DIR"
    st.caption(
        "It changes nothing by itself. This writes a new manifest and leaves the data as they are:"
    )
    st.code(command, language="bash")
    st.caption(f"Decisions are kept in {context.plain(str(kept.path))}.")
