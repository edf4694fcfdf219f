"""Figures as text and as tables of a terminal."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from evaluation.figures import FEW

TITLES = {"emotion": "Emotion", "gender": "Perceived gender", "age": "Age, years"}
WIDE = 140


def wide() -> Console:
    """Where reports are printed. A pipe or a file gets WIDE columns, for tables would lose figures in rich's 80."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDE)


def number(f: dict[str, Any] | None, *, percent: bool = False, digits: int = 2, sign: bool = False) -> str:
    """A figure as text, e.g. `82.1 % (80.8 to 83.4)`; sign: of a difference, so `+0.4`."""
    if f is None or f["value"] is None:
        return "-"
    scale, digits, unit = (100, 1, " %") if percent else (1, digits, "")
    form = f"{'+' if sign else ''}.{digits}f"
    text = f"{f['value'] * scale:{form}}{unit}"
    return text if f["low"] is None else f"{text} ({f['low'] * scale:{form}} to {f['high'] * scale:{form}})"


def few(n: int) -> str:
    """A number of samples, with a star where it is small."""
    return f"{n}*" if n < FEW else str(n)


def grid(title: str, *columns: str) -> Table:
    """An empty table whose first column stands left and all others right."""
    made = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        made.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    return made
