"""What a teacher predicts, in the classes and years of another head."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.artifacts.card import Head
from core.errors import UserError
from core.labels import GENDER2, UTKFACE_GENDER
from train.loop.teachers.student_classes import converter
from train.recipe.recipe import AGE, GENDER, GENDER_MALE_FIRST, YEARS


def ages(bins: int) -> Head:
    return Head("age", "distribution", tuple(str(i) for i in range(bins)), "age")


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 117), st.integers(2, 117), st.integers(0, 2**32 - 1))
def test_any_age_distribution_stays_one(bins: int, wanted: int, seed: int) -> None:
    values = np.random.default_rng(seed).dirichlet(np.ones(bins), 3).astype(np.float32)
    converted = converter(ages(bins), ages(wanted), "x")(values)
    assert converted.shape == (3, wanted)
    np.testing.assert_allclose(converted.sum(axis=1), 1, atol=1e-5)
    mean = (values * np.minimum(np.arange(bins), wanted - 1)).sum(axis=1)
    np.testing.assert_allclose(converted @ np.arange(wanted), mean, rtol=1e-4, atol=1e-3)


def test_classes_go_by_name() -> None:
    male_first = converter(GENDER, GENDER_MALE_FIRST, "x")(np.float32([[0.9, 0.1]]))
    assert dict(zip(UTKFACE_GENDER, male_first[0], strict=True))[GENDER2.labels[0]] == np.float32(
        0.9
    )
    with pytest.raises(UserError, match="x to have the student's classes of age, got years"):
        converter(YEARS, AGE, "x")
