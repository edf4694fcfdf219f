"""The projection: the same each time, groups stay together, and it bears what tables have."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.embedding_map import projection
from evaluation.embedding_map.projection import project


def groups(n: int, k: int = 3, d: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings float32 (n, d) around k centres, and the centre of each."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, k, n)
    noise = 0.2 * rng.normal(0, 1, (n, d))
    return (rng.normal(0, 1, (k, d))[group] + noise).astype(np.float32), group


@pytest.mark.parametrize("landmarks", [120, 1000], ids=["placed", "all by t-SNE"])
def test_groups_stay_together(landmarks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "MAX_LANDMARKS", landmarks)
    embeddings, group = groups(400)
    positions = project(embeddings)
    assert positions.shape == (400, 2) and positions.dtype == np.float32
    assert positions.min() >= 0 and positions.max() == pytest.approx(1)
    assert np.array_equal(positions, project(embeddings)), "the same each time"
    assert np.array_equal(positions, project(embeddings * 8)), "by the cosine"
    distances = np.hypot(*(positions[:, None] - positions[None]).transpose(2, 0, 1))
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    assert (group[nearest] == group).mean() > 0.98


@pytest.mark.parametrize("n", [1, 2, 9, 10, 40])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_few_samples_and_few_numbers(n: int, d: int) -> None:
    positions = project(groups(n, d=d)[0])
    assert positions.shape == (n, 2)
    assert np.isfinite(positions).all() and positions.min() >= 0 and positions.max() <= 1


def test_equal_embeddings_and_zeros() -> None:
    for embeddings in (np.ones((30, 4), np.float32), np.zeros((5, 4), np.float32)):
        assert np.isfinite(project(embeddings)).all()
