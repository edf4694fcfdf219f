"""Drift between splits is found where it is large and significant; its tests agree with scipy."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.quality.checks import drift
from tests.evaluation.quality.checks.test_checks import dataset_of, rows_of


def test_drift_needs_size_and_significance() -> None:
    rng = np.random.default_rng(0)
    split = ["train"] * 4000 + ["val"] * 1000
    same = rng.integers(0, 2, 5000)
    assert not any(r["is_issue"] for r in rows_of(dataset_of(split, gender=same), "drift"))
    moved = np.concatenate([rng.random(4000) < 0.5, rng.random(1000) < 0.75]).astype(int)
    rows = [r for r in rows_of(dataset_of(split, gender=moved), "drift") if r["is_issue"]]
    assert (
        len(rows) == 1
        and rows[0]["group"] == "train/val"
        and rows[0]["reason"].startswith("gender")
    )
    few = rows_of(
        dataset_of(["train"] * 8 + ["val"] * 4, gender=np.array([0] * 6 + [1] * 2 + [1] * 3 + [0])),
        "drift",
    )
    assert not any(r["is_issue"] for r in few)  # far apart, but by chance


def test_drift_against_scipy() -> None:
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import chi2_contingency

    a, b = np.array([50, 30, 20]), np.array([10, 30, 60])
    divergence = drift.compare_counts(a, b)
    assert divergence.js == pytest.approx(jensenshannon(a, b, base=2) ** 2)
    assert divergence.p == pytest.approx(chi2_contingency([a, b], correction=False).pvalue)
    assert divergence.psi == pytest.approx(0.4 * np.log(5) + 0.4 * np.log(3))
