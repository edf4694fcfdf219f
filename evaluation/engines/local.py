"""In this process, one item after the other; each call may use several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from core import system
from core.errors import UserError
from evaluation.engines import Item, Result


@dataclass(frozen=True, slots=True)
class Local:
    """See `evaluation.engines.Engine`."""

    threads: int = field(default_factory=system.usable_processors)

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[tuple[int, Result]]:
        """Yield the index of each item and the function's result, in order."""
        for index, item in enumerate(items):
            yield index, function(item)


@contextmanager
def start(threads: int, address: str | None = None) -> Iterator[Local]:
    """Yield the engine.

    Raises:
        UserError: an address, which nothing here would use.
    """
    if address is not None:
        raise UserError(f"Expected --address with --engine ray, got {address} without it.")
    yield Local(threads)
