"""Train the members of a study, each in its own run folder.

A member that is finished is never trained again, also not for another study with the same --out;
one that is not is resumed.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from core import progress
from train.fit import Job
from train.runs.status import read_status
from train.study import launch
from train.study.data import PlannedData
from train.study.definition import StudyMember
from train.study.plan import StudyPlan

Trainer = Callable[[Job], tuple[int, str]]
"""Trains a job; returns the exit status and the text of its error."""


def train_members(
    plan: StudyPlan, data: PlannedData, train: Trainer | None = None
) -> dict[str, str]:
    """Train what is not finished, one after the other, each with an equal share of the budget.

    Args:
        plan: the study.
        data: tells which runs were trained on the same data.
        train: trains one member; None for `launch.call`, a process of its own.

    Returns:
        Folder of each member that failed -> why. One that fails does not stop the others.

    Raises:
        UserError: a --set that a member's recipe has no field for, before anything is trained.
    """
    recipes = {m.folder: plan.recipe(m) for m in plan.study.members}
    uses = {folder: data.of(recipe) for folder, recipe in recipes.items()}
    failed: dict[str, str] = {}
    waiting: list[StudyMember] = []
    for member in plan.study.members:
        name = member.folder
        status = read_status(plan.out / name, recipes[name], uses[name])
        if status.state == "finished":
            progress.say(f"{name}: finished")
        elif status.state == "foreign":
            failed[name] = status.why
            progress.say(f"{name}: {status.why}")
        else:
            waiting.append(member)
    share_s = plan.budget_s / len(waiting) if plan.budget_s and waiting else None
    started = monotonic()
    for i, member in enumerate(waiting):
        name, left = member.folder, ""
        if i:
            minutes = (monotonic() - started) / i * (len(waiting) - i) / 60
            left = f", about {minutes:.0f} min left"
        progress.say(f"study {plan.name}: {name} ({i + 1} of {len(waiting)} to train{left})")
        status_code, error = (train or launch.call)(plan.job(member, share_s))
        if status_code:
            failed[name] = error
            progress.say(f"study {plan.name}: {name} failed, the next one follows")
    return failed
