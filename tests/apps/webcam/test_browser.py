"""The demo in a real Chromium with a fake camera. The `visit` fixture also checks that no page asks
another host or throws an error.
"""

from __future__ import annotations

import base64
import csv
import io
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from apps.webcam.benchmarks.visitors import SimulatedVisitor, camera_frames, find_stream
from apps.webcam.page import MAX_LIVE_STREAMS
from apps.webcam.ui.overlay import COLOURS
from core.labels import FERPLUS8
from tests.apps.webcam.conftest import wait_until
from tests.apps.webcam.frame_rates import best_rates, frames_per_second
from tests.apps.webcam.videos.test_annotation import film

pytestmark = pytest.mark.browser
WHOLE_BROWSER = True  # see `browser`: once as visitors have it

LEGEND_IS_BELOW = """() => {
  const [plot, title, legend] = [" .main-svg", " .x2title", " .legend"].map(
    (part) => document.querySelector("#mien-video-plot .js-plotly-plot" + part)
      .getBoundingClientRect());
  return plot.width <= innerWidth && plot.width > 0.8 * Math.min(innerWidth, 1180) - 60
    && title.bottom <= legend.top;
}"""


def go_live(page) -> None:
    """What a visitor does: allow the camera, press the button, wait for the first prediction."""
    page.get_by_role("button", name="Start camera").click()
    page.locator("#mien-live .mien-card").first.wait_for()


def shown_image(page, where: str) -> np.ndarray:
    """The picture on the page, RGB uint8 (H, W, 3)."""
    url = page.locator(f"{where} img").first.get_attribute("src")
    assert url.startswith("data:image/jpeg;base64,"), (
        "shown from memory, not from a file of the server"
    )
    return cv2.imdecode(
        np.frombuffer(base64.b64decode(url.split(",")[1]), np.uint8), cv2.IMREAD_COLOR
    )[..., ::-1]


