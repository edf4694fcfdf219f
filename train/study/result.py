"""The result of a study: its table and verdict, and what a reader needs to judge them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from core import system
from core.errors import DataError
from evaluation.training_runs.run_folder import RunFolder
from train.runs.card_metrics import DataUse
from train.runs.status import RunStatus
from train.study.plan import StudyPlan
from train.study.table import StudyRow


@dataclass(frozen=True, slots=True)
class TableMachine:
    """The machine that the table was written on."""

    processor: str
    cores: int
    memory_gb: float
    accelerator: str | None
    system: str
    python: str
    torch: str

    @property
    def hardware(self) -> str:
        """The hardware in words."""
        return _hardware(self.processor, self.cores, self.memory_gb, self.accelerator)


@dataclass(frozen=True, slots=True)
class TaskLabels:
    """The classes of one task."""

    task: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a study found.

    Attributes:
        command: that makes the same table.
        date: of the table, ISO 8601.
        machine: that the table was written on.
        other_machines: on which members were trained.
        plan: with its budget and changes.
        data: what the members were trained and validated on.
        labels: of the members' tasks.
        rows: one for each member and figure.
        verdict: sentences that follow from the rows.
    """

    command: str
    date: str
    machine: TableMachine
    other_machines: Sequence[str]
    plan: StudyPlan
    data: Sequence[DataUse]
    labels: Sequence[TaskLabels]
    rows: Sequence[StudyRow]
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
            "machine": asdict(self.machine),
            "trained_on_too": list(self.other_machines),
            "budget": {"epochs": plan.epochs, "seconds": plan.budget_s, "limit": plan.limit},
            "set": list(plan.sets),
            "data": [
                {"name": u.name, "split": u.split, "n": u.n, "fingerprint": u.fingerprint}
                for u in self.data
            ],
            "labels": [{"task": s.task, "labels": list(s.labels)} for s in self.labels],
            "rows": [row.to_dict() for row in self.rows],
            "verdict": list(self.verdict),
        }


def study_result(
    plan: StudyPlan,
    command: str,
    statuses: Mapping[str, RunStatus],
    rows: Sequence[StudyRow],
    verdict: Sequence[str],
) -> StudyResult:
    """Return a study's result, with today's date and this machine.

    Args:
        plan: the study.
        command: that makes the same table.
        statuses: folder -> its run.
        rows: of the table.
        verdict: sentences.
    """
    uses = {(u.name, u.split, u.n): u for status in statuses.values() for u in status.data}
    spaces = {
        (head.task, head.labels)
        for status in statuses.values()
        if status.card
        for head in status.card.heads
        if head.task != "age"
    }
    machine = _this_machine()
    return StudyResult(
        command=command,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        machine=machine,
        other_machines=_other_machines(plan, machine),
        plan=plan,
        data=[uses[key] for key in sorted(uses)],
        labels=[TaskLabels(task, labels) for task, labels in sorted(spaces)],
        rows=rows,
        verdict=verdict,
    )


def _this_machine() -> TableMachine:
    import torch

    here = system.describe_machine()
    accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return TableMachine(
        here.processor,
        here.cores,
        here.memory_gb,
        accelerator,
        here.system,
        here.python,
        version("torch"),
    )


def _other_machines(plan: StudyPlan, here: TableMachine) -> list[str]:
    """Other machines that members were trained on, as their runs recorded; older runs did not."""
    machines: set[str] = set()
    for member in plan.study.members:
        try:
            summary = RunFolder(plan.out / member.folder).summary() or {}
            machine = summary.get("machine")
            if machine:
                names = ("processor", "cores", "memory_gb", "accelerator")
                machines.add(_hardware(*(machine[name] for name in names)))
        except (DataError, KeyError, TypeError, ValueError):
            continue
    return sorted(machines - {here.hardware})


def _hardware(processor: str, cores: int, memory_gb: float, accelerator: str | None) -> str:
    suffix = f", {accelerator}" if accelerator else ""
    return f"{processor}, {cores} cores, {memory_gb:.0f} GiB{suffix}"
