"""Progress on stderr: bars with the time left on a terminal, plain lines elsewhere.

stdout stays free for results. rich is imported with the first line that is shown: the serving
process shows none this way and does not have it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING

from core.terminal import console_class

if TYPE_CHECKING:
    from rich.console import Console

LINE_EVERY_S = 30.0


@cache
def console() -> Console:
    """Return the one console of this process, on stderr; lines go above a running bar.

    Where its reader has gone, as with `2>&1 | head`, the work goes on without lines.
    """

    class LastingConsole(console_class()):  # type: ignore[misc]  # chosen at run time
        def on_broken_pipe(self) -> None:
            self.quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())

    return LastingConsole(stderr=True, highlight=False)


def say(text: str) -> None:
    """Show one line to the person who watches."""
    console().print(text, markup=False, soft_wrap=True)


@contextmanager
def task(name: str, total: int | None = None, done: int = 0) -> Iterator[Callable[..., None]]:
    """Show a bar.

    Args:
        name: text before it.
        total: steps; None shows a spinner.
        done: steps that an earlier run has taken.

    Yields:
        `advance(done, note="")`, `done` being how many steps are finished.
    """
    if not console().is_terminal:
        start, first, last = monotonic(), done, monotonic()

        def line(done: int, note: str = "") -> None:
            nonlocal last
            if total and first < done < total and monotonic() - last > LINE_EVERY_S:
                last = monotonic()
                left = (last - start) / (done - first) * (total - done)
                say(f"{name}: {done}/{total}, {left:.0f} s left {note}".rstrip())

        yield line
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console(),
        transient=True,
    ) as bars:
        bar = bars.add_task(name, total=total, completed=done, note="")
        yield lambda done, note="": bars.update(bar, completed=done, note=note)
