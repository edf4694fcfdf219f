"""SECURITY.md: its limits are those of the code."""

from __future__ import annotations

import importlib
import re

import pytest

from tests.conftest import ROOT

ROWS = re.findall(
    r"^\| [^|]+ \| ([\d,]+) \| `([\w.]+)\.(\w+)` \|$",
    (ROOT / "SECURITY.md").read_text("utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize(("limit", "module", "constant"), ROWS)
def test_a_limit_is_that_of_the_code(limit: str, module: str, constant: str) -> None:
    assert int(limit.replace(",", "")) == getattr(importlib.import_module(module), constant)


def test_there_are_limits() -> None:
    assert len(ROWS) > 15
