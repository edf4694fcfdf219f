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


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_axe_finds_nothing_serious(visit, scheme, width):
    page = visit(color_scheme=scheme, viewport={"width": width, "height": 800}).page
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
    page.get_by_role("tab", name="Video").click()
    page.get_by_role("button", name="Try the example clip").click()
    page.locator("#mien-video-status").get_by_text("frames read").wait_for()
    findings["video read"] = serious_findings(page)
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


FOCUSED = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
  if (e === document.body) return null;
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  let behind = e;  // the first ground that is not clear
  while (behind && (numbers(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) {
    behind = behind.parentElement;
  }
  return {
    key: [...document.querySelectorAll("*")].indexOf(e), html: e.outerHTML.slice(0, 90),
    isInView: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    outline: [style.outlineStyle, parseFloat(style.outlineWidth)],
    outlineColour: numbers(style.outlineColor).slice(0, 3),
    ground: numbers(getComputedStyle(behind ?? document.body).backgroundColor).slice(0, 3),
  };
}"""
OPERABLE = """() => [...document.querySelectorAll("*")].map((e, i) => [e, i]).filter(([e]) =>
  e.matches("button:not([disabled]), a[href], summary, [tabindex='0']")
  && e.tabIndex >= 0 && e.checkVisibility({ visibilityProperty: true, opacityProperty: true })
  && e.getBoundingClientRect().width > 0).map(([, i]) => i)"""


def contrast(a: list[float], b: list[float]) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2)."""

    def luminance(colour: list[float]) -> float:
        parts = [c / 255 for c in colour]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True))

    bright, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1280, 720, "light"), (390, 844, "dark"), (320, 640, "light")]
)
def test_tab_reaches_all_that_can_be_used_and_shows_where_it_is(visit, width, height, scheme):
    page = visit(viewport={"width": width, "height": height}, color_scheme=scheme).page
    page.get_by_role("button", name="Start camera").wait_for()
    tabs = ["Webcam", "Image", "Video", "About"]
    page.get_by_role("tab", name=tabs[0]).focus()
    for i, tab in enumerate(tabs):
        if i:  # from tab to tab by the arrow keys
            page.get_by_role("tab", name=tabs[i - 1]).focus()
            page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.innerText").strip() == tab
        page.wait_for_timeout(700)
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("Home")
        page.mouse.click(2, 2)
        expected, reached = set(page.evaluate(OPERABLE)), []
        for _ in range(len(expected) + 20):
            page.keyboard.press("Tab")
            focused = page.evaluate(FOCUSED)
            if focused is None:
                break
            for _ in range(10):
                if focused["isInView"]:
                    break
                page.wait_for_timeout(500)  # a busy machine scrolls later
                focused = page.evaluate(FOCUSED)
            reached.append(focused)
        else:
            raise AssertionError(f"a trap: {reached[-5:]}")
        assert not expected - {f["key"] for f in reached}, f"not reached on {tab}"
        for f in reached:
            assert f["isInView"], f
            assert f["outline"][0] == "solid" and f["outline"][1] >= 2, f
            assert contrast(f["outlineColour"], f["ground"]) >= 3 or "data-action" in f["html"], f
