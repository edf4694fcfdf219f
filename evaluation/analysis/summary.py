"""Report of one model's table: what the command prints and what pages and model cards quote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from evaluation.analysis.classification import ClassificationReport, classification_report
from evaluation.analysis.cross_task import CrossTask, cross_tasks
from evaluation.analysis.groups import MAX_GROUP_VALUES, outcomes, table_sample
from evaluation.analysis.regression import RegressionReport, regression_report
from evaluation.predictions import arrays
from evaluation.predictions.table import Meta
from evaluation.statistics.estimate import Estimate

MIN_GROUP_SIZE = 30
"""Groups with fewer samples are reported too, with a star; their intervals say how little that
means.
"""


@dataclass(frozen=True, slots=True)
class TableReport:
    """All estimates of one model's table; a task without truth or prediction is None.

    Attributes:
        rows: of the table.
        card_sha256, fingerprint, detector, left_out: as the table's metadata has them.
        face_found: share of the rows with a face; None where the table does not say.
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
    emotion: ClassificationReport | None
    gender: ClassificationReport | None
    age: RegressionReport | None
    cross: list[CrossTask]
    groups_left_out: dict[str, int]

    @property
    def tasks(self) -> dict[str, ClassificationReport | RegressionReport]:
        """The tasks that the table has, by name."""
        tasks = {"emotion": self.emotion, "gender": self.gender, "age": self.age}
        return {name: task for name, task in tasks.items() if task is not None}


def table_report(table: pa.Table, model: str | None = None) -> TableReport:
    """Report `model` in a conforming table (None: its only model).

    Raises:
        DataError: several models and none named, or no such model.
    """
    table = arrays.one_model(table, model)
    groups, sample, meta = arrays.coded_groups(table), table_sample(table), Meta.of(table)
    emotion, gender = (arrays.classes(table, task) for task in ("emotion", "gender"))
    ages = arrays.ages(table)
    # By true gender, accuracy is recall, which stands there by class already.
    but_gender = {name: group for name, group in groups.items() if name != "gender"}
    return TableReport(
        model=table["model"][0].as_py() if len(table) else model,
        dataset=_names(table, "dataset"),
        split=_names(table, "split"),
        rows=len(table),
        card_sha256=meta.card_sha256 or None,
        fingerprint=meta.fingerprint or None,
        detector=meta.detector or None,
        left_out=meta.left_out,
        face_found=_face_found(table),
        emotion=None
        if emotion is None
        else classification_report(emotion, groups, sample, arrays.votes(table)),
        gender=None if gender is None else classification_report(gender, but_gender, sample, None),
        age=None if ages is None else regression_report(ages, groups, sample),
        cross=cross_tasks(outcomes(emotion, gender, ages), sample),
        groups_left_out={
            name: len(group.values)
            for name, group in groups.items()
            if len(group.values) > MAX_GROUP_VALUES
        },
    )


def _face_found(table: pa.Table) -> Estimate | None:
    if "face_found" not in table.column_names:
        return None
    has_face: np.ndarray = table["face_found"].drop_null().to_numpy()
    return Estimate.of_share(int(has_face.sum()), len(has_face)) if len(has_face) else None


def _names(table: pa.Table, column: str) -> str | None:
    if column not in table.column_names:
        return None
    return ", ".join(sorted(table[column].unique().drop_null().to_pylist())) or None
