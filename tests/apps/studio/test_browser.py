"""The studio in a real Chromium. The `visit` fixture also checks that no page asks another host or
throws an error.
"""

from __future__ import annotations

import csv
import http.client
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from playwright.sync_api import Page

from apps.studio.components import gallery
from evaluation.predictions import table
from tests.apps.studio.conftest import predictions, studio, until

pytestmark = pytest.mark.browser

ROWS = 2600


@dataclass(frozen=True)
class Server:
    """A studio in a process of its own, and the table that it shows."""

    url: str
    rows: pa.Table

    def ids(self, true: str, pred: str) -> list[str]:
        """Samples of one cell."""
        rows = self.rows.filter(
            pc.and_(
                pc.equal(self.rows["emotion_true"], true), pc.equal(self.rows["emotion_pred"], pred)
            )
        )
        return sorted(rows["sample_id"].to_pylist())


@pytest.fixture(scope="module")
def server(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    rows = predictions(ROWS, "m <b>x</b>")
    path = tmp_path_factory.mktemp("studio") / "t.parquet"
    table.write(rows, path)
    with studio(path.with_name("log"), str(path), "--images", str(pictures)) as url:
        yield Server(url, rows)


@dataclass
class Visit:
    """One visitor's page and everything that it asked for or complained about."""

    page: object
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    pictures: set[str] = field(default_factory=set)


@pytest.fixture
def visit(browser, server: Server) -> Iterator[Callable[..., Visit]]:
    """visit(path, **options): a new visitor's page. Afterwards none may have asked any other host,
    thrown an error or missed a file.
    """
    visits, contexts = [], []

    def open_page(path: str = "/", **options) -> Visit:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 1000}, **options})
        contexts.append(context)
        page = context.new_page()
        opened = Visit(page)
        visits.append(opened)

        def asked(request) -> None:
            if request.url.startswith(("http", "ws")):
                opened.hosts.add(urlsplit(request.url).netloc)
            if "/faces/" in request.url:
                opened.pictures.add(request.url)

        def answered(response) -> None:
            if (
                response.status >= 400 and "/_stcore/" not in response.url
            ):  # Streamlit tries these below the page's address first
                opened.complaints.append(f"{response.status} {response.url}")

        context.on("request", asked)
        context.on("response", answered)
        page.on("websocket", lambda w: opened.hosts.add(urlsplit(w.url).netloc))
        page.on("pageerror", lambda e: opened.complaints.append(str(e)))
        page.set_default_timeout(120_000)
        page.goto(server.url + path)
        return opened

    yield open_page
    for context in contexts:
        context.close()
    for opened in visits:
        assert opened.hosts == {urlsplit(server.url).netloc}
        assert not opened.complaints


def cell(server: Server, least: int = 3, most: int = 2000) -> tuple[str, str, int, int]:
    """A cell of the matrix with so many samples: true, answered, row and column."""
    labels = [
        c.removeprefix("emotion_p_") for c in server.rows.column_names if c.startswith("emotion_p_")
    ]
    cells = (
        (t, p, i, j)
        for i, t in enumerate(labels)
        for j, p in enumerate(labels)
        if i != j and least <= len(server.ids(t, p)) <= most
    )
    return next(cells)


def ids(page) -> list[str]:
    """The samples whose thumbnails are on the page."""
    return sorted(page.locator(".face").evaluate_all("all => all.map(e => e.dataset.id)"))


def settled(page: Page) -> None:
    """Waits until the section that was opened has run."""
    page.wait_for_timeout(500)
    page.locator("[data-test-script-state='notRunning']").first.wait_for()


def test_a_click_on_a_cell_shows_exactly_its_samples(visit, server: Server) -> None:
    true, pred, row, column = cell(server)
    wanted = server.ids(true, pred)
    opened = visit("/confusion")
    page = opened.page
    plot = page.locator(".js-plotly-plot .nsewdrag").first
    plot.wait_for()
    page.wait_for_timeout(500)
    box = plot.bounding_box()
    page.mouse.click(
        box["x"] + box["width"] * (column + 0.25) / 8, box["y"] + box["height"] * (row + 0.75) / 8
    )  # not its middle
    page.locator(".face").first.wait_for()
    assert parse_qs(urlsplit(page.url).query)["cm.cell"] == [true, pred]
    assert ids(page) == wanted

    page.get_by_text("Table, downloads, relabel plan").click()
    settled(page)  # opening the section runs the page again, and a click meanwhile would be lost
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=False).last.click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    assert sorted(r["sample_id"] for r in rows) == wanted, "the download has the rows shown"
    assert {(r["emotion_true"], r["emotion_pred"]) for r in rows} == {(true, pred)}

    page.locator(".face").nth(1).click()
    until(page, lambda: "sample=" in page.url, "a click on a face puts it into the URL")
    url = page.url.removeprefix(server.url)
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("heading", name="Overview").wait_for()
    until(page, lambda: "cm.cell=" in page.url, "the selection survives a page change")
    page.get_by_role("link", name="Confusion").click()
    until(page, lambda: ids(page) == wanted, "and is there on return")

    again = visit(url).page
    until(again, lambda: ids(again) == wanted, "a shared URL restores the view")
    chosen = parse_qs(urlsplit(url).query)["sample"][0]
    assert again.locator(".face[aria-pressed=true]").get_attribute("data-id") == chosen
    again.locator(".face img").first.evaluate("i => i.decode()")


