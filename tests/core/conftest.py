"""Two models that ensembles are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.ensembles import write


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A folder with bundles `a` and `b` of the same kind."""
    write(
        tmp_path / "a",
        1,
        calibration={"emotion": 1.5},
        licence="of a",
        data=({"name": "d", "split": "val", "n": 3},),
    )
    write(tmp_path / "b", 2, licence="of b", data=({"name": "d", "split": "val", "n": 3},))
    return tmp_path
