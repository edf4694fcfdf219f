"""axe-core on every tab, the link between cards and faces, and six cards on one screen."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from apps.webcam.tabs.image import EXAMPLES

pytestmark = pytest.mark.browser

SERIOUS = {"serious", "critical"}
GROUP = [path.stem for path in EXAMPLES].index("drawn-group")


def serious_findings(page) -> list[str]:
    """What axe-core calls serious or critical, with the elements."""
    page.wait_for_timeout(800)  # names are added, and colours have faded in
    violations = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {[node['html'] for node in v['nodes']]}"
        for v in violations
        if v["impact"] in SERIOUS
    ]


def open_group(page) -> None:
    """Show the example with six faces."""
    page.get_by_role("tab", name="Image").click()
    page.locator("#mien-examples .gallery-item").nth(GROUP).click()
    page.locator("#mien-image .mien-card").nth(5).wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit, scheme):
    page = visit(color_scheme=scheme).page
    page.get_by_role("button", name="Start camera").wait_for()
    findings = {"start": serious_findings(page)}
    page.get_by_role("button", name="Start camera").click()
    page.locator("#mien-live .mien-card").first.wait_for()
    findings["live"] = serious_findings(page)
    page.get_by_role("button", name="Stop camera").click()
    open_group(page)
    findings["image"] = serious_findings(page)
    for tab in ("Video", "About"):
        page.get_by_role("tab", name=tab).click()
        findings[tab] = serious_findings(page)
    assert not any(findings.values()), findings


def test_six_faces_fit_a_laptop_and_each_card_marks_its_face(visit):
    page = visit(viewport={"width": 1280, "height": 720}).page
    open_group(page)
    page.locator("#mien-picture").scroll_into_view_if_needed()
    edges = page.locator("#mien-image .mien-card").evaluate_all(
        "cards => cards.map(c => c.getBoundingClientRect()).map(r => [r.top, r.bottom])"
    )
    assert max(bottom for _, bottom in edges) - min(top for top, _ in edges) <= 720 - 130

    mark, card = page.locator("#mien-picture-mark"), page.locator("#mien-image [data-face='3']")
    card.hover()
    mark.wait_for()
    picture = page.locator("#mien-picture img").bounding_box()
    box = mark.bounding_box()
    assert picture["x"] <= box["x"] and box["x"] + box["width"] <= picture["x"] + picture["width"]
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "marked" in card.get_attribute("class"), "pointing at the face marks its card"
    page.mouse.move(5, 5)
    mark.wait_for(state="hidden")

    other = page.locator("#mien-image [data-face='2']")
    assert other.locator(".mien-rest").is_hidden(), "a short card"
    other.focus()
    mark.wait_for()
    page.keyboard.press("Enter")
    assert other.locator(".mien-rest").or_(other.locator(".minor")).first.is_visible()


def test_a_screen_reader_gets_the_result_as_a_sentence(visit):
    page = visit().page
    open_group(page)
    page.wait_for_function(
        "document.getElementById('mien-announce').textContent.startsWith('Face 1: ')"
    )
    assert "Face 6: " in page.locator("#mien-announce").inner_text()
