"""The tasks of a predictions table: what its columns say, not a fixed list.

`<task>_true` with `<task>_pred` or probabilities `<task>_p_<label>` makes a task. It is a
regression where the truth is a number, else a classification. Emotion, gender and age are tasks
with a known label space or unit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from core import vocabulary
from core.errors import DataError
from core.labels import FERPLUS8, GENDER2, LabelSpace
from evaluation.predictions.meta import Meta

SPACES: dict[str, LabelSpace] = {"emotion": FERPLUS8, "gender": GENDER2}
"""Classification tasks whose labels are known."""
KNOWN_TASKS = ("emotion", "gender", "age")
"""Tasks with extra knowledge, in the order in which they are shown."""
UNITS = {"age": "years"}
MAX_CLASSES = 1000
TRUE, PRED, LOW, HIGH, P = "_true", "_pred", "_low", "_high", "_p_"
TASK_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
RESERVED_NAMES = (
    *("model", "dataset", "split", "sample_id", "rows", "cross", "face", "row", "file"),
    *("table", "card_sha256", "fingerprint", "detector", "left_out", "face_found"),
    *("groups_left_out", "gates", "splits", "tables", "a", "b", "matched", "only_a", "only_b"),
)
"""Words that the store, or the JSON of a report or a comparison, uses for something else."""
P_GENDER = f"gender{P}{GENDER2.labels[0]}"


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a table.

    Attributes:
        name: before `_true` in the column of its truth.
        labels: label space of a classification in its order; None for a regression.
        unit: of a regression, such as years; "" where unknown.
    """

    name: str
    labels: tuple[str, ...] | None = None
    unit: str = ""

    @property
    def title(self) -> vocabulary.TaskTitle:
        """What the task is called, with its unit."""
        return vocabulary.task_title(self.name, self.unit if self.is_regression else None)

    @property
    def is_regression(self) -> bool:
        """Whether numbers are predicted, not classes."""
        return self.labels is None


def is_task_name(name: str) -> bool:
    """Return whether a task can have this name; it becomes part of column names."""
    return bool(TASK_NAME.fullmatch(name)) and name not in RESERVED_NAMES


def refuse_reserved(names: Sequence[str]) -> None:
    """Refuse columns `names` of a truth and a prediction of a task that may not be called so.

    Raises:
        DataError: says how to rename them.
    """
    for task in RESERVED_NAMES:
        predictions = prediction_columns(task, names)
        if task + TRUE in names and predictions:
            renamed = " ".join(f"--map my_{n}={n}" for n in (task + TRUE, predictions[0]))
            raise DataError(
                f"Expected a task with a name of its own, got `{task}`, which reports use for "
                f"something else; rename its columns: {renamed}."
            )


def prediction_columns(task: str, names: Sequence[str]) -> list[str]:
    """Return those of `names` that predict `task`: `<task>_pred` and `<task>_p_<label>`."""
    return [n for n in names if n == task + PRED or n.startswith(task + P)]


def task_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the tasks that have columns of a truth and a prediction.

    Known ones come first, in their order, then the others in the order of the columns.
    """
    tasks = [n.removesuffix(TRUE) for n in names if n.endswith(TRUE)]
    tasks = [t for t in tasks if is_task_name(t) and prediction_columns(t, names)]
    if "age" in tasks and "age" + PRED not in names:
        tasks.remove("age")  # a distribution alone is no predicted age
    usual = [t for t in KNOWN_TASKS if t in tasks]
    return (*usual, *(t for t in tasks if t not in usual))


def is_regression(task: str, truth: pa.DataType) -> bool:
    """Return whether a task predicts numbers, by the type of its truth."""
    return task == "age" or (task not in SPACES and pa.types.is_floating(truth))


def tasks_of(table: pa.Table) -> dict[str, Task]:
    """Return the tasks of a conforming table by name."""
    meta = Meta.of(table)
    tasks = {}
    for name in task_names(table.column_names):
        if is_regression(name, table.schema.field(name + TRUE).type):
            tasks[name] = Task(name, unit=meta.units.get(name, UNITS.get(name, "")))
        else:
            tasks[name] = Task(name, label_space(table, name, meta.labels.get(name, ())))
    return tasks


def label_space(table: pa.Table, task: str, declared: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the labels of a classification task: known, declared, or those that occur.

    Labels of probabilities keep the order of their columns; others are sorted, numbers by value.
    """
    if task in SPACES:
        return SPACES[task].labels
    columns = [c for c in (task + TRUE, task + PRED) if c in table.column_names]
    labels = {v for c in columns for v in pc.unique(table[c]).to_pylist() if v is not None}
    prefix = task + P
    ordered = [
        *declared,
        *(c.removeprefix(prefix) for c in table.column_names if c.startswith(prefix)),
    ]
    return tuple(dict.fromkeys([*ordered, *sorted(labels - set(ordered), key=sort_key)]))


def label_key(label: str) -> tuple[int, tuple[bool, float, str]]:
    """Return the key of the one order of labels: known ones as in their space, then sorted."""
    places = [space.labels.index(label) for space in SPACES.values() if label in space.labels]
    return (places[0] if places else MAX_CLASSES), sort_key(label)


def sort_key(label: str) -> tuple[bool, float, str]:
    """Return the key by which labels are sorted: whole numbers by value, then texts."""
    is_number = bool(re.fullmatch(r"-?\d{1,15}", label))
    return not is_number, float(label) if is_number else 0.0, label
