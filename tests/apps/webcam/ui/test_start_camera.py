"""The camera is on only while the visitor wants it, whatever they choose while one is being opened.

Chromium runs the script on a page of its own, in which a camera opens when the test lets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from apps.webcam.ui.camera_states import start_panel, toolbar
from core.system import ROOT
from tests import browsers

pytestmark = pytest.mark.browser

URL = "http://localhost/"
"""Browsers give cameras to pages on localhost; Playwright answers this one."""
BROWSER_AND_GRADIO = """
const waiting = [];  // what waits for the browser; a problem's name makes it fail
const wait = () => new Promise((resolve, reject) => {
  waiting.push((problem) => (problem ? reject(new DOMException("", problem)) : resolve()));
});
const cameras = [];
let isDark = false, isListingSlow = false, isSending = false;

navigator.mediaDevices.getUserMedia = async () => {
  await wait();
  const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
  const camera = isDark ? new MediaStream([new MediaStreamTrackGenerator({ kind: "video" })])
    : canvas.captureStream();
  const drawing = setInterval(() => {
    context.fillRect(9 * Math.random(), 0, 9, 9);
    if (!camera.active) clearInterval(drawing);
  }, 20);
  cameras.push(camera);
  return camera;
};
navigator.mediaDevices.enumerateDevices = async () => {
  if (isListingSlow) await wait();
  return ["a", "b"].map((deviceId) => ({ kind: "videoinput", deviceId }));
};
const respond = () => {
  if (isSending) document.dispatchEvent(new CustomEvent("mien-response", { detail: { ms: 1 } }));
};
document.querySelector(".capture-button").onclick = () => {
  isSending = !isSending;
  setTimeout(respond, 0);
};
"""
STEPS = """
const pause = (ms = 0) => new Promise((resolve) => { setTimeout(resolve, ms); });
const click = async (action) => {
  document.querySelector(`[data-action=${action}]`).click();
  await pause();
};
const settle = async (isNewestFirst = false, problem = null) => {
  for (; waiting.length; await pause(5)) waiting[isNewestFirst ? "pop" : "shift"]()(problem);
  for (let i = 0; i < 100 && stage.dataset.state === "starting"; i += 1) await pause(10);
};
const tracks = () => cameras.flatMap((camera) => camera.getTracks());
const stage = document.getElementById("mien-stage");
const outcome = () => [
  stage.dataset.state, tracks().filter((track) => track.readyState === "live").length, isSending,
];
"""
LIVE, IDLE = ["live", 1, True], ["idle", 0, False]
"""Outcomes: the state, how many cameras are on, whether Gradio sends frames."""


@pytest.fixture(scope="module")
def chromium(playwright) -> Iterator[object]:
    started = browsers.launch(playwright)
    yield started
    started.close()


@pytest.fixture
def page(chromium) -> Iterator[object]:
    """The script with what it needs of the demo's page; it may throw no error."""
    script = (ROOT / "apps/webcam/ui/scripts/start_camera.js").read_text("utf-8")
    html = (
        '<button role="tab">Image</button><div id="mien-place"></div><div id="mien-stage">'
        '<div id="mien-camera"><video></video><button class="capture-button"></button></div>'
        f"{start_panel()}{toolbar()}</div>"
        f"<script>{BROWSER_AND_GRADIO}</script><script>{script}</script><script>{STEPS}</script>"
    )
    opened, errors = chromium.new_page(), []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.route("**", lambda route: route.fulfill(body=html, content_type="text/html"))
    opened.goto(URL)
    yield opened
    opened.close()
    assert not errors


def outcome_of(page, *steps: str) -> list[object]:
    """Carry out steps in JavaScript, and return what came of them."""
    return page.evaluate(f"(async () => {{ {'; '.join(steps)}; return outcome(); }})()")


START = 'await click("start"); await settle()'


