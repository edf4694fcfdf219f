"""Filters on the rows of a store, which it turns into parametrised SQL."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

TUPLE_FIELDS = ("models", "datasets", "splits", "true", "pred", "ids")


@dataclass(frozen=True, slots=True)
class Where:
    """A filter of rows: all its conditions hold together; an empty one admits every row.

    Within one condition any of its values is enough.

    Attributes:
        task: the task of `true`, `pred`, `confidence` and `correct`: emotion or gender; `correct`
            also takes age.
        models, datasets, splits: names.
        groups: (name, values) pairs.
        true, pred: labels.
        confidence: (low, high) in [0, 1], of the predicted class.
        correct: whether the prediction is correct; an age within RIGHT_YEARS years.
        face: whether a face was detected.
        text: part of the sample's name, in any case.
        ids: names of samples.
        rows: numbers of rows, such as those in a region of a map; None: any.
    """

    task: str = "emotion"
    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    true: tuple[str, ...] = ()
    pred: tuple[str, ...] = ()
    confidence: tuple[float, float] | None = None
    correct: bool | None = None
    face: bool | None = None
    text: str = ""
    ids: tuple[str, ...] = ()
    rows: tuple[int, ...] | None = None

    def but(self, **changes: Any) -> Where:
        """Return a copy with other conditions.

        Lists become tuples, and a single text stands for a tuple of one.
        """
        for name in TUPLE_FIELDS:
            if name in changes:
                value = changes[name]
                changes[name] = (value,) if isinstance(value, str) else tuple(value)
        return replace(self, **changes)

    def group(self, name: str, *values: str) -> Where:
        """Return a copy where the group `name` is one of `values`; no values: any."""
        rest = tuple((n, v) for n, v in self.groups if n != name)
        return replace(self, groups=(*rest, (name, values)) if values else rest)
