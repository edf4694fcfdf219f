"""One finding of an audit: its pictures side by side, and the buttons that decide on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import streamlit as st

from apps.studio import context, url_state
from apps.studio.components import gallery
from apps.studio.context import View
from evaluation.quality.repair.decisions import ACCEPTED, DROPPED, REJECTED, Decisions
from evaluation.quality.repair.review import FindingsFile

PICTURES_PER_ROW = 4
MAX_PICTURES = 12
"""Pictures of one cluster that are shown."""
PICTURE_PIXELS = 256
"""Width of a picture."""
POSITION_PARAMETER = "dq.at"
"""URL parameter: the number of the finding that is looked at, from 1."""
STATES = {ACCEPTED: "✓ accepted", DROPPED: "✓ to be dropped", REJECTED: "✗ rejected", "": "open"}
ACTIONS = {"drop": "drop it", "relabel": "relabel it", "move": "move it", "keep": "keep it"}


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """The findings of one check, and the decisions on them.

    Attributes:
        findings: of all checks.
        decisions: where decisions are recorded.
        check: the name of the check.
        issues: its findings, worst first.
        keys: of the findings.
    """

    findings: FindingsFile
    decisions: Decisions
    check: str
    issues: pa.Table
    keys: list[str]

    @classmethod
    def of(cls, findings: FindingsFile, decisions: Decisions, check: str) -> Review:
        """Return the review of one check."""
        issues = findings.issues[check]
        return cls(findings, decisions, check, issues, issues["key"].to_pylist())


def position(keys: Sequence[str], decided: Mapping[str, str]) -> int:
    """Return the index of the finding that is looked at: the URL's, else the first open one's."""
    try:
        return min(max(int(url_state.get(POSITION_PARAMETER)[0]), 1), len(keys)) - 1
    except (IndexError, ValueError):
        return next((i for i, key in enumerate(keys) if key not in decided), 0)


def following(keys: Sequence[str], decided: Mapping[str, str], at: int) -> int:
    """Return the next open finding after `at`, from the start again; the next one without any.

    >>> following(["a", "b", "c"], {"a": "accepted", "b": "rejected"}, 0)
    2
    >>> following(["a", "b"], {"a": "accepted", "b": "rejected"}, 1)
    0
    """
    n = len(keys)
    return next((i % n for i in range(at + 1, at + n) if keys[i % n] not in decided), (at + 1) % n)


def go(to: int) -> None:
    """Look at the finding at `to`, from 0."""
    url_state.put(POSITION_PARAMETER, [str(to + 1)])


def _decide(review: Review, keys: Sequence[str], decision: str, at: int) -> None:
    """Record a decision, "" to take one back, and go to the next open finding."""
    review.decisions.record(list(keys), decision)
    go(following(review.keys, review.decisions.current(), at) if decision else at)


def show(view: View, review: Review, at: int, decision: str) -> None:
    """Draw the finding at `at`, on which there is a decision or "" for none."""
    row = review.issues.slice(at, 1).to_pylist()[0]
    st.markdown(
        f"**{at + 1:,} of {len(review.keys):,}** · score {row['score']:.2f} · "
        f"**{STATES[decision]}**"
    )
    _pictures(view, review, row)
    st.markdown(context.as_markdown(row["reason"] or "").replace(r"\ ", " "))
    is_sample = row["sample_id"] is not None and row["known"]
    if is_sample:
        value = f": {context.as_markdown(row['value'])}" if row["value"] else ""
        action = f"{ACTIONS[row['action']]}{value}"
        st.markdown(f"Suggested for {context.as_markdown(row['sample_id'])}: **{action}**")
    else:
        st.caption(
            "About the data as a whole or a file that is no sample: nothing goes into the plan, "
            "accepting it only ticks it off."
        )
    bar = st.container(horizontal=True)
    _buttons(bar, review, at, decision, can_drop=is_sample and row["action"] != "drop")
    if row["group"]:
        _cluster_buttons(bar, review, at, row["group"])


def _buttons(bar: Any, review: Review, at: int, decision: str, *, can_drop: bool) -> None:
    this, n = [review.keys[at]], len(review.keys)
    accept, reject = (review, this, ACCEPTED, at), (review, this, REJECTED, at)
    _button(bar, "Accept", "dq.accept", "check", "a", _decide, accept, type="primary")
    _button(bar, "Reject", "dq.reject", "close", "x", _decide, reject)
    _button(bar, "Previous", "dq.previous", "chevron_left", "Left", go, ((at - 1) % n,))
    _button(bar, "Next", "dq.next", "chevron_right", "Right", go, ((at + 1) % n,))
    take_back = (review, this, "", at)
    _button(bar, "Take back", "dq.undo", "undo", "u", _decide, take_back, disabled=not decision)
    if can_drop:
        drop = (review, this, DROPPED, at)
        _button(bar, "Drop it instead", "dq.drop", "delete", "d", _decide, drop)


def _button(
    bar: Any,
    text: str,
    key: str,
    icon: str,
    shortcut: str,
    on_click: Callable[..., None],
    args: tuple[object, ...],
    **options: Any,
) -> None:
    """Draw a button that a key of the keyboard presses, too.

    Args:
        bar: the container to draw in.
        text: what stands on it.
        key: unique in the app.
        icon: name of a Material symbol.
        shortcut: the key of the keyboard.
        on_click: called with `args` when it is pressed.
        args: see `on_click`.
        **options: of Streamlit's button.
    """
    bar.button(
        text,
        key=key,
        icon=f":material/{icon}:",
        shortcut=shortcut,
        on_click=on_click,
        args=args,
        **options,
    )


def _cluster_buttons(bar: Any, review: Review, at: int, group: str) -> None:
    groups = review.issues["group"].to_pylist()
    keys = [key for key, other in zip(review.keys, groups, strict=True) if other == group]
    if len(keys) < 2:
        return
    bar.button(
        f"Accept all {len(keys)} of this cluster",
        key="dq.cluster",
        icon=":material/done_all:",
        on_click=_decide,
        args=(review, keys, ACCEPTED, at),
    )
    bar.button(
        f"Reject all {len(keys)}",
        key="dq.no_cluster",
        icon=":material/remove_done:",
        on_click=_decide,
        args=(review, keys, REJECTED, at),
    )


def _pictures(view: View, review: Review, row: Mapping[str, Any]) -> None:
    """Draw the finding's sample and, of a cluster, the others: those that stay first."""
    others = []
    if row["group"]:
        members = review.findings.members(review.check, row["group"])
        others = [member for member in members if member["sample_id"] != row["sample_id"]]
    pictures = [row, *others][:MAX_PICTURES]
    if row["sample_id"] is not None:
        for start in range(0, len(pictures), PICTURES_PER_ROW):
            part = pictures[start : start + PICTURES_PER_ROW]
            for cell, member in zip(st.columns(PICTURES_PER_ROW), part, strict=False):
                with cell:
                    _picture(view, member, is_this=member is row)
    if len(others) >= MAX_PICTURES:
        st.caption(f"... and {len(others) + 1 - MAX_PICTURES:,} more in this cluster.")


def _picture(view: View, member: Mapping[str, Any], *, is_this: bool) -> None:
    name, faces = member["sample_id"] or "", view.faces
    file = None if faces is None else faces.find(member["path"]) or faces.find(name)
    if file is not None:
        gallery.picture(file, PICTURE_PIXELS, name)
    elif faces is None:
        st.caption("No picture: start with `--images DIR`.")
    else:
        st.caption("No such picture below `--images`.")
    role = "this one" if is_this else "also a finding" if member["is_issue"] else "stays"
    parts = [
        f"**{role}**",
        context.as_markdown(member["split"] or ""),
        context.as_markdown(member["label"]),
    ]
    st.markdown(" · ".join(part for part in parts if part))
    st.caption(context.as_markdown(name))
