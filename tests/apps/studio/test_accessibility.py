"""Every page in Chromium: nothing serious for axe-core, at most three screens, nothing cut.

python -m tests.apps.studio.test_accessibility    # all tabs of all pages of both samples
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

from apps.studio import app, samples
from tests.apps.studio.conftest import studio
from tests.browsers import launch

pytestmark = pytest.mark.browser

SERIOUS = {"serious", "critical"}
SCREEN = {"width": 1440, "height": 900}
MAX_SCREENS = 3
WIDTHS = (1440, 1280, 390)
RESIZE_MS = 10_000
MAX_TILES = 24
"""Tiles of a gallery that axe-core looks at: all are alike, and it takes minutes for thousands."""
FEW_TILES = f"all => all.forEach(g => [...g.children].slice({MAX_TILES}).forEach(t => t.remove()))"
CUT = """() => {
    const problems = [];
    const page = document.scrollingElement;
    if (page.scrollWidth > innerWidth) problems.push(`page ${page.scrollWidth} > ${innerWidth}`);
    const main = document.querySelector("[data-testid=stMain]");
    if (main.scrollWidth > main.clientWidth) problems.push(`main ${main.scrollWidth}`);
    const texts = "h1, h2, h3, [data-testid=stMetricValue] *, [data-testid=stMetricLabel] *, "
        + "[role=tab] *, [data-testid^=stBaseButton] *, [data-testid=stPageLink] *";
    for (const e of main.querySelectorAll(texts))
        if (e.clientWidth && e.scrollWidth > e.clientWidth + 1 && e.textContent.trim())
            problems.push(`cut: ${e.textContent.trim().slice(0, 60)}`);
    for (const plot of main.querySelectorAll(".js-plotly-plot")) {
        const frame = plot.getBoundingClientRect();
        for (const text of plot.querySelectorAll(".xtick text, .ytick text, .xtitle, .ytitle")) {
            const box = text.getBoundingClientRect();
            if (box.left < frame.left - 1 || box.right > frame.right + 1
                || box.bottom > frame.bottom + 1)
                problems.push(`cut in a chart: ${text.textContent}`);
        }
        for (const axis of plot.querySelectorAll(".xaxislayer-above, .xaxislayer-below")) {
            const isTurned = text => /rotate\\((?!0)/.test(text.getAttribute("transform"));
            const boxes = [...axis.querySelectorAll(".xtick text")].filter(text => !isTurned(text))
                .map(text => text.getBoundingClientRect()).sort((a, b) => a.left - b.left);
            if (boxes.some((box, i) => i && box.left < boxes[i - 1].right - 1))
                problems.push(`ticks overlap: ${axis.textContent.slice(0, 60)}`);
        }
        const legend = plot.querySelector(".legend .bg")?.getBoundingClientRect();
        for (const area of plot.querySelectorAll(".nsewdrag")) {
            const box = area.getBoundingClientRect();
            if (legend && legend.left < box.right - 1 && legend.right > box.left + 1
                && legend.top < box.bottom - 1 && legend.bottom > box.top + 1)
                problems.push(`legend over marks: ${plot.querySelector(".legend").textContent}`);
        }
    }
    return problems;
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The studio on its samples."""
    with studio(tmp_path_factory.mktemp("studio") / "log") as url:
        yield url


def wait_until_drawn(page: Page, title: str) -> None:
    page.get_by_role("heading", level=1, name=title, exact=True).wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_timeout(500)  # charts are drawn and colours have faded in


def serious_findings(page: Page) -> list[str]:
    """What axe-core calls serious or critical, with the elements."""
    page.locator(".grid").evaluate_all(FEW_TILES)
    violations = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {[node['html'][:300] for node in v['nodes']]}"
        for v in violations
        if v["impact"] in SERIOUS
    ]


def layout_problems(page: Page) -> list[str]:
    """What is too long at 1440 pixels, and what is cut or too wide at any width."""
    main = "document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight"
    height = page.evaluate(main)
    too_long = height > MAX_SCREENS * SCREEN["height"]
    problems = [f"{height / SCREEN['height']:.1f} screens"] if too_long else []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": SCREEN["height"]})
        try:  # charts take the new width a moment later
            page.wait_for_function(f"!({CUT})().length", timeout=RESIZE_MS, polling=200)
        except TimeoutError:
            problems += [f"{width}: {problem}" for problem in page.evaluate(CUT)]
    page.set_viewport_size(SCREEN)
    return problems


def go_to(page: Page, title: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name=title, exact=True).click()
    wait_until_drawn(page, title)


def test_every_page(browser: Browser, address: str) -> None:
    """Takes about a minute: axe-core looks at each page twice, which is drawn at three widths."""
    context = browser.new_context(viewport=SCREEN)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{address}/?table={samples.DRAWN}")
    wait_until_drawn(page, "Start")
    links = page.get_by_test_id("stSidebar").get_by_test_id("stPageLink-NavLink")
    titles = [text.splitlines()[-1] for text in links.all_inner_texts()]  # below the icon's name
    assert set(titles) == {module.TITLE for module in app.pages().values()}
    problems: dict[str, list[str]] = {}
    for title in titles:
        go_to(page, title)
        problems[f"{title}, light"] = [*serious_findings(page), *layout_problems(page)]
    page.emulate_media(color_scheme="dark")
    for title in titles:
        go_to(page, title)
        problems[f"{title}, dark"] = serious_findings(page)
    context.close()
    assert not any(problems.values()), {t: p for t, p in problems.items() if p}


def findings_by_tab(browser: Browser, address: str) -> Iterator[tuple[str, list[str]]]:
    """What is wrong on all tabs of all pages of both samples, in both modes."""
    for scheme, table in itertools.product(("light", "dark"), (samples.REAL, samples.DRAWN)):
        context = browser.new_context(viewport=SCREEN, color_scheme=scheme)
        page = context.new_page()
        page.set_default_timeout(120_000)
        for name, module in app.pages().items():
            page.goto(f"{address}/{name}?table={table}")
            wait_until_drawn(page, module.TITLE)
            tabs = page.get_by_test_id("stMain").get_by_role("tab")
            for i in range(max(tabs.count(), 1)):
                if i:
                    tabs.nth(i).click()
                    wait_until_drawn(page, module.TITLE)
                findings = [*serious_findings(page), *(layout_problems(page) * (scheme == "light"))]
                yield f"{name}?table={table}, {scheme}, tab {i + 1}", findings
        context.close()


if __name__ == "__main__":
    with (
        TemporaryDirectory() as folder,
        studio(Path(folder) / "log") as url,
        sync_playwright() as play,
    ):
        chromium = launch(play)
        for where, findings in findings_by_tab(chromium, url):
            print(where, *(findings or ["nothing"]), flush=True)
        chromium.close()
