"""Which rows: a frozen condition that becomes parametrised SQL (in `Store`) and a URL's query parameters, and comes back from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

Range = tuple[float, float]
LISTS = ("models", "datasets", "splits", "true", "pred", "ids")
RANGES = ("confidence", "age", "error")
GROUP_PARAM = "g."
"""`?g.race=Asian`: a condition on the group `race`."""


@dataclass(frozen=True, slots=True)
class Where:
    """All conditions hold together; an empty one asks nothing. Within one condition any value will do.

    task: what true, pred, confidence and right speak of (emotion or gender; right also of age: within RIGHT_YEARS).
    confidence: [low, high] in [0, 1] of the predicted class. age: [low, high) years of the true age. error: [low, high] signed years.
    groups: (name, values) pairs. text: part of the sample's name, any case. face: whether a face was found. ids: samples by name.
    """

    task: str = "emotion"
    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    true: tuple[str, ...] = ()
    pred: tuple[str, ...] = ()
    confidence: Range | None = None
    right: bool | None = None
    age: Range | None = None
    error: Range | None = None
    face: bool | None = None
    text: str = ""
    ids: tuple[str, ...] = ()

    def but(self, **changes: Any) -> Where:
        """A copy with other conditions. Lists become tuples, and one label may stand without its tuple."""
        for name in LISTS:
            if name in changes:
                value = changes[name]
                changes[name] = (value,) if isinstance(value, str) else tuple(value)
        return replace(self, **changes)

    def group(self, name: str, *values: str) -> Where:
        """A copy where the group `name` is one of `values`; no values: any."""
        rest = tuple((n, v) for n, v in self.groups if n != name)
        return replace(self, groups=(*rest, (name, values)) if values else rest)

    def to_params(self) -> dict[str, list[str]]:
        """The conditions that ask something, for a URL.

        >>> Where(models=("a",), confidence=(0.7, 0.9)).to_params()
        {'models': ['a'], 'confidence': ['0.7', '0.9']}
        """
        made: dict[str, list[str]] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value == field.default:
                continue
            if field.name == "groups":
                made |= {GROUP_PARAM + name: list(values) for name, values in value}
            elif field.name in LISTS:
                made[field.name] = list(value)
            elif field.name in RANGES:
                made[field.name] = [f"{v:g}" for v in value]
            else:
                made[field.name] = [("yes" if value else "no") if isinstance(value, bool) else value]
        return made

    @classmethod
    def from_params(cls, params: Mapping[str, Sequence[str]]) -> Where:
        """Reads what `to_params` wrote; what cannot be read (a URL is anybody's text) asks nothing."""
        found: dict[str, Any] = {name: tuple(params[name]) for name in LISTS if params.get(name)}
        for name in ("task", "text"):
            if params.get(name):
                found[name] = params[name][0]
        for name in ("right", "face"):
            if params.get(name) and params[name][0] in ("yes", "no"):
                found[name] = params[name][0] == "yes"
        for name in RANGES:
            if (pair := span(params.get(name, ()))) is not None:
                found[name] = pair
        groups = tuple((n.removeprefix(GROUP_PARAM), tuple(v)) for n, v in params.items() if n.startswith(GROUP_PARAM) and v)
        return cls(**found, groups=groups)


def span(values: Sequence[str]) -> Range | None:
    """Two finite numbers in order, or None.

    >>> span(["0.1", "1"]), span(["1", "0"]), span(["nan", "1"])
    ((0.1, 1.0), None, None)
    """
    try:
        low, high = (float(v) for v in values)
    except ValueError:
        return None
    return (low, high) if math.isfinite(low) and math.isfinite(high) and low <= high else None
