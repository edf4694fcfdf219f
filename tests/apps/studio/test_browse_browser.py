"""The page Browse in a real Chromium: a brush on the map selects, a click shows a sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa
import pytest
from playwright.sync_api import Page

from apps.studio.components.gallery import MAX_TICKED
from evaluation.predictions import table
from scripts.screenshots import WEBGL_FLAGS
from tests.apps.studio.conftest import predictions, studio, until
from tests.browsers import launch

pytestmark = pytest.mark.browser

ROWS = 240
POINTS = """map => {
    const { xaxis, yaxis } = map._fullLayout, [{ x, y }] = map.data;
    const place = (axis, values) => Array.from(values, v => axis._offset + axis.d2p(v));
    return [place(xaxis, x), place(yaxis, y)];
}"""
"""Where the map draws its points, in pixels from its corner."""


@dataclass(frozen=True)
class Map:
    """A map on a page."""

    page: Page
    points: np.ndarray
    """(N, 2) pixels of the page, in the order of the table's rows."""

    def drag(self, *corners: tuple[float, float]) -> None:
        """Draw with the mouse."""
        self.page.mouse.move(*corners[0])
        self.page.mouse.down()
        for corner in corners[1:]:
            self.page.mouse.move(*corner, steps=5)
        self.page.mouse.up()


@pytest.fixture(scope="module")
def url(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    group = np.arange(ROWS) % 3
    rng = np.random.default_rng(0)
    embeddings = rng.normal(0, 1, (3, 8))[group] + 0.3 * rng.normal(0, 1, (ROWS, 8))
    column = pa.array(embeddings.tolist(), pa.list_(pa.float32()))
    path = tmp_path_factory.mktemp("browse") / "t.parquet"
    table.write(predictions(ROWS, "m <b>x</b>").append_column("embedding", column), path)
    with studio(path.with_name("log"), str(path), "--images", str(pictures)) as address:
        yield address


@pytest.fixture(scope="module")
def opened(url: str, playwright) -> Iterator[Map]:
    """The page with its map drawn; no script of it may fail."""
    chromium = launch(playwright, WEBGL_FLAGS)
    page = chromium.new_page(viewport={"width": 1440, "height": 1000})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(120_000)
    page.goto(url + "/browse")
    page.locator(".embedding-map .nsewdrag").first.wait_for()
    page.locator(".face").first.wait_for()
    map_ = page.locator(".embedding-map")
    page.wait_for_timeout(500)
    box = map_.bounding_box()
    yield Map(page, np.transpose(map_.evaluate(POINTS)) + np.array((box["x"], box["y"])))
    assert not errors
    chromium.close()


def ids(page: Page) -> list[str]:
    """The samples of the grid."""
    return page.locator(".face").evaluate_all("all => all.map(e => e.dataset.id)")


def selection(page: Page, name: str) -> list[str]:
    """The values of a parameter of the URL."""
    return parse_qs(urlsplit(page.url).query).get(name, [])


def names(rows: np.ndarray) -> list[str]:
    """The samples of these rows."""
    return [f"s{row:05d}" for row in rows]


def shows(page: Page, inside: np.ndarray) -> bool:
    """Whether the grid has the samples inside, in their order, and none outside.

    Args:
        page: the page.
        inside: (N,) pixels from the region's edge, negative outside; at the edge both is right.
    """
    shown = ids(page)
    is_shown = np.isin(names(np.arange(ROWS)), shown)
    is_sure = np.abs(inside) > 2
    return shown == sorted(shown) and bool((is_shown == (inside > 0))[is_sure].all())


def test_a_brush_selects_what_lies_inside(opened: Map) -> None:
    page, points = opened.page, opened.points
    low, high, middle = points.min(axis=0) - 3, points.max(axis=0) + 3, np.median(points, axis=0)
    opened.drag(tuple(low), tuple(middle))
    inside = (middle - points).min(axis=1)
    assert 5 < (inside > 0).sum() < ROWS - 5
    until(page, lambda: shows(page, inside), "the grid shows what the box holds")
    page.reload()
    page.locator(".embedding-map .selectionlayer path").first.wait_for()
    until(page, lambda: shows(page, inside), "a link restores the region")
    page.get_by_role("button", name="Clear the region").click()
    until(page, lambda: len(ids(page)) == ROWS, "all samples again")
    until(
        page,
        lambda: not page.locator(".embedding-map .selectionlayer path").count(),
        "the map shows no region",
    )

    page.locator(".modebar-btn[data-val=lasso]").click()
    opened.drag(tuple(low), (high[0], low[1]), (low[0], high[1]))
    width, height = high - low
    from_diagonal = (1 - ((points - low) / (high - low)).sum(axis=1)) * min(width, height) / 2
    until(page, lambda: shows(page, from_diagonal), "a lasso selects a triangle")


def test_a_click_shows_the_sample(opened: Map) -> None:
    page, points = opened.page, opened.points
    distances = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(distances, np.inf)
    alone = int(distances.min(axis=1).argmax())  # no other point is as near to it
    page.mouse.move(*points[alone])
    page.wait_for_timeout(300)  # Plotly looks for the point under the mouse
    page.mouse.click(*points[alone])
    [name] = names(np.array([alone]))
    until(page, lambda: selection(page, "sample") == [name], "a click on a point selects it")
    card = page.locator(".st-key-sample-card")
    card.get_by_text(name).first.wait_for()
    until(page, lambda: card.locator("img").count() == 1, "with its picture")
    page.locator(".face").nth(3).click()
    other = ids(page)[3]
    card.get_by_text(other).first.wait_for()
    page.get_by_role("link", name=f"Open {other}").click()
    page.get_by_role("heading", name=other).wait_for()
    page.go_back()
    page.locator(".embedding-map .nsewdrag").first.wait_for()
    card.get_by_text(other).first.wait_for()


def test_ticks_are_acted_on(opened: Map) -> None:
    page = opened.page
    page.locator(".tick").nth(1).click()
    until(page, lambda: len(selection(page, "br.ticked")) == 1, "one is ticked")
    page.locator(".tick").nth(4).click(modifiers=["Shift"])
    until(page, lambda: selection(page, "br.ticked") == ids(page)[1:5], "and all up to another")
    page.get_by_role("button", name="Act on 4 ticked").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ids(page)[1:5]


def test_no_more_stay_ticked_than_may_be(opened: Map) -> None:
    page = opened.page
    boxes = page.locator(".tick")
    assert boxes.count() > MAX_TICKED + 5
    boxes.nth(0).click()
    boxes.nth(MAX_TICKED + 4).click(modifiers=["Shift"])
    page.get_by_text(f"At most {MAX_TICKED} samples can be ticked").wait_for()
    until(page, lambda: len(selection(page, "br.ticked")) == MAX_TICKED, "the first are kept")
    assert page.locator(".tick:checked").count() == MAX_TICKED
    boxes.nth(MAX_TICKED + 2).click()  # one more is not taken either
    until(page, lambda: page.locator(".tick:checked").count() == MAX_TICKED, "as before")
    boxes.nth(0).click()
    until(page, lambda: len(selection(page, "br.ticked")) == MAX_TICKED - 1, "one less")
    assert page.locator(".tick:checked").count() == MAX_TICKED - 1
