"""Age intervals through factors by age: what lies in them, against a search year by year."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import age_intervals
from core.errors import ModelError

KNOTS = st.dictionaries(
    st.sampled_from([0, 5, 15, 25, 45, 75, 85, 116]), st.floats(0.05, 50), min_size=1
)


@settings(max_examples=200, deadline=None)
@given(KNOTS, st.floats(0, 100), st.floats(0, 30), st.floats(0, 30))
def test_the_interval_is_all_ages_within_their_own_reach(
    knots: dict[int, float], value: float, below: float, above: float
) -> None:
    years, factor = np.array(sorted(knots.items()), float).T
    low, high = age_intervals.stretched(
        *(np.array([v]) for v in (value, value - below, value + above)), years, factor
    )
    every = np.linspace(0, age_intervals.OLDEST, 11_601)
    far = age_intervals.distance(
        every, *(np.full(every.shape, v) for v in (value, value - below, value + above))
    )
    inside = every[far <= np.interp(every, years, factor)]
    assert 0 <= low[0] <= value <= high[0] <= age_intervals.OLDEST
    if len(inside):
        assert low[0] == pytest.approx(inside.min(), abs=0.0101) and high[0] == pytest.approx(
            inside.max(), abs=0.0101
        )


def test_a_factor_of_one_changes_nothing_and_two_doubles() -> None:
    value, low, high = np.array([30.0, 60.0]), np.array([25.0, 50.0]), np.array([40.0, 62.0])
    years = np.array([5.0, 85.0])
    assert np.allclose(age_intervals.stretched(value, low, high, years, np.ones(2)), (low, high))
    assert np.allclose(
        age_intervals.stretched(value, low, high, years, np.full(2, 2.0)), ([20, 40], [50, 64])
    )


def test_ages_that_need_more_reach_further() -> None:
    """Forty-year-olds at three times the reach, thirty-year-olds at one: an interval around 30 goes
    up, not down.
    """
    low, high = age_intervals.stretched(
        np.array([30.0]),
        np.array([27.0]),
        np.array([33.0]),
        np.array([30.0, 40.0]),
        np.array([1.0, 3.0]),
    )
    assert low[0] == pytest.approx(27) and high[0] == pytest.approx(
        30 + 3 / (1 - 3 * 0.2)
    )  # a = 30 + 3 (1 + 0.2 (a - 30))


@settings(max_examples=100, deadline=None)
@given(KNOTS, st.floats(-200, 300), st.floats(0, 30), st.floats(0, 30))
def test_beyond_the_ends_it_is_the_interval_of_the_end(
    knots: dict[int, float], value: float, below: float, above: float
) -> None:
    years, factor = np.array(sorted(knots.items()), float).T
    ends = [
        age_intervals.stretched(*(np.array([v]) for v in (v, v - below, v + above)), years, factor)
        for v in (value, min(max(value, 0.0), age_intervals.OLDEST))
    ]
    assert np.allclose(*ends) and 0 <= ends[0][0][0] <= ends[0][1][0] <= age_intervals.OLDEST


def test_below_zero_and_above_the_oldest() -> None:
    """The factor of the young is small and that of the old is 1, so an interval around 0 is short,
    and none reaches over all ages.
    """
    value, knots = np.array([-3.0, 150.0]), (np.array([5.0, 35.0]), np.array([0.2, 1.0]))
    low, high = age_intervals.stretched(value, value - 10, value + 10, *knots)
    assert np.allclose((low, high), ([0, 106], [2, 116]))


def test_the_names_of_factors() -> None:
    assert age_intervals.factors({"age": 0.8, "emotion": 1.0}) is None
    years, factor = age_intervals.factors({"age@15": 2.0, "age": 0.8, "age@5": 0.5}) or ([], [])
    assert list(years) == [5, 15] and list(factor) == [0.5, 2.0]
    for name in ("age@", "age@old", "age@nan", "age@-1", "age@inf", "age@1e9"):
        with pytest.raises(ModelError, match="age of 0 to 116"):
            age_intervals.factors({name: 1.0})