def near(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    """Pixels of about that colour."""
    return int((np.abs(picture.astype(int) - colour).max(axis=2) < 30).sum())


def test_a_face_in_front_of_the_camera(visit, server, record_property):
    page = visit().page
    go_live(page)
    (rate,) = best_rates([page], 4, 5)
    record_property("frames_per_second", round(rate, 1))
    print(f"frames/s end to end: {rate:.1f}")
    assert rate >= 5

    card = page.locator("#mien-live .mien-card")
    assert card.count() == 1
    assert card.get_attribute("data-face") == "1", "the same face from the first frame on"
    emotion, gender, age = (
        card.locator(f"[data-attribute={name}]") for name in ("emotion", "gender", "age")
    )
    assert all(label in emotion.inner_text() for label in FERPLUS8.labels)
    p = [float(v) for v in emotion.locator("data").evaluate_all("all => all.map(e => e.value)")]
    missing = len(FERPLUS8.labels) - len(p)
    assert 1 - 0.01 * missing - 0.01 < sum(p) <= 1.01, "what is missing has less than 1 % each"
    assert "Perceived gender" in gender.inner_text()
    assert gender.locator("data").count() >= 1
    assert re.search(r"\d+–\d+ years", age.inner_text())
    page.get_by_role("button", name="Details").first.click()
    page.locator("#mien-live-readout dd").first.wait_for()
    readout = page.locator("#mien-live-readout").inner_text()
    for word in ("frames/s", "detect", "align", "net", "total"):
        assert word in readout
    assert "Face detector:" in "".join(page.locator(".mien-status").all_inner_texts())

    # smaller for a while after a moment's load, see SIZES in scripts/frames.js
    assert wait_until(lambda: shown_image(page, "#mien-camera").shape == (480, 640, 3))
    picture = shown_image(page, "#mien-camera")
    assert max(near(picture, colour) for colour in COLOURS.values()) > 150, "the box is drawn"
    assert server.files() == [], "no frame on the disk"

    page.get_by_role("button", name="Stop camera").click()
    page.wait_for_timeout(800)
    assert frames_per_second([page], 1) == [0]
    page.get_by_role("button", name="Start camera").click()
    page.locator("#mien-stage[data-state=live]").wait_for()
    assert best_rates([page], 2, 2)[0] > 2, "it can be started again"


def test_two_visitors_at_once(visit):
    pages = [visit().page for _ in range(2)]
    for page in pages:
        go_live(page)
    rates = best_rates(pages, 3, 2)
    print(f"frames/s of two visitors: {rates[0]:.1f} and {rates[1]:.1f}")
    assert min(rates) > 2, (
        "the rate depends on other load; two browsers and the server share the cores"
    )
    for page in pages:  # each visitor's faces are numbered by themselves
        page.locator("#mien-live [data-face='1']").wait_for()


def test_a_ninth_visitor_sees_their_place_and_then_gets_one(visit, server, frame):
    endpoint, frames = find_stream(server.url), camera_frames(frame, 10)
    others = [SimulatedVisitor(endpoint, frames, rate=1) for _ in range(MAX_LIVE_STREAMS)]
    for other in others:
        other.start()
    page = visit().page
    try:
        while not all(other.received for other in others):
            page.wait_for_timeout(50)
        page.get_by_role("button", name="Start camera").click()
        page.get_by_text("You are number 1 of 1 in the queue").wait_for()
    finally:
        for other in others:
            other.stop()
    page.locator("#mien-live .mien-card").first.wait_for()
    assert page.locator("#mien-place").inner_text() == ""
    assert [other.errors for other in others] == [[]] * MAX_LIVE_STREAMS


def bad_uploads(folder: Path, portrait: np.ndarray) -> dict[str, tuple[Path, str]]:
    """Files that people do upload, and words of the message that each must give."""
    jpeg = io.BytesIO()
    Image.fromarray(portrait).save(jpeg, "JPEG")
    contents = {
        "text.jpg": (b"this is text", "Expected the picture to be a JPEG"),
        "empty.png": (b"", "no data"),
        "cut.jpg": (jpeg.getvalue()[: len(jpeg.getvalue()) // 2], "damaged"),
    }
    for name, (content, _) in contents.items():
        (folder / name).write_bytes(content)
    Image.new("RGB", (1, 1), "red").save(folder / "one.png")
    Image.fromarray(np.full((300, 400, 3), 200, np.uint8)).save(folder / "wall.png")
    words = {name: word for name, (_, word) in contents.items()}
    words |= {
        "one.png": "No face found in this image of 1 × 1 pixels",
        "wall.png": "No face found",
    }
    return {name: (folder / name, word) for name, word in words.items()}


def test_images_good_and_bad(visit, tmp_path, portrait):
    page = visit().page
    page.get_by_role("tab", name="Image").click()
    cards = page.locator("#mien-image")
    for path, words in bad_uploads(tmp_path, portrait).values():
        if page.get_by_label("Clear").is_visible():
            page.get_by_label("Clear").click()
            page.get_by_label("Clear").wait_for(state="hidden")
            page.wait_for_timeout(500)  # the page makes a new input
        page.locator("#mien-picture input[type=file]").first.set_input_files(path)
        cards.get_by_text(words).wait_for()
        assert "Traceback" not in page.inner_text("body")
        assert str(tmp_path) not in cards.inner_text()
    assert page.locator(".toast-wrap .error").count() == 0

    if page.get_by_label("Clear").is_visible():
        page.get_by_label("Clear").click()
        page.get_by_label("Clear").wait_for(state="hidden")
        page.wait_for_timeout(500)  # the page makes a new input
    Image.fromarray(np.concatenate([portrait, portrait[:, ::-1]], axis=1)).save(
        tmp_path / "two.webp"
    )
    page.locator("#mien-picture input[type=file]").first.set_input_files(tmp_path / "two.webp")
    cards.locator("[data-face='2']").wait_for()
    assert cards.locator(".mien-card").count() == 2
    assert shown_image(page, "#mien-picture").shape == (512, 1024, 3)

    page.locator(".gallery-item").first.click()
    page.wait_for_function("document.querySelectorAll('#mien-image .mien-card').length == 1")


def test_the_example_clip_is_one_click_away(visit):
    page = visit(viewport={"width": 320, "height": 640}).page
    page.get_by_role("tab", name="Video").click()
    page.get_by_role("button", name="Try the example clip").click()
    page.locator("#mien-video-status").get_by_text("frames read").wait_for()
    page.wait_for_function("document.querySelector('#mien-video-out video')?.readyState >= 2")
    title, menu = (
        page.locator(f"#mien-video-plot {part}").first
        for part in (".annotation-text", ".updatemenu-header-group")
    )
    menu.wait_for()
    page.wait_for_timeout(500)  # the plot is fitted to the page
    title_box, menu_box = title.bounding_box(), menu.bounding_box()
    assert title_box["x"] + title_box["width"] < menu_box["x"], "side by side on a phone"


def test_a_video(visit, server, tmp_path, frame):
    page = visit(accept_downloads=True).page
    page.get_by_role("tab", name="Video").click()
    chooser = page.locator("#mien-video-in input[type=file]")
    (tmp_path / "bad.mp4").write_bytes(b"this is text")
    chooser.set_input_files(tmp_path / "bad.mp4")
    page.locator("#mien-video-status").get_by_text("another kind of file").wait_for()

    chooser.set_input_files(
        film(tmp_path / "clip.mp4", [np.roll(frame, 3 * k, axis=1) for k in range(20)])
    )
    page.locator("#mien-video-status").get_by_text("20 frames read, 1 face tracked").wait_for()
    page.wait_for_function("document.querySelector('#mien-video-out video')?.readyState >= 2")
    player = page.locator("#mien-video-out video")
    size = player.evaluate("v => [v.duration, v.videoWidth, v.videoHeight]")
    assert size == pytest.approx([2.0, 640, 480], abs=0.1)
    player.evaluate("v => { v.muted = true; return v.play(); }")
    page.wait_for_function("document.querySelector('#mien-video-out video').currentTime > 0.2")
    page.locator("#mien-video-plot .js-plotly-plot .main-svg").first.wait_for()
    # A probability that stays at 0 is a flat line, which a browser calls hidden: it must be there,
    # not be tall.
    page.locator("#mien-video-plot .js-plotly-plot .scatterlayer .trace").first.wait_for(
        state="attached"
    )
    assert page.locator("#mien-video-plot .legendtext").all_text_contents()[:2] == list(
        FERPLUS8.labels[:2]
    )
    for width in (390, 1280):  # the legend lay over the axis in a window that had grown
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function(LEGEND_IS_BELOW)

    with page.expect_download() as download:
        page.locator("#mien-video-csv").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    assert len(rows) == 20
    assert {row["face"] for row in rows} == {"1"}

    assert server.files(), "the results are there while the visitor is"
    page.close()
    assert wait_until(lambda: not server.files(), 15), f"left after the visitor: {server.files()}"


@pytest.mark.parametrize("width, scheme", [(390, "light"), (390, "dark"), (360, "light")])
def test_every_page_fits_a_phone(visit, width, scheme):
    page = visit(viewport={"width": width, "height": 844}, color_scheme=scheme).page
    for tab in ("Webcam", "Image", "Video", "About"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, tab
    text = page.locator("#mien-about").inner_text()
    for words in ("at work or in education", "Perceived gender", "Only for people who have agreed"):
        assert words in text


def test_the_keyboard_is_enough(visit):
    page = visit().page
    page.get_by_role("tab", name="Webcam").focus()
    for _ in range(5):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Start camera":
            break
    page.keyboard.press("Enter")
    page.locator("#mien-stage[data-state=live]").wait_for()
    assert page.evaluate("document.activeElement.innerText") == "Stop camera"
    page.keyboard.press("Enter")
    page.locator("#mien-stage[data-state=idle]").wait_for()
    assert page.evaluate("document.activeElement.innerText") == "Start camera"


@pytest.mark.parametrize("way", ["stop", "leave"])
def test_an_unfinished_video_goes_on_and_leaves_nothing(visit, server, tmp_path, frame, way):
    page = visit().page
    page.get_by_role("tab", name="Video").click()
    source = film(
        tmp_path / "long.mp4", [np.roll(frame, 3 * k, axis=1) for k in range(60)] * 6, rate=20
    )
    page.locator("#mien-video-in input[type=file]").set_input_files(source)
    status = page.locator("#mien-video-status")
    status.get_by_text("s of video read").wait_for()
    if way == "stop":
        page.get_by_role("button", name="Stop", exact=True).click()
        status.get_by_text("Stopped at").wait_for()
        page.wait_for_function("document.querySelector('#mien-video-out video')?.readyState >= 2")
        page.get_by_role("button", name="Go on").click()
        # what is left may be read in less time than there is between two reports of progress
        status.get_by_text("Stopped at").wait_for(state="hidden")
    page.close()
    assert wait_until(lambda: not server.files(), 15), f"left: {server.files()}"
