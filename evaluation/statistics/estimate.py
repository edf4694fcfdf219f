"""One estimate with its 95 % interval, and reports of estimates as JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.statistics import bootstrap, intervals

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NO_INTERVAL = (float("nan"), float("nan"))
JSON_KEY = "json"
"""Metadata of a dataclass's field: its key in JSON, where that is not its name."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number measured on `n` samples, with its 95 % interval; None where unknown.

    Raises:
        ValueError: one end of the interval is missing, or the interval does not hold the value.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise ValueError(f"Expected both ends of an interval or none, got {self}.")
        if self.low is None or self.high is None:
            return
        if self.value is None or not self.low <= self.value <= self.high:
            raise ValueError(f"Expected an interval that holds its value, got {self}.")

    @classmethod
    def of(cls, value: float, interval: tuple[float, float] = NO_INTERVAL, n: int = 0) -> Estimate:
        """Return an estimate of plain numbers; what is not finite becomes None, as JSON has it.

        An interval with one end that is not finite is none. Rounding may leave the value outside
        by a hair: the end then moves to the value.
        """
        low, high = interval
        if not math.isfinite(value):
            return cls(None, None, None, int(n))
        if not (math.isfinite(low) and math.isfinite(high)):
            return cls(float(value), None, None, int(n))
        return cls(
            float(value), min(float(low), float(value)), max(float(high), float(value)), int(n)
        )

    @classmethod
    def of_share(cls, hits: int, n: int) -> Estimate:
        """Return the share of `hits` among `n` independent samples, with Wilson's interval."""
        return cls.of(hits / n, intervals.wilson(hits, n), n) if n else cls.of(float("nan"))

    @classmethod
    def centred(
        cls,
        value: float,
        drawn: np.ndarray,
        n: int,
        *,
        minimum: float = -math.inf,
        maximum: float = math.inf,
    ) -> Estimate:
        """Return an estimate with the interval `bootstrap.centred` of float (rounds,)."""
        ends = bootstrap.centred(float(value), drawn, minimum=minimum, maximum=maximum)
        return cls.of(value, ends, n)

    def root(self) -> Estimate:
        """Return the square root of an estimate of what is nowhere below 0."""
        if self.value is None or self.low is None or self.high is None:
            return replace(self, value=None if self.value is None else self.value**0.5)
        return Estimate.of(self.value**0.5, (max(self.low, 0.0) ** 0.5, self.high**0.5), self.n)

    def scaled(self, factor: float) -> Estimate:
        """Return the estimate in another unit; factor: above 0, such as 100 for percent."""
        value, low, high = (
            None if number is None else number * factor
            for number in (self.value, self.low, self.high)
        )
        return replace(self, value=value, low=low, high=high)

    def to_dict(self) -> dict[str, float | int | None]:
        """Return {value, low, high, n}, for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


def fields_of(report: DataclassInstance) -> dict[str, object]:
    """Return the fields of a dataclass, as they are, by name or by their key in JSON."""
    return {f.metadata.get(JSON_KEY, f.name): getattr(report, f.name) for f in fields(report)}


def to_json_values(value: Any) -> Any:
    """Return reports, estimates and arrays, nested in any way, as JSON values.

    A dataclass with `to_dict` becomes what that returns, any other one the dictionary of its
    fields.
    """
    if hasattr(value, "to_dict"):
        return to_json_values(value.to_dict())
    if is_dataclass(value) and not isinstance(value, type):
        return to_json_values(fields_of(value))
    if isinstance(value, Mapping):
        return {key: to_json_values(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_values(inner) for inner in value]
    if isinstance(value, np.ndarray | np.generic):
        return to_json_values(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
