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

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.errors import DataError
from core.vocabulary import METRICS, TASKS
from evaluation.analysis.store_summary import StoreSummary
from evaluation.analysis.summary import TableReport
from evaluation.statistics.estimate import Estimate
from evaluation.training_runs.training_run import TrainingRun

State = Literal["passed", "missed", "not measured"]
Report = TableReport | StoreSummary
STATUS_FAILED = 3
"""Exit status where a limit is missed."""


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
        if (
            len(limits) != 1
            or isinstance(limits[0], bool)
            or not isinstance(limits[0], int | float)
        ):
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


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """What became of a gate on one measurement of its figure.

    estimate: None where nothing measured the figure; `how` then says how to. where: its source.
    """

    gate: str
    figure: str
    limit: str
    state: State
    fails: bool
    estimate: Estimate | None = None
    where: str = ""
    how: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON has it."""
        e = self.estimate
        row = {
            "gate": self.gate,
            "figure": self.figure,
            "limit": self.limit,
            "state": self.state,
            "fails": self.fails,
            "value": e.value if e else None,
            "low": e.low if e else None,
            "high": e.high if e else None,
            "where": self.where,
        }
        return row if self.how is None else row | {"how": self.how}


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
        name, _, value = pair.partition("=")
        try:
            values[name] = float(value)
        except ValueError:
            raise DataError(
                f"Expected --measured NAME=NUMBER, got {pair!r}; try --measured latency_ms=31.5."
            ) from None
    return values


def read_measured(path: Path) -> dict[str, float]:
    """Read measured values from a JSON file.

    Of `bench --json` the first model's `latency_ms` (median of all stages), else all numbers by
    their names.

    Raises:
        DataError: No such file, or nothing measured there.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
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
    values = {k: float(v) for k, v in items if isinstance(v, int | float) and v == v}
    if not values:
        raise DataError(
            f'Expected measured numbers in {path}, got none; try {{"onnx_parity": 2e-6}}.'
        )
    return values


def check(
    gates: Sequence[Gate],
    tables: Sequence[Report],
    train: Sequence[Report],
    measured: Mapping[str, float],
    runs: Sequence[TrainingRun] = (),
) -> list[GateOutcome]:
    """Return an outcome per gate and measurement of its figure.

    Args:
        gates: The limits.
        tables: Reports of tables of held-out rows.
        train: Reports of tables of training rows, for gaps.
        measured: What no table can measure, by name.
        runs: For gaps.

    Raises:
        DataError: A gate names a figure that no table can have.
    """
    outcomes = []
    for gate in gates:
        about = (gate.name, gate.figure, gate.limit)
        measurements = list(_measurements(gate.figure, tables, train, measured, runs))
        for where, estimate in measurements:
            is_kept = gate.keeps(estimate.value or 0.0)
            state: State = "passed" if is_kept else "missed"
            outcomes.append(GateOutcome(*about, state, not is_kept, estimate, where))
        if not measurements:
            how = how_to_measure(gate.figure)
            outcomes.append(GateOutcome(*about, "not measured", not gate.optional, how=how))
    return outcomes


def _measurements(
    name: str,
    tables: Sequence[Report],
    train: Sequence[Report],
    measured: Mapping[str, float],
    runs: Sequence[TrainingRun],
) -> Iterator[tuple[str, Estimate]]:
    """Yield (source, estimate) of everything that measures the figure `name`."""
    if "." not in name:
        if name in measured:
            yield "--measured", Estimate.of(measured[name])
        return
    is_gap = name.startswith("gap.")
    task, _, metric = name.removeprefix("gap.").partition(".")
    if task not in TASKS:
        raise DataError(
            f"Expected a figure of {', '.join(TASKS)}, got {name!r}; "
            "try 'emotion.accuracy' or 'gap.emotion.accuracy'."
        )
    for report in tables:
        where = f"{report.dataset or 'unnamed data'} ({report.split or 'no split'})"
        held_out = _figure(getattr(report, task), metric, name)
        if held_out is None or "train" in (report.split or "").split(", "):
            continue
        if not is_gap:
            yield where, held_out
            continue
        for other in (r for r in train if r.dataset == report.dataset):
            trained = _figure(getattr(other, task), metric, name)
            if trained is not None:
                worse = gap(trained.value or 0.0, held_out.value or 0.0, metric)
                yield f"{where} against {other.split or 'train'}", Estimate.of(worse)
    for run in runs if is_gap else ():
        row = run.row(run.best)
        train_value, val_value = row.get(f"train_{task}_{metric}"), row.get(f"val_{task}_{metric}")
        if train_value is not None and val_value is not None:
            where = f"run {run.name}, epoch {row['epoch']:.0f}, under augmentation"
            yield where, Estimate.of(gap(train_value, val_value, metric))


def how_to_measure(figure: str) -> str:
    """Return how to measure a figure that nothing measured."""
    if figure.startswith("gap."):
        return "give the training split's table (--train T.parquet) or the run's folder (--run DIR)"
    if figure == "latency_ms":
        return "python -m evaluation bench --json > bench.json, then --measured-in bench.json"
    if figure == "onnx_parity":
        return (
            "--measured-in MODEL/measured.json, which python -m train export writes beside "
            "the model"
        )
    if "." in figure:
        return "give a table that has it (--also T.parquet)"
    return f"--measured {figure}=NUMBER or --measured-in FILE.json"


def gap(train: float, held_out: float, metric: str) -> float:
    """Return how much worse `held_out` is than `train`: errors count upwards, shares downwards."""
    lower_is_better = metric in METRICS and METRICS[metric].better == "lower"
    return held_out - train if lower_is_better else train - held_out


def _figure(report: Any, path: str, name: str) -> Estimate | None:
    """Return the figure at a dotted path of a task's report; None where it has no value."""
    value: Any = report
    for step in path.split("."):
        if value is None:
            return None
        names = value if isinstance(value, dict) else getattr(value, "__dataclass_fields__", ())
        fields = value if isinstance(value, dict) else {n: getattr(value, n) for n in names}
        if step not in fields:
            figures = sorted(k for k, v in fields.items() if isinstance(v, Estimate))
            raise DataError(
                f"Expected a figure of `report --json`, got {name!r}; "
                f"try one of {', '.join(figures)}."
            )
        value = fields[step]
    if isinstance(value, Estimate):
        return None if value.value is None else value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Estimate.of(float(value))
    if value is None:
        return None
    raise DataError(
        f"Expected {name!r} to be one number of `report --json`, got a {type(value).__name__}."
    )
