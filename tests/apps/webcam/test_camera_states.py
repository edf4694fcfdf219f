"""The button that starts the camera, in a real Chromium: each reason why there is no picture, in a
sentence with a way out, and the way back once the reason is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apps.webcam.ui.camera_states import SENTENCES, SLOW_LINE
from tests import browsers
from tests.apps.webcam.conftest import FLAGS, OTHER_NAME, Server

pytestmark = pytest.mark.browser

FAIL_WITH = """(name) => {
  const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.failWith = name;
  navigator.mediaDevices.getUserMedia = (constraints) => window.failWith
    ? Promise.reject(new DOMException("from the browser", window.failWith)) : original(constraints);
}"""
OpenPage = Callable[..., object]


@pytest.fixture(scope="module")
def browser_with(playwright, camera_file: Path) -> Iterator[Callable]:
    """Chromium with more flags, or with the fake camera's picture; started once for each."""
    started = {}

    def start(*flags: str) -> object:
        if flags not in started:
            more = flags or (f"--use-file-for-fake-video-capture={camera_file}",)
            started[flags] = browsers.launch(playwright, [*FLAGS, *more])
        return started[flags]

    yield start
    for chromium in started.values():
        chromium.close()


@pytest.fixture
def open_page(browser_with: Callable) -> Iterator[OpenPage]:
    """Opens an address in a Chromium with flags of its own; no page may throw an error."""
    contexts, errors = [], []

    def open_with(url: str, *flags: str, script: str | None = None, allow: bool = True) -> object:
        context = browser_with(*flags).new_context(permissions=["camera"] if allow else [])
        contexts.append(context)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.goto(url)
        return page

    yield open_with
    for context in contexts:  # else its camera goes on beside the other tests
        context.close()
    assert not errors


def press_start(page) -> None:
    page.get_by_role("button", name="Start camera").click()


def expect(page, state: str) -> None:
    """The page says what is wrong and offers a retry and an example."""
    page.locator(f"#mien-stage[data-state={state}]").wait_for()
    assert page.locator("#mien-camera-message").inner_text() == SENTENCES[state]
    assert page.get_by_role("button", name="Try again").is_visible()
    assert page.get_by_role("button", name="Try an example").is_visible()


def expect_live(page) -> None:
    page.locator("#mien-stage[data-state=live]").wait_for()
    page.locator("#mien-live .mien-card").first.wait_for()


def test_one_click_starts_and_stopping_turns_the_camera_off(open_page, server: Server):
    page = open_page(server.url)
    assert page.get_by_role("button", name="Record").count() == 0
    press_start(page)
    expect_live(page)
    assert not page.locator("#mien-camera .button-wrap").is_visible(), "Gradio's buttons are hidden"
    tracks = "document.querySelector('#mien-camera video').srcObject.getTracks()"
    page.get_by_role("button", name="Stop camera").click()
    assert page.evaluate(f"{tracks}.map(track => track.readyState)") == ["ended"]
    assert page.locator("#mien-camera-message").inner_text() == SENTENCES["idle"]
    press_start(page)
    expect_live(page)
    page.evaluate(f"{tracks}.forEach(t => {{ t.stop(); t.dispatchEvent(new Event('ended')); }})")
    expect(page, "ended")


@pytest.mark.parametrize("by_example", [False, True])
def test_another_tab_of_the_demo_turns_the_camera_off(open_page, server: Server, by_example: bool):
    page = open_page(server.url)
    press_start(page)
    expect_live(page)
    tracks = "document.querySelector('#mien-camera video').srcObject.getTracks()"
    page.evaluate(f"window.opened = {tracks}")
    if by_example:  # offered while the first picture takes long
        page.locator("[data-action=example]").dispatch_event("click")
        page.locator("#mien-image .mien-card").first.wait_for()
    else:
        page.get_by_role("tab", name="About").click()
    page.wait_for_function("opened.every(track => track.readyState === 'ended')")
    page.get_by_role("tab", name="Webcam").click()
    assert page.locator("#mien-camera-message").inner_text() == SENTENCES["left"]
    press_start(page)
    expect_live(page)


def test_a_denied_camera(open_page, server: Server):
    page = open_page(server.url, "--use-fake-ui-for-media-stream=deny", allow=False)
    press_start(page)
    expect(page, "denied")


def test_asking_is_said_and_needs_no_button(open_page, server: Server):
    never = "navigator.mediaDevices.getUserMedia = () => new Promise(() => {})"
    page = open_page(server.url, script=never)
    press_start(page)
    page.get_by_text(SENTENCES["asking"]).wait_for()
    page.get_by_role("button", name="Try again").wait_for(state="hidden")


def test_no_camera_and_the_offered_example(open_page, server: Server):
    page = open_page(server.url, "--use-fake-device-for-media-stream=device-count=0")
    press_start(page)
    expect(page, "missing")
    page.get_by_role("button", name="Try an example").click()
    page.locator("#mien-image .mien-card").first.wait_for()


@pytest.mark.parametrize(
    "error, state",
    [("NotReadableError", "busy"), ("AbortError", "busy"), ("TypeError", "busy")],
)
def test_a_busy_camera_and_the_retry(open_page, server: Server, error: str, state: str):
    page = open_page(server.url, script=f"({FAIL_WITH})({error!r})")
    press_start(page)
    expect(page, state)
    assert "from the browser" not in page.inner_text("body")
    page.evaluate("window.failWith = null")
    page.get_by_role("button", name="Try again").click()
    expect_live(page)


def test_an_insecure_origin(open_page, server: Server):
    url = server.url.replace("127.0.0.1", OTHER_NAME)
    page = open_page(url, f"--host-resolver-rules=MAP {OTHER_NAME} 127.0.0.1")
    assert not page.evaluate("window.isSecureContext")
    press_start(page)
    expect(page, "insecure")


@pytest.mark.parametrize("allow", ["", "camera *"])
def test_a_frame_with_and_without_the_camera(open_page, server: Server, allow: str):
    outer = f'<iframe src="{server.url}" allow="{allow}" width=1200 height=900></iframe>'
    other_site = server.url.replace("127.0.0.1", "localhost") + "/outer"
    # A page that Playwright answers counts as one on the internet.
    page = open_page("about:blank", "--disable-features=LocalNetworkAccessChecks")
    page.route(other_site, lambda route: route.fulfill(body=outer, content_type="text/html"))
    page.goto(other_site)
    frame = page.frame_locator("iframe")
    press_start(frame)
    if allow:
        frame.locator("#mien-stage[data-state=live]").wait_for()
        return
    frame.locator("#mien-stage[data-state=framed]").wait_for()
    link = frame.get_by_role("link", name="Open in its own tab")
    assert link.evaluate("link => link.href").rstrip("/") == server.url
    assert link.get_attribute("target") == "_blank"


def test_a_server_that_does_not_answer(open_page, server: Server):
    page = open_page(server.url)
    page.route("**/queue/join*", lambda route: None)  # neither answered nor refused
    press_start(page)
    page.locator("#mien-stage[data-state=slow]").wait_for()
    expect(page, "slow")


def test_a_line_that_breaks_off(open_page, server: Server):
    page = open_page(server.url)
    press_start(page)
    expect_live(page)
    page.route("**/stream/*", lambda route: None)
    page.get_by_text(SLOW_LINE).wait_for()
    expect(page, "lost")
