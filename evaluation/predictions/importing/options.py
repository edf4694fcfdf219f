"""What a user says about a foreign table, and what the import answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from core.errors import DataError

ANY_TASK = ""
"""Key of labels that are given without a task."""
MAX_LABELS_FILE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the columns of a table cannot say.

    Attributes:
        names: column of the contract -> column of the file.
        labels: task, or ANY_TASK, -> names of the classes in the order of their codes.
        regressions: tasks that predict numbers.
        units: task -> unit of its numbers.
        softmax: columns that look like logits are.
        percent: columns that look like percent are.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    regressions: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    softmax: bool = False
    percent: bool = False

    def labels_of(self, task: str) -> tuple[str, ...]:
        """Return the names of the classes of a task in the order of their codes, if given."""
        return self.labels.get(task) or self.labels.get(ANY_TASK, ())

    @property
    def only_names(self) -> bool:
        """Whether nothing but names of columns is said."""
        return self == ImportOptions(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """A conforming table, and what was taken for what, in words.

    Attributes:
        table: with the columns of the contract.
        notes: a sentence each on format, columns, tasks and rows; empty for a table that has the
            contract's form already.
        warnings: what is likely wrong with the table, with numbers of rows.
    """

    table: pa.Table
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def parse_labels(arguments: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the labels of `--labels a,b,c`, `--labels FILE` or `--labels TASK=a,b,c` arguments.

    A file has one label a line.

    Raises:
        DataError: a label is empty or twice, or there are fewer than two.
    """
    results = {}
    for argument in arguments:
        task, is_named, text = argument.partition("=")
        task, text = (task.strip(), text) if is_named else (ANY_TASK, argument)
        labels = tuple(label.strip() for label in _label_text(text))
        labels = labels[:-1] if labels and not labels[-1] else labels
        if len(labels) < 2 or not all(labels) or len(set(labels)) < len(labels):
            raise DataError(
                f"Expected --labels with different names of at least two classes, got {text!r}; "
                "try --labels anger,fear,neutral or a file with one a line."
            )
        results[task] = labels
    return results


def _label_text(text: str) -> list[str]:
    path = Path(text)
    try:
        is_file = "," not in text and path.is_file()
    except OSError:  # a name too long for a file
        is_file = False
    if not is_file:
        return text.split(",")
    if path.stat().st_size > MAX_LABELS_FILE_BYTES:
        raise DataError(f"Expected --labels FILE with one label a line, got a large {path}.")
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError(f"Expected --labels FILE to be UTF-8 text, got {path}.") from None


def parse_units(arguments: Sequence[str]) -> dict[str, str]:
    """Return the units of `--unit TASK=UNIT` arguments.

    Raises:
        DataError: one has another form.
    """
    pairs = [argument.partition("=") for argument in arguments]
    for argument, (task, _, unit) in zip(arguments, pairs, strict=True):
        if not task or not unit or len(unit) > 40:
            raise DataError(f"Expected --unit TASK=UNIT, got {argument!r}; try --unit yaw=degrees.")
    return {task: unit for task, _, unit in pairs}
