"""What the page shows while the server has not answered yet; no control covers a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apps.webcam.ui import texts

pytestmark = pytest.mark.browser

COVERING = """(area) => {
  const block = document.querySelector(area).parentElement;
  const size = (e) => e.clientWidth * e.clientHeight;
  const picture = [...document.querySelectorAll(`${area} :is(video, img)`)]
    .sort((a, b) => size(b) - size(a))[0];
  const frame = picture.getBoundingClientRect();
  const width = picture.naturalWidth || picture.videoWidth;
  const height = picture.naturalHeight || picture.videoHeight;
  const scale = Math.min(frame.width / width, frame.height / height);  // object-fit: contain
  const x = (frame.width - width * scale) / 2, y = (frame.height - height * scale) / 2;
  const controls = "button, a, input, progress, [role=button], .icon-button-wrapper, .controls";
  const covers = (control) => {
    const box = control.getBoundingClientRect();
    return box.width && box.left < frame.right - x - 1 && box.right > frame.left + x + 1
      && box.top < frame.bottom - y - 1 && box.bottom > frame.top + y + 1;
  };
  return [size(picture) > 1000, [...block.querySelectorAll(controls)]
    .filter((c) => c.checkVisibility({ visibilityProperty: true }) && covers(c))
    .map((c) => c.outerHTML.slice(0, 120))];
}"""
"""Whether a picture is there, and the controls that cover a part of it, also those that only a
pointer over it shows.
"""


def test_cards_of_the_image_before_do_not_stand_beside_a_new_one(
    visit, tmp_path: Path, portrait: np.ndarray
) -> None:
    page = visit().page
    page.get_by_role("tab", name="Image").click()
    cards = page.locator("#mien-image")
    page.locator(".gallery-item").nth(1).click()
    cards.locator("[data-face='6']").wait_for()
    page.route("**/queue/join*", lambda route: None)  # the server never answers
    page.locator(".gallery-item").first.click()
    cards.get_by_text(texts.READING_IMAGE).wait_for()
    assert cards.locator(".mien-card").count() == 0
    page.unroute("**/queue/join*")

    page = visit().page
    page.get_by_role("tab", name="Image").click()
    page.route("**/queue/join*", lambda route: None)
    Image.fromarray(portrait).save(tmp_path / "a.png")
    page.locator("#mien-picture input[type=file]").first.set_input_files(tmp_path / "a.png")
    page.locator("#mien-image").get_by_text(texts.READING_IMAGE).wait_for()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (768, 1024), (320, 640), (844, 390)])
def test_no_control_covers_a_picture_and_so_a_tag(
    visit, tmp_path: Path, portrait: np.ndarray, width: int, height: int
) -> None:
    page = visit(viewport={"width": width, "height": height}).page
    page.get_by_role("button", name="Start camera").click()
    page.locator("#mien-live .mien-card").first.wait_for()
    assert page.evaluate(COVERING, "#mien-camera") == [True, []]
    page.get_by_role("button", name="Stop camera").click()

    page.get_by_role("tab", name="Image").click()
    for shape in ((200, 200), (1200, 300), (300, 1200)):  # smaller than the frame, wide, tall
        canvas = Image.new("RGB", shape, "grey")
        canvas.paste(Image.fromarray(portrait[:250, 120:370]).resize((200, 200)), (0, 0))
        canvas.save(tmp_path / "a.png")
        page.locator("#mien-picture input[type=file]").first.set_input_files(tmp_path / "a.png")
        page.locator("#mien-image .mien-card").wait_for()
        page.wait_for_function(
            "w => document.querySelector('#mien-picture img')?.naturalWidth == w", arg=shape[0]
        )
        assert page.evaluate(COVERING, "#mien-picture") == [True, []], shape
        page.get_by_role("button", name="Fullscreen", exact=True).click()
        page.locator("#mien-picture.fullscreen").wait_for()
        assert page.evaluate(COVERING, "#mien-picture") == [True, []], f"{shape}, full screen"
        page.get_by_role("button", name="Exit fullscreen mode").click()

    page.get_by_role("tab", name="Video").click()
    page.get_by_role("button", name="Try the example clip").click()
    page.wait_for_function("document.querySelector('#mien-video-out video')?.readyState >= 2")
    page.locator("#mien-video-out video").hover()
    assert page.evaluate(COVERING, "#mien-video-out") == [True, []]
