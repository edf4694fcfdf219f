"""Frames on their way from the browser: their size, the camera they come from, a slow line."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from apps.webcam.tabs.webcam import REAR_CAMERA
from tests.apps.webcam.test_browser import go_live, shown_image

pytestmark = pytest.mark.browser

LONG_SIDE_PX = 640
PHONE = """
window.asked = [];
const devices = navigator.mediaDevices;
const getUserMedia = devices.getUserMedia.bind(devices);
devices.getUserMedia = (constraints) => {
  window.asked.push(constraints);
  return getUserMedia({ video: true });
};
const both = ["user", "environment"].map((deviceId) => ({ kind: "videoinput", deviceId }));
devices.enumerateDevices = () => Promise.resolve(both);
MediaStreamTrack.prototype.getSettings = () => {
  const { facingMode } = window.asked.at(-1).video;
  return { facingMode: facingMode.exact ?? facingMode };
};
"""
"""A phone with two cameras, which Chromium's fake one cannot be: it says what it was asked for."""
CAMERA_OF_ANY_SIZE = """
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext("2d");
  setInterval(() => {
    for (let i = 0; i < 40; i += 1) {
      context.fillStyle = `hsl(${Math.random() * 360} 60% 50%)`;
      context.fillRect(Math.random() * WIDTH, Math.random() * HEIGHT, WIDTH / 4, HEIGHT / 4);
    }
  }, 50);
  return canvas.captureStream(20);
};
"""
SENT = """window.responses = [];
document.addEventListener("mien-response", (event) => window.responses.push(event.detail.ms));"""


@pytest.fixture
def phone(browser, server) -> Callable[..., object]:
    """Opens the demo on a phone with a script, and keeps the frames that it sends."""
    contexts = []

    def open_page(script: str) -> object:
        context = browser.new_context(
            permissions=["camera"], viewport={"width": 390, "height": 844}, has_touch=True
        )
        contexts.append(context)
        context.add_init_script(f"{script}\n{SENT}")
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.frames_sent = []

        def keep(request) -> None:
            if "/stream/" in request.url and not request.url.endswith("/close"):
                page.frames_sent.append(json.loads(request.post_data)["data"][0]["url"])

        page.on("request", keep)
        page.goto(server.url)
        return page

    yield open_page
    for context in contexts:
        context.close()


def size_of(url: str) -> tuple[int, int]:
    """Width and height of a JPEG in a data URL."""
    data = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
    height, width = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).shape
    return width, height


@pytest.mark.parametrize("width, height", [(1920, 1080), (720, 1280), (320, 240)])
def test_frames_are_scaled_down_before_they_are_sent(phone, width, height):
    script = CAMERA_OF_ANY_SIZE.replace("WIDTH", str(width)).replace("HEIGHT", str(height))
    page = phone(script)
    page.get_by_role("button", name="Start camera").click()
    page.locator("#mien-stage[data-state=live]").wait_for()
    page.wait_for_timeout(1000)
    sizes = {size_of(url) for url in page.frames_sent}
    scale = min(1, LONG_SIDE_PX / max(width, height))
    assert sizes == {(round(width * scale), round(height * scale))}
    mean_kb = np.mean([len(url) for url in page.frames_sent]) / 1000
    print(f"{width} x {height}: {mean_kb:.0f} kB per frame")
    assert max(len(url) for url in page.frames_sent) < 100_000
    box = page.locator("#mien-camera").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.15), (
        "upright or wide, as the camera is"
    )


def test_the_other_camera_is_asked_for_and_not_mirrored(phone, frame):
    page = phone(PHONE)
    go_live(page)
    assert page.evaluate("window.asked.at(-1).video.facingMode") == "user"
    assert closer_to(shown_image(page, "#mien-camera"), frame[:, ::-1], frame)
    page.get_by_role("button", name="Switch camera").click()
    page.locator("#mien-stage[data-facing=environment]").wait_for()
    assert page.evaluate("window.asked.at(-1).video.facingMode.exact") == "environment"
    page.wait_for_timeout(1500)
    assert page.frames_sent[-1].startswith(REAR_CAMERA)
    assert closer_to(shown_image(page, "#mien-camera"), frame, frame[:, ::-1])
    page.get_by_role("button", name="Switch camera").click()
    page.locator("#mien-stage[data-facing=user]").wait_for()
    page.locator("#mien-stage[data-state=live]").wait_for()


def closer_to(shown: np.ndarray, one: np.ndarray, other: np.ndarray) -> bool:
    """Whether a picture is like the one rather than the other, all RGB uint8 (H, W, 3).

    On a slow machine the page sends smaller frames.
    """
    size = shown.shape[1], shown.shape[0]
    distances = [
        np.abs(shown.astype(int) - cv2.resize(picture, size)).mean() for picture in (one, other)
    ]
    return bool(distances[0] < distances[1])


def test_a_slow_line_lowers_the_rate_and_not_the_age_of_the_picture(phone):
    page = phone(PHONE)
    go_live(page)
    page.wait_for_timeout(1500)
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 100,
            "downloadThroughput": 60_000,
            "uploadThroughput": 60_000,
        },
    )
    page.evaluate("window.responses.length = 0")
    before = len(page.frames_sent)
    for _ in range(25):
        page.wait_for_timeout(1000)
        sizes = [max(size_of(url)) for url in page.frames_sent[before:]]
        shown = page.evaluate("window.responses.length")
        if shown >= 2 and sizes[-1] < LONG_SIDE_PX:
            break
    ages, sent = page.evaluate("window.responses"), page.frames_sent[before:]
    print(f"{len(sent)} frames sent, {len(ages)} shown; ms until shown: {np.round(ages)}")
    assert len(sent) - len(ages) <= 3, "nothing piles up"
    assert np.median(ages[-3:]) < 3000
    assert max(size_of(sent[-1])) < LONG_SIDE_PX, "smaller frames on a slow line"
    page.get_by_role("button", name="Stop camera").click()


def test_frames_never_queue_up_on_a_slow_line(visit):
    page = visit().page
    requests = {"open": 0, "max_open": 0, "sent": 0}

    def on_request(request) -> None:
        if "/stream/" in request.url:
            requests["open"] += 1
            requests["sent"] += 1
            requests["max_open"] = max(requests["max_open"], requests["open"])

    def on_end(request) -> None:
        requests["open"] -= "/stream/" in request.url

    page.on("request", on_request)
    page.on("requestfinished", on_end)
    page.on("requestfailed", on_end)
    go_live(page)
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 50, "downloadThroughput": -1, "uploadThroughput": 400_000},
    )
    page.wait_for_timeout(3000)
    assert requests["sent"] >= 3
    assert requests["max_open"] <= 2, (
        "one on its way and one being answered; without the guard it was a hundred"
    )
