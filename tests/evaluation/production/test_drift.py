"""Total variation: a distance, its interval, and what chance alone makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cityblock

from core.monitoring.counts_line import GROUP
from evaluation.production.drift import drift, total_variation

SHARES = np.array([0.37, 0.26, 0.13, 0.12, 0.09, 0.02, 0.01])
counts = st.lists(st.integers(0, 500), min_size=3, max_size=3).map(np.array)


@settings(deadline=None)
@given(counts, counts, counts, st.integers(1, 5))
def test_it_is_a_distance(a: np.ndarray, b: np.ndarray, c: np.ndarray, factor: int) -> None:
    if not (a.sum() and b.sum() and c.sum()):
        assert drift(a, a * 0) is None
        return
    ab, bc, ac = (float(total_variation(x, y)) for x, y in ((a, b), (b, c), (a, c)))
    assert ab == pytest.approx(cityblock(a / a.sum(), b / b.sum()) / 2)
    assert 0 <= ab <= 1 + 1e-12 and ac <= ab + bc + 1e-12
    assert ab == pytest.approx(float(total_variation(b, a)))
    assert float(total_variation(a, factor * a)) == pytest.approx(0, abs=1e-12)
    moved = drift(a, b)
    assert moved is not None and moved.distance.n == b.sum()
    assert moved.observed == pytest.approx(ab) and moved.distance.value <= ab
    assert 0 <= moved.by_chance <= 1


def in_groups(rng: np.random.Generator, n: int, shares: np.ndarray) -> np.ndarray:
    drawn = rng.multinomial(n, shares) + rng.integers(0, GROUP, len(shares))
    return drawn // GROUP * GROUP


@pytest.mark.parametrize("n", [200, 1000])
def test_chance_stays_below_its_line_in_95_of_100_sets(n: int) -> None:
    rng = np.random.default_rng(0)
    below = []
    for _ in range(150):
        moved = drift(rng.multinomial(3555, SHARES), in_groups(rng, n, SHARES))
        below.append(moved.observed <= moved.by_chance)
    assert 0.90 <= np.mean(below) <= 0.99


def test_a_real_move_is_seen() -> None:
    other = np.array([0.17, 0.26, 0.13, 0.32, 0.09, 0.02, 0.01])
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(60):
        moved = drift(rng.multinomial(3555, SHARES), in_groups(rng, 1000, other))
        assert moved.distance.low > 0.1 and moved.observed > moved.by_chance
        inside.append(moved.distance.low <= 0.2 <= moved.distance.high)
    assert np.mean(inside) >= 0.85
