"""A study from end to end: train what is missing, read every run folder, write the table."""

from __future__ import annotations

from core import progress
from train.runs.status import read_status
from train.study import page
from train.study.data import PlannedData
from train.study.differences import baseline_differences
from train.study.paired import PairedDifferences
from train.study.plan import StudyPlan
from train.study.result import StudyResult, study_result
from train.study.table import study_rows
from train.study.training import Trainer, train_members
from train.study.verdict import verdict


def run(
    plan: StudyPlan, command: str, *, train: bool = True, trainer: Trainer | None = None
) -> tuple[StudyResult, int]:
    """Train the members (where asked to), tabulate, and write OUT/STUDY.md, .json and .csv.

    Ctrl-C loses nothing that is finished.

    Args:
        plan: the study.
        command: that makes the same table, for the header.
        train: False to tabulate what is there.
        trainer: trains one member; None for a process of its own.

    Returns:
        The result, and an exit status: 0 where all members have their figures, 2 where one lacks
        them, 1 where that was our mistake.

    Raises:
        UserError: a --set that a member has no field for, no --data, or nothing can be written.
    """
    data = PlannedData(plan)
    failed: dict[str, str] = {}
    if train:
        plan.check()
        failed = train_members(plan, data, trainer)
    statuses = {}
    for member in plan.study.members:
        recipe = plan.recipe(member)
        statuses[member.folder] = read_status(plan.out / member.folder, recipe, data.of(recipe))
    rows = study_rows(plan, statuses, failed)
    paired = PairedDifferences(plan)
    sentences = verdict(plan, rows, statuses, paired)
    measured = {row.member for row in rows if row.state == "measured"}
    differences = baseline_differences(plan.study, measured, paired)
    result = study_result(plan, command, statuses, rows, sentences, differences)
    progress.say(f"study {plan.name}: {page.write(result)}")
    errors = {r.member: r.why or "" for r in rows if r.state != "measured"} | failed
    if not errors:
        return result, 0
    return result, 1 if any("internal error" in why for why in errors.values()) else 2
