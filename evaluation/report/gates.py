"""Limits that a model must keep, from a TOML file or the built-in set `production`.

Each section of the file is one gate: `figure`, one limit (`min` and `max` include their value,
`below` does not), and `optional`:

    [emotion]
    figure = "emotion.accuracy"      # any figure of `report --json`; "gap.emotion.accuracy": how much worse than on the training split
    min = 0.78

    [speed]
    figure = "latency_ms"            # a name without a dot is no figure of a table: report --measured latency_ms=31.5
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

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.errors import DataError
from evaluation.statistics.estimate import Estimate, Figures
from evaluation.training_runs.training_run import TrainingRun

State = Literal["passed", "missed", "not measured"]
TASKS = ("emotion", "gender", "age")
FAILED = 3
"""Exit status where a limit is missed."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One limit on one figure; exactly one of min, max and below is given."""

    name: str
    figure: str
    min: float | None = None
    max: float | None = None
    below: float | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        limits = [v for v in (self.min, self.max, self.below) if v is not None]
        if (
            len(limits) != 1
            or not isinstance(limits[0], int | float)
            or isinstance(limits[0], bool)
        ):
            raise DataError(
                f"Expected gate {self.name!r} to have one number as min, max or below, got {limits}."
            )
        if (
            not isinstance(self.figure, str)
            or not self.figure
            or not isinstance(self.optional, bool)
        ):
            raise DataError(
                f"Expected gate {self.name!r} to name a `figure` and `optional` to be true or false, got {self.figure!r}."
            )

    def keeps(self, value: float) -> bool:
        """Whether `value` is within the limit; the last bits of a difference do not decide."""
        value = round(value, 9)
        if self.min is not None:
            return value >= self.min
        return value <= self.max if self.max is not None else value < (self.below or 0.0)

    @property
    def limit(self) -> str:
        """The limit as text, e.g. `>= 0.78`."""
        return (
            f">= {self.min:g}"
            if self.min is not None
            else f"<= {self.max:g}"
            if self.max is not None
            else f"< {self.below:g}"
        )


PRODUCTION = (
    Gate("emotion", "emotion.accuracy", min=0.78),
    Gate("gender", "gender.accuracy", min=0.92),
    Gate("age", "age.mae", max=4.0),
    Gate("emotion_gap", "gap.emotion.accuracy", below=0.10),
    Gate("gender_gap", "gap.gender.accuracy", below=0.10),
    Gate("onnx_parity", "onnx_parity", max=1e-4),
    Gate("speed", "latency_ms", below=50),
)
"""onnx_parity: largest difference between the logits of the torch model and of the ONNX file;
latency_ms: one frame, all stages.
"""


def load(name: str) -> tuple[Gate, ...]:
    """The gates of a TOML file, or the built-in `production`.

    Raises:
        DataError: no such file, or not as the module's head describes.
    """
    if name == "production":
        return PRODUCTION
    path = Path(name)
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"Expected --gate to be `production` or a TOML file, got {name!r}; there is no such file."
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
                f"Expected [{key}] in {path} to have figure, one of min, max, below, and optional, got {unknown or fields}."
            )
        gates.append(Gate(key, **fields))
    if not gates:
        raise DataError(
            f"Expected at least one gate in {path}, got none; a file without limits would always pass."
        )
    return tuple(gates)


def measured(pairs: Sequence[str]) -> dict[str, float]:
    """`NAME=VALUE` arguments as a dictionary.

    Raises:
        DataError: one has another form.
    """
    found = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise DataError(
                f"Expected --measured NAME=NUMBER, got {pair!r}; try --measured latency_ms=31.5."
            ) from None
    return found


