"""Outputs are what they were: values and intervals in two tests, so that one may change alone."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from tests.golden.compare import comparable, differences, kind_of, leaves, same, text
from tests.golden.goldens import FILES, GOLDENS

MOST_BYTES = 1_000_000


@cache
def output(name: str) -> Any:
    """The output as it is now; made once for both tests."""
    return comparable(GOLDENS[name]())


def check(name: str, kind: str) -> None:
    """Fails with what differs in one golden output.

    Args:
        name: of `goldens.GOLDENS`.
        kind: "values" or "intervals".
    """
    file = FILES / f"{name}.json"
    lines = differences(json.loads(file.read_text(encoding="utf-8")), output(name), kind)
    if lines:
        hint = f"If this is meant: python -m tests.golden.update {name}"
        pytest.fail("\n".join([f"{file.name} differs.", *lines, hint]), pytrace=False)


@pytest.mark.parametrize("name", GOLDENS)
def test_values(name: str) -> None:
    check(name, "values")


@pytest.mark.parametrize("name", GOLDENS)
def test_intervals(name: str) -> None:
    check(name, "intervals")


def test_every_file_has_its_golden_and_all_are_small() -> None:
    files = list(FILES.iterdir())
    assert {f.stem for f in files} == set(GOLDENS), "try python -m tests.golden.update"
    assert sum(f.stat().st_size for f in files) < MOST_BYTES


def test_a_change_is_found_under_its_kind() -> None:
    before = {"a": [{"label": "x", "f1": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10}}]}
    wider = json.loads(json.dumps(before).replace("0.4", "0.3"))
    assert not differences(before, wider, "values")
    assert "a[x].f1.low: 0.4 -> 0.3" in "\n".join(differences(before, wider, "intervals"))
    more = json.loads(json.dumps(before).replace("10", "11"))
    assert "a[x].f1.n: 10 -> 11" in "\n".join(differences(before, more, "values"))
    renamed = json.loads(json.dumps(before).replace("value", "estimate"))
    message = "\n".join(differences(before, renamed, "values"))
    assert "names gone: value" in message and "names new: estimate" in message
    assert "under other names" in message


def test_what_is_an_interval() -> None:
    for path in (("f1", "low"), ("f1_ci95", "[0]"), ("flips_high",), ("method", "rounds")):
        assert kind_of(path) == "intervals"
    for path in (("f1", "value"), ("age_low",), ("p",), ("per_class", "[neutral]", "n")):
        assert kind_of(path) == "values"


def test_numbers_are_compared_to_nine_digits_and_all_else_exactly() -> None:
    assert same(1.0, 1 + 1e-10, "values") and not same(1.0, 1 + 1e-8, "values")
    assert same(1.0, 1 + 1e-6, "intervals") and not same(1.0, 1 + 1e-4, "intervals")
    assert not same(1, True, "values") and not same(None, 0, "values") and same("a", "a", "values")


def test_files_are_json_with_sorted_keys() -> None:
    value = comparable(
        {"b": [1.23456789012345, float("nan")], "a": {"created": "today", "n": (1, 2)}}
    )
    assert value == {"a": {"n": [1, 2]}, "b": [1.23456789012, None]}
    long = {"rows": [{"name": "x" * 60, "n": i} for i in range(3)]}
    assert json.loads(text(long)) == long and len(text(long).splitlines()) > 3
    assert dict(leaves({"empty": [], "n": 1})) == {("empty",): [], ("n",): 1}
