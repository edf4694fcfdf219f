"""Figures as text and as tables of a terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from evaluation.analysis.summary import FEW
from evaluation.statistics.estimate import Estimate

TITLES = {"emotion": "Emotion", "gender": "Perceived gender", "age": "Age, years"}
WIDE = 140


def wide() -> Console:
    """Where reports are printed. A pipe or a file gets WIDE columns, for tables would lose figures
    in rich's 80.
    """
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDE)


def number(
    f: Estimate | float | None, *, percent: bool = False, digits: int = 2, sign: bool = False
) -> str:
    """A figure as text, e.g. `82.1 % (80.8 to 83.4)`; sign: of a difference, so `+0.4 points (-0.2
    to +1.0)`.
    """
    f = Estimate.of(f) if isinstance(f, int | float) else f
    if f is None or f.value is None:
        return "-"
    unit = (" points" if sign else " %") if percent else ""
    value, low, high = _three(f, percent, digits, sign)
    return f"{value}{unit} ({low} to {high})" if low else f"{value}{unit}"


def interval(f: Estimate, *, percent: bool = False, digits: int = 2, sign: bool = False) -> str:
    """A figure's interval as text, e.g. `80.8 to 83.4`; "" where it has none."""
    _, low, high = _three(f, percent, digits, sign)
    return f"{low} to {high}" if low else ""


def _three(f: Estimate, percent: bool, digits: int, sign: bool) -> tuple[str, ...]:
    """Value, low and high as texts, "" where unknown; none is -0.0."""
    scale, form = (100, "z.1f") if percent else (1, f"z.{digits}f")
    ends = (f.value, *((f.low, f.high) if f.low is not None else (None, None)))
    return tuple("" if v is None else f"{v * scale:{'+' if sign else ''}{form}}" for v in ends)


def few(n: int) -> str:
    """A number of samples, with a star where it is small."""
    return f"{n}*" if n < FEW else str(n)


def grid(title: str, *columns: str) -> Table:
    """An empty table whose first column stands left and all others right."""
    made = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        made.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    return made
