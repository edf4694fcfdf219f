"""The result of a study: its table and verdict, and what a reader needs to judge them."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from core.errors import DataError
from evaluation.training_runs.run_folder import RunFolder
from train.runs.card_metrics import DataUse
from train.runs.facts import machine
from train.runs.status import RunStatus
from train.study.differences import BaselineDifference
from train.study.plan import StudyPlan
from train.study.table import StudyRow


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a study found.

    Attributes:
        command: that makes the same table.
        date: of the table, ISO 8601.
        machine: that the table was written on, with the versions of Python and torch.
        other_machines: on which members were trained.
        plan: with its budget and changes.
        data: what the members were trained and validated on.
        labels: the members' tasks but age, and the classes of each.
        rows: one for each member and figure.
        differences: of the members from the study's baseline.
        verdict: sentences that follow from the rows.
    """

    command: str
    date: str
    machine: Mapping[str, str | float | None]
    other_machines: Sequence[str]
    plan: StudyPlan
    data: Sequence[DataUse]
    labels: Sequence[tuple[str, tuple[str, ...]]]
    rows: Sequence[StudyRow]
    differences: Sequence[BaselineDifference]
    verdict: Sequence[str]

    def to_dict(self) -> dict[str, object]:
        """Return the result as JSON has it."""
        plan = self.plan
        return {
            "study": plan.name,
            "title": plan.study.title,
            "source": plan.study.source,
            "command": self.command,
            "date": self.date,
            "machine": dict(self.machine),
            "trained_on_too": list(self.other_machines),
            "budget": {"epochs": plan.epochs, "seconds": plan.budget_s, "limit": plan.limit},
            "set": list(plan.sets),
            "data": [asdict(use) for use in self.data],
            "labels": [{"task": task, "labels": list(names)} for task, names in self.labels],
            "rows": [asdict(row) for row in self.rows],
            "differences": [asdict(difference) for difference in self.differences],
            "verdict": list(self.verdict),
        }


def study_result(
    plan: StudyPlan,
    command: str,
    statuses: Mapping[str, RunStatus],
    rows: Sequence[StudyRow],
    verdict: Sequence[str],
    differences: Sequence[BaselineDifference] = (),
) -> StudyResult:
    """Return a study's result, with today's date and this machine.

    Args:
        plan: the study.
        command: that makes the same table.
        statuses: folder -> its run.
        rows: of the table.
        verdict: sentences.
        differences: of the members from the study's baseline.
    """
    uses = {(u.name, u.split, u.n): u for status in statuses.values() for u in status.data}
    spaces = {
        (head.task, head.labels)
        for status in statuses.values()
        if status.card
        for head in status.card.heads
        if head.task != "age"
    }
    this_machine = machine()
    table_machine = {
        key: this_machine[key]
        for key in ("processor", "cores", "memory_gb", "accelerator", "system")
    } | {"python": platform.python_version(), "torch": version("torch")}
    return StudyResult(
        command=command,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        machine=table_machine,
        other_machines=_other_machines(plan, hardware(this_machine)),
        plan=plan,
        data=[uses[key] for key in sorted(uses)],
        labels=sorted(spaces),
        rows=rows,
        differences=differences,
        verdict=verdict,
    )


def _other_machines(plan: StudyPlan, here: str) -> list[str]:
    """Return the other machines that members were trained on, as far as their runs noted them."""
    machines: set[str] = set()
    for member in plan.study.members:
        with contextlib.suppress(DataError, KeyError, TypeError, ValueError):
            summary = RunFolder(plan.out / member.folder).summary() or {}
            if summary.get("machine"):
                machines.add(hardware(summary["machine"]))
    return sorted(machines - {here})


def hardware(machine: Mapping[str, str | float | None]) -> str:
    """Return the hardware of a machine in words."""
    accelerator = f", {machine['accelerator']}" if machine["accelerator"] else ""
    memory = f"{machine['memory_gb']:.0f} GiB{accelerator}"
    return f"{machine['processor']}, {machine['cores']} cores, {memory}"
