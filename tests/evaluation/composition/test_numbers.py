"""Distributions of numbers against numpy and pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluation.composition.listing import NO_SPLIT
from evaluation.composition.numbers import MAX_BINS, bin_edges, bin_names, binned, distributions
from tests.evaluation.composition.listings import NUMBERS, QUICK, frames, listing


@QUICK
@given(st.lists(NUMBERS), st.one_of(st.none(), st.sampled_from([0.5, 5.0, 10.0])))
def test_edges_hold_all_numbers(values: list[float], width: float | None) -> None:
    numbers = np.array(values, np.float64)
    edges = bin_edges(numbers, width)
    finite = numbers[np.isfinite(numbers)]
    assert 2 <= len(edges) <= MAX_BINS + 1 and (np.diff(edges) > 0).all()
    assert np.histogram(finite, edges)[0].sum() == len(finite)
    if width and len(finite):
        assert finite.max() < edges[-1], "a last bin of equal width, not one that holds both ends"


@QUICK
@given(frames())
def test_distributions_are_those_of_numpy_and_pandas(frame: pd.DataFrame) -> None:
    one = listing(frame)
    edges = bin_edges(one.numbers["yaw"], 5)
    by_split = frame.assign(split=frame["split"].replace("", NO_SPLIT)).groupby("split")["yaw"]
    parts = distributions(one.numbers["yaw"], one.splits, edges)
    assert {part.split for part in parts} == set(by_split.groups)
    for part in parts:
        values = by_split.get_group(part.split)
        numbers = values.dropna()
        assert part.mean.n == len(numbers) and part.unknown == values.isna().sum()
        assert part.counts.tolist() == np.histogram(numbers, edges)[0].tolist()
        if len(numbers):
            assert part.quantiles == pytest.approx(tuple(numbers.quantile([0, 0.25, 0.5, 0.75, 1])))
            assert part.mean.value == pytest.approx(numbers.mean())
        if len(numbers) > 1 and numbers.std() > 1e-6:
            ends = stats.t.interval(0.95, len(numbers) - 1, numbers.mean(), stats.sem(numbers))
            assert (part.mean.low, part.mean.high) == pytest.approx(ends)


@QUICK
@given(st.lists(NUMBERS, min_size=1))
def test_bins_as_classes_are_those_of_a_cut(values: list[float]) -> None:
    numbers = np.array(values, np.float64)
    edges = bin_edges(numbers, 10)
    column = binned(numbers, edges)
    cut = pd.cut(pd.Series(numbers), edges, right=False, labels=bin_names(edges))
    texts = [None if code < 0 else column.labels[code] for code in column.codes]
    assert texts == [None if pd.isna(v) else v for v in cut]
    assert set(column.labels) == set(cut.dropna()), "empty bins are no class"
