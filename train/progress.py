"""Progress on stderr: bars with the time left on a terminal, plain lines elsewhere; stdout stays free for results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False)
LINE_EVERY_S = 30.0


def say(text: str) -> None:
    """One line for the person who watches."""
    console.print(text, markup=False, soft_wrap=True)


@contextmanager
def task(name: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """A bar for `total` steps (None: a spinner). Yields `advance(done, note="")`, `done` being how many steps are finished."""
    if not console.is_terminal:
        start = last = monotonic()

        def line(done: int, note: str = "") -> None:
            nonlocal last
            if total and done < total and monotonic() - last > LINE_EVERY_S:
                last = monotonic()
                left = (last - start) / max(done, 1) * (total - done)
                say(f"{name}: {done}/{total}, {left:.0f} s left {note}")

        yield line
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), TextColumn("{task.fields[note]}"), console=console, transient=True) as bars:
        bar = bars.add_task(name, total=total, note="")
        yield lambda done, note="": bars.update(bar, completed=done, note=note)