def measured_in(path: Path) -> dict[str, float]:
    """What a JSON file measured: of `bench --json` the first model's `latency_ms` (median of all
    stages), else all numbers by their names.

    Raises:
        DataError: no such file, or nothing measured there.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"Expected JSON in {path}, got: {str(error)[:200]}; try `python -m evaluation bench --json > {path}`."
        ) from None
    try:
        if isinstance(found, dict) and "models" in found:
            found = {"latency_ms": found["models"][0]["ms"]["total"]["p50"]}
    except (LookupError, TypeError):
        raise DataError(
            f"Expected the output of `bench --json` in {path}, got `models` without times."
        ) from None
    numbers = (
        {k: float(v) for k, v in found.items() if isinstance(v, int | float) and v == v}
        if isinstance(found, dict)
        else {}
    )
    if not numbers:
        raise DataError(
            f'Expected measured numbers in {path}, got none; try {{"onnx_parity": 2e-6}}.'
        )
    return numbers


def check(
    gates: Sequence[Gate],
    tables: Sequence[Figures],
    train: Sequence[Figures],
    other: Mapping[str, float],
    runs: Sequence[TrainingRun] = (),
) -> list[dict[str, Any]]:
    """An outcome per gate and table that answers it: {gate, figure, limit, state, fails, value,
    low, high, where}.

    tables, train: `figures` of tables of held-out and of training rows; other: what no table can
    say, by name; runs: for gaps.

    Raises:
        DataError: a gate names a figure that no table can have.
    """
    made = []
    for gate in gates:
        answers = list(_answers(gate.figure, tables, train, other, runs))
        base = {"gate": gate.name, "figure": gate.figure, "limit": gate.limit}
        for where, figure in answers:
            state: State = "passed" if gate.keeps(figure.value) else "missed"
            made.append(
                {
                    **base,
                    "state": state,
                    "fails": state == "missed",
                    **_ends(figure),
                    "where": where,
                }
            )
        if not answers:
            nothing = {**_ends(Estimate(None, None, None, 0)), "where": ""}
            made.append(
                {
                    **base,
                    "state": "not measured",
                    "fails": not gate.optional,
                    **nothing,
                    "how": how(gate.figure),
                }
            )
    return made


def _answers(
    name: str,
    tables: Sequence[Figures],
    train: Sequence[Figures],
    other: Mapping[str, float],
    runs: Sequence[TrainingRun],
) -> Iterator[tuple[str, Estimate]]:
    """(where from, {value, low, high}) of everything that measures the figure `name`."""
    if "." not in name:
        if name in other:
            yield "--measured", Estimate.of(other[name])
        return
    gap = name.startswith("gap.")
    task, _, rest = name.removeprefix("gap.").partition(".")
    if task not in TASKS:
        raise DataError(
            f"Expected a figure of {', '.join(TASKS)}, got {name!r}; try 'emotion.accuracy' or 'gap.emotion.accuracy'."
        )
    for held in tables:
        figure = _value(held[task], rest, name)
        if figure is None or "train" in (held["split"] or "").split(", "):
            continue
        where = f"{held['dataset'] or 'unnamed data'} ({held['split'] or 'no split'})"
        if not gap:
            yield where, figure
            continue
        for seen in (s for s in train if s["dataset"] == held["dataset"]):
            there = _value(seen[task], rest, name)
            if there is not None:
                worse = gap_of(there.value, figure.value, rest)
                yield (
                    f"{where} against {seen['split'] or 'train'}",
                    Estimate.of(worse),
                )
    for run in runs if gap else ():
        row = run.row(run.best)
        ends = row.get(f"train_{task}_{rest}"), row.get(f"val_{task}_{rest}")
        if ends[0] is not None and ends[1] is not None:
            where = f"run {run.name}, epoch {row['epoch']:.0f}, under augmentation"
            yield where, Estimate.of(gap_of(ends[0], ends[1], rest))


def how(figure: str) -> str:
    """How to measure what nothing measured."""
    if figure.startswith("gap."):
        return "give the training split's table (--train T.parquet) or the run's folder (--run DIR)"
    if figure == "latency_ms":
        return "python -m evaluation bench --json > bench.json, then --measured-in bench.json"
    if figure == "onnx_parity":
        return "--measured-in MODEL/measured.json, which python -m train export writes beside the model"
    return (
        "give a table that has it (--also T.parquet)"
        if "." in figure
        else f"--measured {figure}=NUMBER or --measured-in FILE.json"
    )


def gap_of(train: float, held: float, figure: str) -> float:
    """How much worse `held` is than `train`: errors count upwards, shares downwards."""
    return held - train if figure in ("mae", "rmse", "ece", "nll", "brier") else train - held


def _ends(estimate: Estimate) -> dict[str, float | None]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _value(figures: Figures | None, rest: str, name: str) -> Estimate | None:
    found: Any = figures
    for step in rest.split("."):
        if found is None:
            return None
        if not isinstance(found, dict) or step not in found:
            known = (
                sorted(k for k, v in found.items() if isinstance(v, Estimate))
                if isinstance(found, dict)
                else []
            )
            raise DataError(
                f"Expected a figure of `report --json`, got {name!r}; try one of {', '.join(known)}."
            )
        found = found[step]
    if isinstance(found, Estimate):
        return None if found.value is None else found
    if isinstance(found, int | float) and not isinstance(found, bool):
        return Estimate.of(float(found))
    if found is None:
        return None
    raise DataError(
        f"Expected {name!r} to be one number of `report --json`, got a {type(found).__name__}."
    )
