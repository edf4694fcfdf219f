"""Figures as text, and the console and tables that every command prints with."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from core.terminal import console_class
from evaluation.analysis.summary import MIN_GROUP_SIZE, TableReport
from evaluation.statistics.estimate import Estimate, to_json_values

PIPE_WIDTH = 1_000_000
"""Columns of a pipe or a file: more than any line needs, so that nothing is wrapped or cut."""
MAX_DECIMALS = 9
"""Decimals of a number in single precision around 1, and some to spare."""


def console() -> Console:
    """Return the console on stdout.

    On a terminal, its real width. On a pipe or in a file nothing is wrapped or coloured and tables
    are as wide as their content, whatever COLUMNS says.
    """
    if sys.stdout.isatty():
        return console_class()(highlight=False, markup=False)
    return console_class()(
        highlight=False,
        markup=False,
        width=PIPE_WIDTH,
        color_system=None,
        force_terminal=False,
    )


def print_table(
    out: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Print a table below its title; the first column is aligned left and all others right.

    The title is a line of its own, so that a narrow table does not wrap it.
    """
    table = Table()
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    if title:
        out.print(title, style="bold")
    out.print(table)


def print_json(content: Mapping[str, object]) -> None:
    """Print reports, estimates and arrays, nested in any way, as one JSON object on stdout."""
    print(json.dumps(to_json_values(content), allow_nan=False))


def number(
    f: Estimate | float | None, *, percent: bool = False, digits: int = 2, sign: bool = False
) -> str:
    """Return a figure as text, e.g. `82.1 % (80.8 to 83.4)`.

    Args:
        f: The figure, or a value without an interval.
        percent: Whether it is a share in [0, 1].
        digits: Decimals of other values.
        sign: Whether it is a difference, e.g. `+0.4 points (-0.2 to +1.0)`.
    """
    f = Estimate.of(f) if isinstance(f, int | float) else f
    if f is None or f.value is None:
        return "-"
    unit = (" points" if sign else " %") if percent else ""
    value, low, high = _three(f, percent, digits, sign)
    return f"{value}{unit} ({low} to {high})" if low else f"{value}{unit}"


def interval(f: Estimate, *, percent: bool = False, sign: bool = False) -> str:
    """Return a figure's interval as text, e.g. `80.8 to 83.4`; "" where it has none."""
    _, low, high = _three(f, percent, 2, sign)
    return f"{low} to {high}" if low else ""


def _three(f: Estimate, percent: bool, digits: int, sign: bool) -> tuple[str, ...]:
    """Return value, low and high as texts, "" where unknown; none is -0.0."""
    scale, form = (100, "z.1f") if percent else (1, f"z.{digits}f")
    ends = (f.value, *((f.low, f.high) if f.low is not None else (None, None)))
    return tuple("" if v is None else f"{v * scale:{'+' if sign else ''}{form}}" for v in ends)


def threshold(value: float, digits: int = 3) -> str:
    """Return the least probability of a kept prediction as text.

    One below 1 that would round to 1, which keeps nothing, is rounded down to four decimals.
    """
    text = f"{value:.{digits}f}"
    return f"{math.floor(value * 1e4) / 1e4:.4f}" if value < 1 == float(text) else text


def sample_count(n: int) -> str:
    """Return a number of samples, with a star where it is small."""
    return f"{n}*" if n < MIN_GROUP_SIZE else str(n)


def p_value(p: float | None) -> str:
    """Return a p-value as text."""
    return "-" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def interval_lines(report: TableReport) -> list[str]:
    """Return how the intervals of a report were made, and which groups were left out.

    One line where all tasks agree, else one per task.
    """
    by_task = {task: part.method.text for task, part in report.tasks.items()}
    star = f"* fewer than {MIN_GROUP_SIZE} samples"
    if len(set(by_task.values())) == 1:
        lines = [f"figures with 95 % intervals: {next(iter(by_task.values()))}; {star}"]
    else:
        lines = [
            f"{report.titles[task].title}: 95 % intervals: {text}; {star}"
            for task, text in by_task.items()
        ]
    return lines + left_out_lines(report.groups_left_out)


def left_out_lines(groups: Mapping[str, int]) -> list[str]:
    """Return what a reader should know of group columns that have too many values."""
    return [
        f"`group_{name}` has {n} values and is taken for a name, not for a group"
        for name, n in groups.items()
    ]


def decimals(values: np.ndarray, differences: np.ndarray) -> int:
    """Return how many decimals show numbers to a fiftieth of their spread, and differences at all.

    Args:
        values: float (n,), the numbers.
        differences: float (m,), differences of two of them that should not look equal; 0 is none.
    """
    steps = [float(np.ptp(values)) / 50, *np.abs(differences).tolist()]
    step = min((s for s in steps if s > 0), default=1.0)
    return min(max(math.ceil(-math.log10(step)), 0), MAX_DECIMALS)
