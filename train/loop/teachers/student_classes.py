"""What a teacher predicts, in the classes or years of the student's head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.artifacts.card import Head
from core.errors import UserError

Values = NDArray[np.float32]


def converter(teacher: Head, student: Head, name: str) -> Callable[[Values], Values]:
    """Return a function from a teacher's predictions to those of the student's head.

    Classes go by name, in any order. A distribution of ages with fewer one-year bins has nothing in
    those that it lacks; one with more has the rest in the student's last. Of a distribution, a
    student of years learns the mean.

    Args:
        teacher: its head for the task.
        student: the student's head for the same task.
        name: of the teacher, for the message.

    Raises:
        UserError: the teacher has other classes, or years where a distribution is needed.
    """
    if teacher.labels == student.labels:
        return lambda values: values
    if teacher.kind == "distribution" and student.kind == "regression":
        return _mean_age
    if teacher.kind == student.kind == "distribution":
        return lambda values: _rebinned(values, len(student.labels))
    if sorted(teacher.labels) == sorted(student.labels):
        columns = [teacher.labels.index(label) for label in student.labels]
        return lambda values: values[:, columns]
    raise UserError(
        f"Expected the teacher {name} to have the student's classes of {student.task}, "
        f"got {teacher.labels or 'years'}."
    )


def _mean_age(values: Values) -> Values:
    """Return years (N,) of probabilities (N, K) of the ages 0 to K-1."""
    return (values @ np.arange(values.shape[1])).astype(np.float32)


def _rebinned(values: Values, bins: int) -> Values:
    """Return probabilities (N, K) of the ages 0 to K-1 as (N, bins)."""
    n, width = values.shape
    result = np.zeros((n, bins), np.float32)
    result[:, : min(width, bins)] = values[:, :bins]
    result[:, -1] += values[:, bins:].sum(axis=1)
    return result
