"""A newcomer in Chromium: `make studio` greets, and shows pictures after one click."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.studio.samples import DRAWN
from tests.apps.studio.conftest import studio

pytestmark = pytest.mark.browser

TITLE = "Drawn faces, with pictures"


def shows_drawn_faces(page: Page, title: str) -> None:
    """The page's title, and the header's and the URL's table."""
    expect(page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()
    expect(page.locator(".st-key-header")).to_contain_text(f"{TITLE}: ")
    assert parse_qs(urlsplit(page.url).query)["table"] == [DRAWN]


def shows_a_picture(page: Page, pictures: str) -> None:
    page.locator(pictures).first.evaluate("i => i.decode()")


def test_a_newcomer_comes_to_pictures(tmp_path: Path, browser: Browser) -> None:
    expect.set_options(timeout=60_000)
    with studio(tmp_path / "log") as url:
        page = browser.new_context(viewport={"width": 1400, "height": 1200}).new_page()
        page.set_default_timeout(60_000)
        missed: list[str] = []
        page.on("response", lambda r: missed.append(r.url) if r.status == 404 else None)
        page.goto(url)
        expect(page.get_by_role("heading", level=1, name="Start")).to_be_visible()
        main = page.get_by_test_id("stMain")
        expect(main.get_by_text("The pictures may not be passed on")).to_be_visible()
        expect(main.get_by_test_id("stPageLink-NavLink")).to_have_count(6)
        page.get_by_role("button", name=TITLE).click()
        expect(main.get_by_text("no person is shown")).to_be_visible()
        shows_drawn_faces(page, "Start")

        main.get_by_test_id("stPageLink-NavLink").first.click()
        shows_drawn_faces(page, "Confusion")
        shows_a_picture(page, ".face img")
        page.get_by_role("link", name="Sample", exact=True).click()
        shows_drawn_faces(page, "Sample")
        shows_a_picture(page, "[data-testid=stImage] img")

        page.go_back()
        shows_drawn_faces(page, "Confusion")
        page.go_forward()
        shows_drawn_faces(page, "Sample")
        page.reload()
        shows_drawn_faces(page, "Sample")
        shows_a_picture(page, "[data-testid=stImage] img")

        page.goto(f"{url}/start?table={DRAWN}")
        shows_drawn_faces(page, "Start")
        expect(page.get_by_text("Page not found")).to_have_count(0)
        assert not [address for address in missed if "/_stcore/" not in address]
        page.context.close()
