"""Times of several calls that take turns in one loop: other work on the machine meets all alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from evaluation.statistics.estimate import Estimate
from evaluation.statistics.intervals import bootstrap

Call = Callable[[], object]
Times = dict[str, NDArray[np.float64]]
"""Name -> (rounds,) or (rounds, calls) milliseconds; one index is the same turn in all arrays."""


def take_turns(
    calls: Mapping[str, Call], rounds: int, warm_up: int, advance: Callable[[], None] = lambda: None
) -> Times:
    """Call each once a round and return (rounds,) milliseconds by name.

    Args:
        calls: What is timed, by name.
        rounds: Rounds that count.
        warm_up: Rounds before them that do not.
        advance: Called after every round.
    """
    times = take_repeated_turns(calls, rounds, warm_up, 1, advance)
    return {name: values[:, 0] for name, values in times.items()}


def take_repeated_turns(
    calls: Mapping[str, Call],
    rounds: int,
    warm_up: int,
    repeats: int,
    advance: Callable[[], None] = lambda: None,
) -> Times:
    """As `take_turns`, but each is called `repeats` times before the next one's turn.

    Returns (rounds, repeats) milliseconds by name. The first call of a turn finds the processor's
    caches as the others left them.
    """
    times: dict[str, list[list[float]]] = {name: [] for name in calls}
    for i in range(warm_up + rounds):
        for name, call in calls.items():
            turn = []
            for _ in range(repeats):
                start = perf_counter()
                call()
                turn.append((perf_counter() - start) * 1000)
            if i >= warm_up:
                times[name].append(turn)
        advance()
    return {name: np.array(values) for name, values in times.items()}


def percentiles(milliseconds: NDArray[np.float64] | Sequence[float]) -> dict[str, float]:
    """Return p50 and p95 of times (n,) in milliseconds, rounded to microseconds."""
    p50, p95 = np.percentile(milliseconds, [50, 95])
    return {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}


def times_faster(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> Estimate:
    """Return how many times ours fits into theirs, with a 95 % interval over the rounds.

    Args:
        ours: (rounds,) milliseconds.
        theirs: (rounds,) milliseconds of the same turns.
    """
    pairs = np.stack([ours, theirs], axis=1)  # (rounds, 2)
    low, high = bootstrap(lambda rows: ratio_of_medians(pairs[rows]), len(pairs))
    value = round(ratio_of_medians(pairs), 2)
    return Estimate.of(value, (round(low, 2), round(high, 2)), len(pairs))


def ratio_of_medians(pairs: NDArray[np.float64]) -> float:
    """Return the median of the second column over that of the first, of (N, 2) times."""
    return float(np.median(pairs[:, 1]) / np.median(pairs[:, 0]))