@pytest.mark.parametrize(
    "is_newest_first, is_listing_slow", [(False, False), (True, False), (False, True)]
)
def test_what_the_visitor_chose_last_counts(page, is_newest_first: bool, is_listing_slow: bool):
    """All orders of three choices, of which each is made while the one before waits."""
    settle = f"await settle({str(is_newest_first).lower()})"
    outcomes, expected = {}, {}
    for choices in product(("start", "stop", "switch"), repeat=3):
        clicks = [f'await click("{choice}")' for choice in choices]
        if is_listing_slow:  # each camera is there already, but not the list of cameras
            clicks = [f"{click}; waiting.pop()?.(); await pause()" for click in clicks]
        page.evaluate(f"isListingSlow = {str(is_listing_slow).lower()}")
        outcomes[choices] = outcome_of(page, START, *clicks, settle)
        on_or_off = [choice for choice in choices if choice != "switch"]
        expected[choices] = IDLE if on_or_off and on_or_off[-1] == "stop" else LIVE
        assert outcome_of(page, 'await click("stop")') == IDLE
    assert outcomes == expected


@pytest.mark.parametrize("problem", ["NotReadableError", "NotAllowedError"])
def test_a_problem_of_a_camera_that_is_no_longer_wanted_is_not_shown(page, problem: str):
    fail = f'waiting.shift()("{problem}"); await settle()'
    for first in ("start", "switch"):
        first_click = f'await click("{first}")'
        assert outcome_of(page, START, first_click, 'await click("stop")', fail) == IDLE
        assert outcome_of(page, START, first_click, 'await click("start")', fail) == LIVE


def test_a_switch_that_fails_opens_the_next_camera_or_says_so(page):
    switch = 'await click("switch")'
    assert outcome_of(page, START, switch, 'waiting.shift()("OverconstrainedError")') == [
        "live",
        0,
        True,
    ]
    assert outcome_of(page, "await settle()") == LIVE
    fail = 'await settle(false, "NotReadableError")'
    assert outcome_of(page, switch, fail) == ["busy", 0, False]
    assert outcome_of(page, START) == LIVE


def test_a_list_of_cameras_that_fails_leaves_none_on(page):
    fail_list = 'isListingSlow = true; await click("start"); waiting.shift()(); await pause()'
    fail = 'await settle(false, "InvalidStateError")'
    assert outcome_of(page, fail_list, fail) == ["busy", 0, False]


def test_a_camera_that_ends_while_it_is_started_is_not_sent(page):
    end = "tracks().forEach((t) => { t.stop(); t.dispatchEvent(new Event('ended')); })"
    listing = 'isListingSlow = true; await click("start"); waiting.shift()(); await pause()'
    assert outcome_of(page, listing, end, "await settle()") == ["ended", 0, False]
    dark = 'isListingSlow = false; isDark = true; await click("start"); waiting.shift()()'
    assert outcome_of(page, dark, "await pause(60)") == ["starting", 1, False]
    light = "isDark = false; document.querySelector('video').srcObject = cameras[0]"
    assert outcome_of(page, end, light, "await pause(150)") == ["ended", 0, False]


def test_a_camera_that_gives_no_picture_is_turned_off(page):
    page.evaluate('isDark = true; click("start").then(() => settle())')
    page.wait_for_function("stage.dataset.state === 'busy'")
    assert outcome_of(page) == ["busy", 0, False]


def test_another_tab_of_the_page_turns_the_camera_off(page):
    hide = "stage.style.display = 'none'; await pause(300)"
    show = "stage.style.display = ''"
    asked = 'await click("start")'
    for opening in (START, f"{START}; stage.dataset.state = 'slow'", asked):
        assert outcome_of(page, opening, hide, "await settle()") == ["left", 0, False]
        assert outcome_of(page, show, "await pause(300)") == ["left", 0, False]
        assert page.inner_text("[data-action=start]") == "Start camera"
        assert outcome_of(page, START) == LIVE
    assert outcome_of(page, 'await click("stop")', hide) == IDLE
