"""Numbers of one field: packed or not, at most as many as the limit says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.artifacts.onnx_check.protobuf import MAX_NUMBERS, Message, numbers
from core.errors import ModelError


def packed(count: int) -> Message:
    return {"dims": [memoryview(b"\x01" * count)]}


def one_by_one(count: int) -> Message:
    return {"dims": [1] * count}


@pytest.mark.parametrize("form", [packed, one_by_one])
def test_more_numbers_than_the_limit_are_refused(form: Callable[[int], Message]) -> None:
    assert numbers(form(MAX_NUMBERS), "dims") == [1] * MAX_NUMBERS
    for count in (MAX_NUMBERS + 1, 20 * MAX_NUMBERS):
        with pytest.raises(ModelError, match=f"at most {MAX_NUMBERS} numbers in `dims`"):
            numbers(form(count), "dims")


def test_largest_numbers_are_read_packed() -> None:
    largest = memoryview((b"\xff" * 8 + b"\x7f") * MAX_NUMBERS)  # 9 bytes each
    assert numbers({"dims": [largest]}, "dims") == [2**63 - 1] * MAX_NUMBERS
