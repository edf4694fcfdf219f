"""Files of counts as the studio reads them: mutated, long and deep lines."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from apps.studio.settings import SAMPLE_PRODUCTION
from evaluation.production import alarms, periods, reading
from scripts.fuzz.mutate import mutate

LINES = 5


def prepare(rng: np.random.Generator, folder: Path) -> Callable[[], object]:
    """Write one hostile file and return its reading."""
    path = folder / "counts.jsonl"
    path.write_bytes(_hostile(rng))
    return lambda: _read(path)


def _read(path: Path) -> None:
    lines = reading.read(path)
    for step in periods.STEPS:
        alarms.figures(periods.by_step(lines, step), "emotion", None)


@cache
def _valid() -> list[bytes]:
    return SAMPLE_PRODUCTION.read_bytes().splitlines(keepends=True)[:LINES]


def _hostile(rng: np.random.Generator) -> bytes:
    kind, n = rng.integers(4), int(10 ** rng.uniform(1, 6))
    if kind == 0:
        return b"".join(_valid()) + b"\n" * n
    if kind == 1:
        return b"[" * n + b"\n"
    if kind == 2:  # large but valid numbers
        digits = b"9" * int(rng.integers(1, 40)) + b"0"
        return b"".join(_valid()).replace(b"10", digits)
    return mutate(b"".join(_valid()), rng)
