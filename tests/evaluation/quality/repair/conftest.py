"""A data set to repair."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.quality.dataset import AuditDataset
from tests.evaluation.quality import repairs


@pytest.fixture
def data(tmp_path: Path) -> AuditDataset:
    return repairs.open_folder(repairs.folder(tmp_path / "data"))
