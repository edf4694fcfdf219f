"""Times of several things that take turns in one loop, so that other work on the machine meets all
of them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import numpy as np

from evaluation.statistics.intervals import bootstrap

Call = Callable[[], object]
Times = dict[str, np.ndarray]
"""Name -> (rounds,) milliseconds; the same place in two arrays is the same turn."""


def take_turns(
    calls: Mapping[str, Call], rounds: int, warm_up: int, advance: Callable[[], None] = lambda: None
) -> Times:
    """Calls each once a round; the first `warm_up` rounds do not count. `advance` is told of every
    round.
    """
    return {
        name: times[:, 0] for name, times in take_rows(calls, rounds, warm_up, 1, advance).items()
    }


def take_rows(
    calls: Mapping[str, Call],
    rounds: int,
    warm_up: int,
    row: int,
    advance: Callable[[], None] = lambda: None,
) -> Times:
    """As `take_turns`, but each is called `row` times before the next one's turn -> name: (rounds,
    row) milliseconds. The first of a row finds the processor's caches as the others left them.
    """
    times: dict[str, list[list[float]]] = {name: [] for name in calls}
    for i in range(warm_up + rounds):
        for name, call in calls.items():
            seen = []
            for _ in range(row):
                start = perf_counter()
                call()
                seen.append((perf_counter() - start) * 1000)
            if i >= warm_up:
                times[name].append(seen)
        advance()
    return {name: np.array(values) for name, values in times.items()}


def percentiles(values: np.ndarray | list[float]) -> dict[str, float]:
    """p50 and p95, rounded to microseconds."""
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}


def faster(ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    """How many times ours fits into theirs, of (rounds,) each, with a 95 % interval over the
    rounds: {value, low, high, n}.
    """
    pairs = np.stack([ours, theirs], axis=1)  # (rounds, 2)
    low, high = bootstrap(lambda at: ratio_of_medians(pairs[at]), len(pairs))
    return {
        "value": round(ratio_of_medians(pairs), 2),
        "low": round(low, 2),
        "high": round(high, 2),
        "n": len(pairs),
    }


def ratio_of_medians(pairs: np.ndarray) -> float:
    """Median of the second column over that of the first, of (N, 2) times."""
    return float(np.median(pairs[:, 1]) / np.median(pairs[:, 0]))
