"""The values of a group are shown in their order, whatever the order in which they come."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.composition.group_order import in_order
from evaluation.predictions.conditions import BINS


@pytest.mark.parametrize("name", BINS)
def test_conditions_are_in_the_order_of_their_numbers(name: str) -> None:
    names = [*BINS[name].names[:: -1 if name == "blur" else 1], BINS[name].unknown]
    rng = np.random.default_rng(0)
    for size in range(1, len(names) + 1):
        chosen = [names[i] for i in np.sort(rng.permutation(len(names))[:size])]
        assert in_order(rng.permutation(chosen).tolist()) == tuple(chosen)


def test_bands_are_in_the_order_of_their_numbers() -> None:
    bands = [f"{low}-{low + 9}" for low in range(0, 120, 10)]
    assert in_order(sorted(bands)) == tuple(bands)
    assert in_order(["10", "9", "b", "a"]) == ("9", "10", "a", "b")
