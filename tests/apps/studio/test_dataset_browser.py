"""The page Data set in a real Chromium, with no predictions opened: tabs, pictures, downloads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser

from tests.apps.studio.conftest import studio

pytestmark = pytest.mark.browser
WAIT = 60_000


@pytest.fixture(scope="module")
def server(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A studio of two versions of a data set, and no predictions."""
    folder = tmp_path_factory.mktemp("studio")
    splits = ["train"] * 6 + ["val"]
    frame = pd.DataFrame({"id": [f"faces/{i}.png" for i in range(7)], "split": splits})
    frame = frame.assign(mask=["worn", "none", "none"] * 2 + ["worn"])
    frame.to_csv(folder / "before.csv", index=False)
    frame.assign(split=["train"] * 5 + ["val", "test"]).to_csv(folder / "after.csv", index=False)
    words = [w for name in ("before", "after") for w in ("--dataset", str(folder / f"{name}.csv"))]
    with studio(folder / "log", *words, "--images", str(pictures)) as url:
        yield url


def test_a_data_set_without_predictions(server: str, browser: Browser) -> None:
    from playwright.sync_api import expect

    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(WAIT)
    expect.set_options(timeout=WAIT)
    errors: list[str] = []
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto(f"{server}/?ds.column=mask")
    expect(page.get_by_role("heading", name="Data set")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("tab", name="Pictures").click()
    expect(page.locator("[data-testid=stHtml] img")).to_have_count(7)
    picture = page.locator("[data-testid=stHtml] img").first
    assert picture.evaluate("i => i.decode().then(() => i.naturalWidth)") > 0
    assert "ds.tab=Pictures" in page.url

    page.reload()
    expect(page.locator("[data-testid=stHtml] img")).to_have_count(7)
    page.get_by_role("tab", name="Before and after").click()
    expect(page.get_by_text("What changed")).to_be_visible()
    with page.expect_download() as download:
        page.locator("[data-testid=stDownloadButton] button:visible").first.click()
    [row] = csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8")))
    assert (row["from"], row["to"], row["in another split"]) == ("before", "after", "2")

    page.get_by_role("link", name="Own table").click()
    expect(page.get_by_role("heading", name="Own table")).to_be_visible()
    page.get_by_role("link", name="Data set").click()
    expect(page.get_by_text("What changed")).to_be_visible()
    page.close()
    assert errors == []
