"""The values of a group are shown in their order, whatever the order in which they come."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.composition.group_order import WORD_SCALES, in_order
from evaluation.composition.listing import coded
from evaluation.predictions.conditions import BINS


@pytest.mark.parametrize("name", BINS)
def test_conditions_are_in_the_order_of_their_numbers(name: str) -> None:
    names = [*BINS[name].names[:: -1 if name == "blur" else 1], BINS[name].unknown]
    rng = np.random.default_rng(0)
    for size in range(1, len(names) + 1):
        chosen = [names[i] for i in np.sort(rng.permutation(len(names))[:size])]
        assert in_order(rng.permutation(chosen).tolist()) == tuple(chosen)


@given(st.sampled_from(WORD_SCALES), st.randoms(use_true_random=False), st.booleans())
def test_words_for_degrees_are_in_their_order(
    scale: tuple[str, ...], random: Random, is_title: bool
) -> None:
    """Two words may be of several scales; three or more that are of one scale alone are of it."""
    words = [word.title() if is_title else word for word in scale]
    chosen = [
        words[i] for i in sorted(random.sample(range(len(words)), random.randint(3, len(words))))
    ]
    holding = [s for s in WORD_SCALES if {w.lower() for w in chosen} <= set(s)]
    if holding == [scale]:
        assert in_order(random.sample(chosen, len(chosen))) == tuple(chosen)


@given(
    st.sampled_from([*(b.names for b in BINS.values()), *WORD_SCALES]), st.permutations(range(9))
)
def test_a_data_set_shows_groups_in_their_order(names: tuple[str, ...], places: list[int]) -> None:
    values = [names[i] for i in places if i < len(names)]
    assert coded(values).labels == in_order(names)


def test_bands_are_in_the_order_of_their_numbers() -> None:
    bands = [f"{low}-{low + 9}" for low in range(0, 120, 10)]
    assert in_order(sorted(bands)) == tuple(bands)
    assert in_order(["10", "9", "b", "a"]) == ("9", "10", "a", "b")
