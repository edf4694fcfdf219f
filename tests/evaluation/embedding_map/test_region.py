"""Regions: a box and a polygon hold the points that numpy and scikit-image say they hold."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import points_in_poly

from evaluation.embedding_map.region import MAX_CORNERS, UNITS, Region

unit = st.integers(0, UNITS)
corner = st.tuples(unit, unit)


def positions(seed: int, n: int = 300) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 2), np.float32)


@settings(deadline=None, max_examples=40)
@given(st.lists(corner, min_size=2, max_size=MAX_CORNERS), st.integers(0, 9))
def test_a_region_survives_its_text(corners: list[tuple[int, int]], seed: int) -> None:
    region = Region.parse(" ".join(f"{x},{y}" for x, y in corners))
    if region is None:
        assert len({x for x, _ in corners}) == 1 or len({y for _, y in corners}) == 1
        return
    assert len(str(region)) < 500
    again = Region.parse(str(region))
    assert again == region
    assert np.array_equal(again.contains(positions(seed)), region.contains(positions(seed)))


@settings(deadline=None, max_examples=40)
@given(corner, corner, st.integers(0, 9))
def test_a_box_is_what_lies_between_its_corners(
    a: tuple[int, int], b: tuple[int, int], seed: int
) -> None:
    region = Region.of([[v / UNITS for v in a], [v / UNITS for v in b]])
    if region is None:
        assert a[0] == b[0] or a[1] == b[1]
        return
    points = positions(seed)
    low, high = np.minimum(a, b) / UNITS, np.maximum(a, b) / UNITS
    wanted = ((points >= low) & (points <= high)).all(axis=1)
    at_edge = (np.abs(points[:, None] - [low, high]) < 1e-6).any(axis=(1, 2))
    assert np.array_equal(region.contains(points)[~at_edge], wanted[~at_edge])


@settings(deadline=None, max_examples=40)
@given(st.lists(corner, min_size=3, max_size=12, unique=True), st.integers(0, 9))
def test_a_polygon_agrees_with_scikit_image(corners: list[tuple[int, int]], seed: int) -> None:
    region = Region.parse(" ".join(f"{x},{y}" for x, y in corners))
    points = positions(seed)
    if region is not None:
        wanted = points_in_poly(points.astype(float) * UNITS, np.array(corners, float))
        assert (region.contains(points) != wanted).sum() <= 1, "but for a point on an edge"


def test_a_long_lasso_keeps_its_shape_in_few_corners() -> None:
    angle = np.linspace(0, 2 * np.pi, 900)
    radius = 0.3 + 0.1 * np.sin(5 * angle)
    outline = np.c_[0.5 + radius * np.cos(angle), 0.5 + radius * np.sin(angle)]
    region = Region.of(outline.tolist())
    assert region is not None and len(region.corners) <= MAX_CORNERS
    points = positions(0, 20_000)
    differs = region.contains(points) != points_in_poly(points.astype(float), outline)
    assert differs.mean() < 0.01


def test_what_is_no_region() -> None:
    for text in (
        "",
        "1,2",
        "a,b c,d",
        "0,0 1",
        "0,0 10001,5",
        "-1,0 5,5",
        "0,0 0,5",
        "1,1,1 2,2,2",
    ):
        assert Region.parse(text) is None, text
    assert Region.parse(" ".join(f"{i},{i * i % 97}" for i in range(MAX_CORNERS + 1))) is None
    assert Region.of([]) is None and Region.of([[0.1, 0.1]]) is None
    nowhere = np.full((1, 2), np.nan)
    for text in ("0,0 9999,9999", "0,0 9999,0 0,9999"):
        region = Region.parse(text)
        assert region is not None and not region.contains(nowhere).any()
