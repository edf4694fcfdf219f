"""A visitor's basket: samples with what should become of them, exported as a plan (`sample_id,action,value,reason`).

`python -m evaluation audit --fix` writes plans of the same form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from evaluation.quality import plan as plans

KEY = "mien_basket"
ACTIONS = ("relabel", "drop", "move", "keep")
COLUMNS = ("sample_id", "action", "value", "reason")


@dataclass(frozen=True)
class Entry:
    """action: relabel (value: the wanted label or age), drop, move (value: the wanted split) or keep."""

    sample_id: str
    action: str = "relabel"
    value: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"Expected `action` to be one of {', '.join(ACTIONS)}, got {self.action!r}.")


def entries() -> dict[str, Entry]:
    """sample_id -> entry of this visitor, in the order in which they came."""
    found: dict[str, Entry] = st.session_state.setdefault(KEY, {})
    return found


def put(*new: Entry) -> None:
    """Adds entries; a sample's newer entry replaces its older one."""
    for entry in new:
        entries()[entry.sample_id] = entry


def drop(*sample_ids: str) -> None:
    """Takes samples out."""
    for name in sample_ids:
        entries().pop(name, None)


def plan(chosen: dict[str, Entry]) -> str:
    """The plan as CSV. A cell that a spreadsheet would take for a formula begins with a quotation mark."""
    return plans.lines(COLUMNS, ((e.sample_id, e.action, e.value, e.reason) for e in chosen.values()))


def badge(where: Any = st) -> None:
    """How many samples the basket holds, and the plan to download."""
    held = entries()
    if held:
        where.download_button(
            f"Relabel plan ({len(held)})", plan(held), "plan.csv", "text/csv", key="basket.plan", icon=":material/shopping_basket:",
            on_click="ignore",
        )  # fmt: skip
