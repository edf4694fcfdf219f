"""Other sites cannot use the demo through a visitor's browser."""

from __future__ import annotations

import pytest

from apps.webcam.serving.hosts import AllowedHosts, allowed_hosts, space_names
from tests.apps.webcam.serving.conftest import HostileDemo

LOOPBACK = allowed_hosts("127.0.0.1")
NETWORK = allowed_hosts("0.0.0.0")
SPACE = allowed_hosts("0.0.0.0", ["me-mien.hf.space", "mien.example"])


@pytest.mark.parametrize(
    ("hosts", "name", "is_admitted"),
    [
        (LOOPBACK, "localhost", True),
        (LOOPBACK, "127.0.0.1", True),
        (LOOPBACK, "::1", True),
        (LOOPBACK, "192.168.1.5", False),
        (LOOPBACK, "evil.example", False),
        (LOOPBACK, "localhost.evil.example", False),
        (LOOPBACK, None, False),
        (NETWORK, "192.168.1.5", True),
        (NETWORK, "fe80::1", True),
        (NETWORK, "evil.example", False),
        (SPACE, "me-mien.hf.space", True),
        (SPACE, "mien.example", True),
        (SPACE, "other.hf.space", False),
        (SPACE, "10.20.0.7", True),  # a Space's check that the demo is up
        (allowed_hosts("mien.lan"), "mien.lan", True),
        (allowed_hosts("[::1]"), "::1", True),
    ],
)
def test_names(hosts: AllowedHosts, name: str | None, is_admitted: bool) -> None:
    assert hosts.admits(name) == is_admitted


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({}, []),
        ({"SPACE_ID": "Me_1/mien.x"}, ["me-1-mien-x.hf.space"]),
        ({"SPACE_ID": "me/mien", "SPACE_HOST": "me-mien.hf.space"}, ["me-mien.hf.space"]),
        ({"SPACE_HOST": "mien.example,me-mien.hf.space"}, ["mien.example", "me-mien.hf.space"]),
    ],
)
def test_names_of_a_space(environment: dict[str, str], names: list[str]) -> None:
    assert space_names(environment) == names


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "[", "a b", "127.0.0.1:x"],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/config"), ("POST", "/gradio_api/upload")])
def test_an_unknown_host_is_refused(demo: HostileDemo, host: str, method: str, path: str) -> None:
    status, text = demo.request(method, path, host=host)
    assert status in (400, 403)  # 400: uvicorn's own, where it is no header
    assert b"gradio" not in text.lower()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:7860", "[::1]:7860"])
def test_a_name_of_this_computer_is_answered(demo: HostileDemo, host: str) -> None:
    assert demo.request("GET", "/config", host=host)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},  # another server on this computer
        {"origin": "http://localhost:1"},
        {"origin": ""},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    "path", ["upload", "queue/join", "call/predict", "cancel", "stream/a/close"]
)
def test_a_post_from_another_site_is_refused(
    demo: HostileDemo, headers: dict[str, str], path: str
) -> None:
    assert demo.post(f"/gradio_api/{path}", {"data": []}, **headers)[0] == 403


def test_a_post_from_the_page_itself_passes_the_check(demo: HostileDemo) -> None:
    headers = {"origin": f"http://127.0.0.1:{demo.port}", "sec_fetch_site": "same-origin"}
    assert demo.post("/gradio_api/call/predict", {"data": []}, **headers)[0] == 400


def test_a_link_from_another_site_opens_the_page(demo: HostileDemo) -> None:
    assert demo.request("GET", "/", sec_fetch_site="cross-site")[0] == 200


def test_a_foreign_forwarded_host_is_not_used(demo: HostileDemo) -> None:
    for header in ("x_forwarded_host", "x_gradio_server"):
        status, text = demo.request("GET", "/config", **{header: "http://evil.example"})
        assert status == 200
        assert b"evil.example" not in text


@pytest.mark.parametrize("origin", ["https://evil.example", ""])
def test_web_sockets_are_refused(demo: HostileDemo, origin: str) -> None:
    status, _ = demo.request(
        "GET",
        "/gradio_api/queue/join",
        connection="Upgrade",
        upgrade="websocket",
        sec_websocket_version="13",
        sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
        **({"origin": origin} if origin else {}),
    )
    assert status in (403, 404)
