"""A cache of crops and files for each test of the data sets, outside the user's."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, outside its `tmp_path`: nothing is remembered between tests,
    nothing is left in the user's.
    """
    folder = tmp_path_factory.mktemp("cache") / "mien"
    monkeypatch.setenv("MIEN_CACHE", str(folder))
    return folder
