"""Where work on many pictures runs: one engine per file, its name the value of `--engine`.

An engine's file has `start(threads, address)`, a context manager that yields an `Engine`. What it
is given, the function and its items, must be able to travel to another process: models and face
detectors travel as paths and are opened once in each process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from core import registry

Item = TypeVar("Item")
Result = TypeVar("Result")


class Engine(Protocol):
    """Calls a function for many items."""

    @property
    def threads(self) -> int:
        """Threads that one call of the function may use."""
        ...

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[tuple[int, Result]]:
        """Yield the index of each item and the function's result, in the order they are ready.

        Raises:
            UserError: of the function, or the engine cannot go on.
        """
        ...


def start(name: str, threads: int, address: str | None = None) -> AbstractContextManager[Engine]:
    """Start an engine, and stop it at the end of the block.

    Args:
        name: of its file.
        threads: that a call may use where it runs in this process.
        address: of a cluster that runs already, HOST:PORT.

    Raises:
        UserError: there is no such engine, or it cannot be started.
    """
    engine: AbstractContextManager[Engine] = registry.load(__name__, name).start(threads, address)
    return engine