def test_the_table_selects_by_keyboard(visit, server: Server) -> None:
    page = visit("/confusion").page
    page.get_by_text("The same as a table").click()
    grid = page.locator("[data-testid=stDataFrame]").first
    grid.wait_for()
    page.wait_for_timeout(500)
    grid.locator("canvas").first.focus()
    for key in ("ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
        page.wait_for_timeout(200)
    until(page, lambda: "cm.cell=" in page.url, "arrow keys choose a cell")
    true, pred = parse_qs(urlsplit(page.url).query)["cm.cell"]
    until(page, lambda: ids(page) == server.ids(true, pred), "its samples appear")


def test_two_thousand_pictures_load_when_they_are_seen(visit) -> None:
    opened = visit("/confusion?cm.top=2&cm.cell=other&cm.cell=other&cm.gallery.order=row")
    page = opened.page
    until(page, lambda: page.locator(".face").count() > 1000, "a large cell")
    page.wait_for_timeout(1500)
    loaded = page.locator(".face img").evaluate_all(
        "all => all.filter(i => i.complete && i.naturalWidth > 0).length"
    )
    assert 0 < loaded < 300, loaded
    grid = page.locator(".grid")
    grid.evaluate("g => { g.scrollTop = g.scrollHeight }")
    last = page.locator(".face img").last
    until(
        page,
        lambda: last.evaluate("i => i.complete && i.naturalWidth > 0"),
        "the last one loads after scrolling",
    )


def test_other_answers_under_the_same_pictures_are_drawn(browser) -> None:
    page = browser.new_page()
    page.set_content("<div class='grid'></div>")
    code = (Path(gallery.__file__).parent / "gallery.js").read_text("utf-8")
    show = """async ([code, text, chosen]) => {
        const { default: draw } = await import(
            "data:text/javascript;charset=utf-8," + encodeURIComponent(code));
        const items = [{ id: "1", set: "", url: "", text },
                       { id: "2", set: "", url: "", text: "same" }];
        draw({ data: { items, chosen, height: 100 }, parentElement: document.body,
               setTriggerValue: () => {} });
        const first = document.querySelector(".face"), old = first === window.first;
        window.first = first;
        return [first.innerText, first.title, old];
    }"""
    assert page.evaluate(show, [code, "a", ""]) == ["a", "1\na", False]
    assert page.evaluate(show, [code, "a", "2"]) == ["a", "1\na", True], (
        "a click alone draws nothing anew"
    )
    assert page.evaluate(show, [code, "b", "2"]) == ["b", "1\nb", False]
    page.close()


def test_pictures_cannot_be_left(visit, server: Server) -> None:
    opened = visit("/confusion?cm.top=2&cm.cell=other&cm.cell=other")
    until(opened.page, lambda: bool(opened.pictures), "a picture is asked for")
    host, port = urlsplit(server.url).hostname, urlsplit(server.url).port
    picture_path = urlsplit(next(iter(opened.pictures))).path
    base = "/".join(picture_path.split("/")[:3]) + "/"  # /faces/TOKEN/
    for path, status in (
        ("faces/0.png", 200),
        ("../../../../../etc/passwd", 404),
        ("%2e%2e/%2e%2e/%2e%2e/etc/passwd", 404),
        ("/etc/passwd", 404),
        ("..%2f..%2f..%2fetc%2fpasswd", 404),
        ("faces/../../t.parquet", 404),
    ):
        raw = http.client.HTTPConnection(host, port, timeout=30)
        raw.request("GET", base + path)  # as it is: browsers would tidy the dots away
        answer = raw.getresponse()
        body = answer.read()
        assert body.startswith(b"\xff\xd8") == (status == 200) and b"root:" not in body, path
        assert status == 404 or answer.headers["content-type"] == "image/jpeg"
        raw.close()


def test_nothing_moves_when_a_filter_has_the_focus(visit) -> None:
    """A click below would be lost: the button is no longer where it was pressed."""
    values = "".join(f"&g.race={race}" for race in "AB")
    size = {"width": 1400, "height": 1600}  # nothing has to be scrolled to
    page = visit(f"/?splits=test&splits=val{values}", viewport=size).page
    below = page.locator("[role=radiogroup][aria-label=Prediction]")
    at = below.bounding_box()
    for label in ("Split", "race"):
        page.get_by_role("combobox", name=label, exact=True).click()
        page.wait_for_timeout(200)
        assert below.bounding_box() == at, label
        page.keyboard.press("Escape")
    page.get_by_test_id("stSidebar").get_by_text("wrong", exact=True).click()
    until(page, lambda: "right=wrong" in page.url, "one click is enough")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone(visit, scheme: str) -> None:
    page = visit("/", viewport={"width": 390, "height": 844}, color_scheme=scheme).page
    page.get_by_role("heading", name="Overview").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("b", has_text="x").count() == 0, "a model's name is text"
