"""What the page shows while the server has not answered yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apps.webcam.ui import texts

pytestmark = pytest.mark.browser


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
