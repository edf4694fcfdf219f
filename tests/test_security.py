"""SECURITY.md: its limits are those of the code."""

from __future__ import annotations

import pkgutil
import re

import pytest

from tests.conftest import ROOT

ROWS = re.findall(
    r"^\| [^|]+ \| ([\d,]+) \| `([\w.]+)\.(\w+)` \|$",
    (ROOT / "SECURITY.md").read_text("utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize(("limit", "owner_name", "constant"), ROWS)
def test_a_limit_is_that_of_the_code(limit: str, owner_name: str, constant: str) -> None:
    owner = pkgutil.resolve_name(owner_name)
    defaults = owner() if isinstance(owner, type) else owner
    assert int(limit.replace(",", "")) == getattr(defaults, constant)


def test_there_are_limits() -> None:
    assert len(ROWS) > 15
