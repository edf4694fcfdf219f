"""Check gates: whether figures of tables, runs and benchmarks keep their limits.

See `evaluation.report.gate_limits`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from core.errors import DataError
from core.vocabulary import METRICS, TASKS
from evaluation.analysis.store_summary import StoreSummary
from evaluation.analysis.summary import TableReport
from evaluation.report.gate_limits import Gate
from evaluation.statistics.estimate import Estimate
from evaluation.training_runs.training_run import TrainingRun

State = Literal["passed", "missed", "not measured"]
Report = TableReport | StoreSummary
STATUS_FAILED = 3
"""Exit status where a limit is missed."""


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """Whether one measurement of a gate's figure keeps the limit.

    Attributes:
        gate: its name.
        figure: what it limits, such as `emotion.accuracy`.
        limit: in words.
        state: of this measurement.
        fails: whether the exit status is `STATUS_FAILED` for it.
        estimate: None where nothing measured the figure.
        where: the source of the measurement.
        how: how to measure the figure, where nothing did.
    """

    gate: str
    figure: str
    limit: str
    state: State
    fails: bool
    estimate: Estimate | None = None
    where: str = ""
    how: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the outcome as JSON has it."""
        row = asdict(self)
        estimate = row.pop("estimate") or {}
        how = row.pop("how")
        interval = {name: estimate.get(name) for name in ("value", "low", "high")}
        return row | interval | ({} if how is None else {"how": how})


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
            is_kept = estimate.value is not None and gate.keeps(estimate.value)
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
    if task not in TASKS and not any(task in report.tasks for report in tables):
        raise DataError(
            f"Expected a figure of {', '.join(TASKS)}, got {name!r}; "
            "try 'emotion.accuracy' or 'gap.emotion.accuracy'."
        )
    for report in tables:
        where = f"{report.dataset or 'unnamed data'} ({report.split or 'no split'})"
        held_out = _figure(report.tasks.get(task), metric, name)
        if held_out is None or "train" in (report.split or "").split(", "):
            continue
        if not is_gap:
            yield where, held_out
            continue
        for other in (r for r in train if r.dataset == report.dataset):
            trained = _figure(other.tasks.get(task), metric, name)
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
    """Return how much worse `held_out` is than `train`; of an unknown metric more is better."""
    if metric in METRICS:
        return METRICS[metric].improvement(held_out, train)
    return train - held_out


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
