"""Gates: limits that a model must keep, from a TOML file or the built-in set `production`.

Each section of the file is one gate: `figure`, one limit (`min` and `max` include their value,
`below` does not), and `optional`:

    [emotion]
    figure = "emotion.accuracy"   # any figure of `report --json`; with "gap." before it, how
    min = 0.78                    # much worse than on the training split

    [speed]
    figure = "latency_ms"         # without a dot, not of a table: --measured latency_ms=31.5
    below = 50

The gap of a run folder (--run) is that of its best epoch, whose training figure was taken under
augmentation and dropout; that of a table of training rows (--train) is taken as the model is
served. `latency_ms` is read from `bench --json` (--measured-in), any other name from a flat JSON
object.

**A gate that nothing measured fails, unless it is `optional`**: otherwise leaving out the hardest
table would open it. Rows of the training split measure nothing but gaps. Where several tables give
a figure, each must keep the limit.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import DataError
from core.schema import parse_json


def _finite(value: object) -> float | None:
    """Return a finite number as float, None of anything else; no limit could judge it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return number if math.isfinite(number) else None


@dataclass(frozen=True, slots=True)
class Gate:
    """One limit on one figure; exactly one of min, max and below is set."""

    name: str
    figure: str
    min: float | None = None
    max: float | None = None
    below: float | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        limits = [v for v in (self.min, self.max, self.below) if v is not None]
        if len(limits) != 1 or _finite(limits[0]) is None:
            raise DataError(
                f"Expected gate {self.name!r} to have one number as min, max or below, "
                f"got {limits}."
            )
        has_figure = isinstance(self.figure, str) and bool(self.figure)
        if not has_figure or not isinstance(self.optional, bool):
            raise DataError(
                f"Expected gate {self.name!r} to name a `figure` and `optional` to be true or "
                f"false, got {self.figure!r}."
            )

    def keeps(self, value: float) -> bool:
        """Return whether `value` is within the limit; its last bits do not decide."""
        value = round(value, 9)
        if self.min is not None:
            return value >= self.min
        return value <= self.max if self.max is not None else value < (self.below or 0.0)

    @property
    def limit(self) -> str:
        """The limit as text, e.g. `>= 0.78`."""
        if self.min is not None:
            return f">= {self.min:g}"
        return f"<= {self.max:g}" if self.max is not None else f"< {self.below:g}"


PRODUCTION = (
    Gate("emotion", "emotion.accuracy", min=0.78),
    Gate("gender", "gender.accuracy", min=0.92),
    Gate("age", "age.mae", max=4.0),
    Gate("emotion_gap", "gap.emotion.accuracy", below=0.10),
    Gate("gender_gap", "gap.gender.accuracy", below=0.10),
    Gate("onnx_parity", "onnx_parity", max=1e-4),
    Gate("speed", "latency_ms", below=50),
)
"""The built-in set.

onnx_parity: largest difference between the logits of the torch model and of the ONNX file.
latency_ms: one frame, all stages.
"""


def load(name: str) -> tuple[Gate, ...]:
    """Return the gates of a TOML file, or the built-in `production`.

    Raises:
        DataError: No such file, or not as the module's docstring describes.
    """
    if name == "production":
        return PRODUCTION
    path = Path(name)
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"Expected --gate to be `production` or a TOML file, got {name!r}; "
            "there is no such file."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"Expected TOML in {path}, got: {error}") from None
    gates = []
    for key, fields in sections.items():
        unknown = (
            sorted(set(fields) - {"figure", "min", "max", "below", "optional"})
            if isinstance(fields, dict)
            else [key]
        )
        if unknown or "figure" not in fields:
            raise DataError(
                f"Expected [{key}] in {path} to have figure, one of min, max, below, and optional, "
                f"got {unknown or fields}."
            )
        gates.append(Gate(key, **fields))
    if not gates:
        raise DataError(
            f"Expected at least one gate in {path}, got none; "
            "a file without limits would always pass."
        )
    return tuple(gates)


def parse_measured(pairs: Sequence[str]) -> dict[str, float]:
    """Return `NAME=VALUE` arguments as a dictionary.

    Raises:
        DataError: One has another form.
    """
    values = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            value = _finite(float(text))
        except ValueError:
            value = None
        if value is None:
            raise DataError(
                f"Expected --measured NAME=NUMBER, got {pair!r}; try --measured latency_ms=31.5."
            )
        values[name] = value
    return values


def read_measured(path: Path) -> dict[str, float]:
    """Read measured values from a JSON file.

    Of `bench --json` the first model's `latency_ms` (median of all stages), else all numbers by
    their names.

    Raises:
        DataError: No such file, nothing measured there, or a number that is not finite.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"Expected JSON in {path}, got: {str(error)[:200]}; "
            f"try `python -m evaluation bench --json > {path}`."
        ) from None
    try:
        if isinstance(content, dict) and "models" in content:
            content = {"latency_ms": content["models"][0]["ms"]["total"]["p50"]}
    except (LookupError, TypeError):
        raise DataError(
            f"Expected the output of `bench --json` in {path}, got `models` without times."
        ) from None
    items = content.items() if isinstance(content, dict) else ()
    values = {}
    for name, number in items:
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        value = _finite(number)
        if value is None:
            raise DataError(
                f"Expected finite numbers in {path}, got {name!r} of {str(number)[:20]}; "
                "measure it again."
            )
        values[name] = value
    if not values:
        raise DataError(
            f'Expected measured numbers in {path}, got none; try {{"onnx_parity": 2e-6}}.'
        )
    return values
