"""A study from end to end: train what is missing, look at every run folder, write the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core import progress
from train.runs.status import Standing, look
from train.study import page
from train.study.definition import Call, Plan, check, data_of, train_members
from train.study.lead import Lead
from train.study.page import markdown
from train.study.table import rows, verdict

__all__ = ["into_results", "markdown", "run"]


def run(
    plan: Plan, command: str, *, train: bool = True, call: Call | None = None
) -> tuple[dict[str, Any], int]:
    """Trains (where asked to), tabulates and writes OUT/STUDY.md, .json and .csv. Returns what is
    in the JSON, and an exit status: 0 where all members have their figures, 2 where one lacks them,
    1 where that was our mistake. Ctrl-C loses nothing that is finished.

    Raises:
        UserError: a --set that a member has no field for, no --data, or nothing can be written.
    """
    if train:
        check(plan, plan.study.members)
    failed = train_members(plan, call) if train else {}
    standings = {}
    for m in plan.study.members:
        recipe = plan.recipe(m)
        standing = look(plan.out / m.folder, recipe, data_of(plan, recipe))
        standings[m.folder] = (
            standing if standing.state != "foreign" else Standing("foreign", standing.why)
        )
    table = rows(plan, standings, failed)
    found = page.header(plan, command, standings)
    found |= {"rows": table, "verdict": verdict(plan, table, standings, Lead(plan, standings))}
    progress.say(f"study {plan.name}: {page.write(plan, found)}")
    lacking = {r["member"]: r["why"] or "" for r in table if r["state"] != "measured"} | failed
    return found, 0 if not lacking else 1 if any(
        "internal error" in why for why in lacking.values()
    ) else 2


def into_results(path: Path, found: dict[str, Any]) -> None:
    """See `train.study.page.into_results`."""
    page.into_results(path, found["study"], markdown(found))
