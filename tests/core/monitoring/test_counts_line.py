"""The form of a line: what does not fit is refused with words, whatever it is."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from core.monitoring.counts_line import LATENCY_MS, MAX_LINE_BYTES, parse, percentile_ms
from tests.core.monitoring.test_counts_file import line

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
FIELDS = json.loads(line().to_json())


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="Expected"):
        parse(content)


@given(st.sampled_from(sorted(FIELDS)), JSON)
def test_a_field_of_any_kind_is_taken_or_refused(field: str, value: object) -> None:
    content = json.dumps(FIELDS | {field: value}).encode()
    try:
        read = parse(content)
    except DataError as error:
        assert len(str(error)) < 500 and "\n" not in str(error)
    else:
        assert json.loads(read.to_json()) == FIELDS | {field: value}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"faces": 7}, "`faces` to be a multiple of 10"),
        ({"faces": -10}, "`faces`"),
        ({"faces": 10.0}, "`faces`"),
        ({"faces": 10**30}, "`faces`"),
        ({"version": 2}, "version 1"),
        ({"start": "2026-11-29 08:00"}, "time in UTC"),
        ({"start": "2026-11-29T08:00:00+01:00"}, "time in UTC"),
        ({"seconds": 0}, "`seconds`"),
        ({"box": [1, 2, 3, 4]}, "only fields"),
        ({"latency_ms": {"live": [1, 2]}}, "numbers"),
        ({"latency_ms": {"film": []}}, "live"),
        ({"abstained": {"a\nb": 10}}, "printable"),
        ({"tasks": {"age": {"predicted": 10}}}, "uncertain"),
        ({"tasks": {f"t{i}": FIELDS["tasks"]["age"] for i in range(21)}}, "at most 20"),
        ({"abstained": {f"r{i}": 10 for i in range(101)}}, "at most 100"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(json.dumps(FIELDS | change).encode())


def test_a_long_or_deep_line_is_refused() -> None:
    for content in (b" " * (MAX_LINE_BYTES + 1), b"[" * MAX_LINE_BYTES):
        with pytest.raises(DataError):
            parse(content)


@given(
    st.lists(st.floats(0.5, 9000), min_size=1, max_size=200),
    st.floats(0.05, 0.99),
)
def test_percentiles_are_those_of_the_values_up_to_a_bin(values: list[float], share: float) -> None:
    pictures = np.zeros(len(LATENCY_MS) + 1, np.int64)
    for value in values:
        pictures[np.searchsorted(LATENCY_MS, value)] += 1
    exact = float(np.quantile(values, share, method="inverted_cdf"))
    assert 1 / 1.27 < percentile_ms(pictures, share) / max(exact, 0.8) < 1.27


def test_percentiles_at_the_ends() -> None:
    nothing = np.zeros(len(LATENCY_MS) + 1, np.int64)
    assert percentile_ms(nothing, 0.5) is None
    nothing[-1] = 3
    assert percentile_ms(nothing, 0.5) == LATENCY_MS[-1]
