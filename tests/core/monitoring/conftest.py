"""Faces that a demo may meet, and what it makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
from hypothesis import strategies as st

from core.labels import FERPLUS8, GENDER2
from core.types import Age, Distribution, Prediction

START = datetime(2026, 11, 29, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REASONS = (None, "too small: 17 px, come closer (at least 24 px)", "turned away: face the camera")
FacePrediction = tuple[Prediction, str | None]


@cache
def prediction(seed: int) -> Prediction:
    """Return what a model might predict; few classes are frequent, most are rare."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.linspace(2, 0.1, len(FERPLUS8)))
    age = float(rng.uniform(0, 100))
    return Prediction(
        Distribution(FERPLUS8.labels, p),
        Distribution(GENDER2.labels, rng.dirichlet((0.5, 0.5))),
        Age(age, age - 10, age + 10, limit=float(rng.uniform(10, 30))),
    )


def faces(count: int, seed: int) -> list[FacePrediction]:
    rng = np.random.default_rng(seed)
    return [
        (prediction(int(i)), REASONS[i % 3 if i % 4 else 0]) for i in rng.integers(0, 99, count)
    ]


intervals = st.lists(st.builds(faces, st.integers(0, 40), st.integers(0, 99)), max_size=6)
"""Faces by interval."""
