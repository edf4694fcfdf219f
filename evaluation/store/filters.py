"""Which rows: a frozen condition that becomes parametrised SQL in `Store`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

LISTS = ("models", "datasets", "splits", "true", "pred", "ids")


@dataclass(frozen=True, slots=True)
class Where:
    """All conditions hold together; an empty one asks nothing.

    Within one condition any value will do.

    task: what true, pred, confidence and right speak of (emotion or gender; right also of age:
    within RIGHT_YEARS). confidence: [low, high] in [0, 1] of the predicted class. groups: (name,
    values) pairs. text: part of the sample's name, any case. face: whether a face was found. ids:
    samples by name.
    """

    task: str = "emotion"
    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    true: tuple[str, ...] = ()
    pred: tuple[str, ...] = ()
    confidence: tuple[float, float] | None = None
    right: bool | None = None
    face: bool | None = None
    text: str = ""
    ids: tuple[str, ...] = ()

    def but(self, **changes: Any) -> Where:
        """A copy with other conditions.

        Lists become tuples, and one label may stand without its tuple.
        """
        for name in LISTS:
            if name in changes:
                value = changes[name]
                changes[name] = (value,) if isinstance(value, str) else tuple(value)
        return replace(self, **changes)

    def group(self, name: str, *values: str) -> Where:
        """A copy where the group `name` is one of `values`; no values: any."""
        rest = tuple((n, v) for n, v in self.groups if n != name)
        return replace(self, groups=(*rest, (name, values)) if values else rest)
