"""Report of one model's table: what the command prints and what pages and model cards quote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from core.vocabulary import TaskTitle
from evaluation.analysis.by_group.groups import left_out, outcomes, table_sample
from evaluation.analysis.classification import ClassificationReport, classification_report
from evaluation.analysis.cross_task import CrossTask, cross_tasks
from evaluation.analysis.regression import RegressionReport, regression_report
from evaluation.predictions import arrays
from evaluation.predictions.meta import Meta
from evaluation.predictions.tasks import KNOWN_TASKS, tasks_of
from evaluation.statistics.estimate import Estimate, fields_of
from evaluation.statistics.sample import Sample

MIN_GROUP_SIZE = 30
"""Groups with fewer samples are reported too, with a star; their intervals say how little that
means.
"""


@dataclass(frozen=True, slots=True)
class TableReport:
    """All estimates of one model's table, of every task with a truth and a prediction.

    Attributes:
        rows: of the table.
        card_sha256, fingerprint, detector, left_out: as the table's metadata has them.
        face_found: share of the rows with a face; None where the table does not say.
        tasks: by name; titles: what each is called.
        cross: where a mistake in one task goes with one in another.
        groups_left_out: group column -> number of values, where these are too many.
    """

    model: str | None
    dataset: str | None
    split: str | None
    rows: int
    card_sha256: str | None
    fingerprint: str | None
    detector: str | None
    left_out: Any
    face_found: Estimate | None
    tasks: dict[str, ClassificationReport | RegressionReport]
    titles: dict[str, TaskTitle]
    cross: list[CrossTask]
    groups_left_out: dict[str, int]

    @property
    def emotion(self) -> ClassificationReport | None:
        """The report of emotion, None without it."""
        return self._classification("emotion")

    @property
    def gender(self) -> ClassificationReport | None:
        """The report of perceived gender, None without it."""
        return self._classification("gender")

    @property
    def age(self) -> RegressionReport | None:
        """The report of age, None without it."""
        report = self.tasks.get("age")
        return report if isinstance(report, RegressionReport) else None

    def _classification(self, task: str) -> ClassificationReport | None:
        report = self.tasks.get(task)
        return report if isinstance(report, ClassificationReport) else None

    def to_dict(self) -> dict[str, object]:
        """Return the fields for JSON; each task has its own key, the known ones always."""
        values: dict[str, object] = {}
        for name, value in fields_of(self).items():
            if name == "tasks":
                values |= dict.fromkeys(KNOWN_TASKS) | self.tasks
            elif name != "titles":
                values[name] = value
        return values


def table_report(table: pa.Table, model: str | None = None) -> TableReport:
    """Report `model` in a conforming table (None: its only model).

    Raises:
        DataError: several models and none named, or no such model.
    """
    table = arrays.one_model(table, model)
    groups, sample, meta = arrays.coded_groups(table), table_sample(table), Meta.of(table)
    tasks = arrays.all_tasks(table)
    numbers = [name for name, task in tasks.items() if isinstance(task, arrays.Numbers)]
    return TableReport(
        model=table["model"][0].as_py() if len(table) else model,
        dataset=_names(table, "dataset"),
        split=_names(table, "split"),
        rows=len(table),
        card_sha256=meta.card_sha256 or None,
        fingerprint=meta.fingerprint or None,
        detector=meta.detector or None,
        left_out=meta.left_out,
        face_found=_face_found(table, sample),
        tasks={
            # By its own truth, a task's accuracy is recall, which stands there by class already.
            name: _task_report(
                name, task, {g: v for g, v in groups.items() if g != name}, sample, table
            )
            for name, task in tasks.items()
        },
        titles={name: task.title for name, task in tasks_of(table).items()},
        cross=cross_tasks(outcomes(tasks), numbers, sample),
        groups_left_out=left_out(groups),
    )


def _task_report(
    name: str,
    task: arrays.Classes | arrays.Numbers,
    groups: dict[str, arrays.Coded],
    sample: Sample,
    table: pa.Table,
) -> ClassificationReport | RegressionReport:
    if isinstance(task, arrays.Numbers):
        return regression_report(task, groups, sample, is_age=name == "age")
    votes = arrays.votes(table) if name == "emotion" else None
    return classification_report(task, groups, sample, votes)


def _face_found(table: pa.Table, sample: Sample) -> Estimate | None:
    if "face_found" not in table.column_names:
        return None
    stated = table["face_found"].is_valid().to_numpy()
    has_face: np.ndarray = table["face_found"].drop_null().to_numpy()
    return sample.part(stated).share(has_face) if len(has_face) else None


def _names(table: pa.Table, column: str) -> str | None:
    if column not in table.column_names:
        return None
    return ", ".join(sorted(name for name in table[column].unique().to_pylist() if name)) or None
