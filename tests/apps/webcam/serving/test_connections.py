"""Connections without requests do not take the place of others."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from http.client import HTTPConnection

import pytest

from apps.webcam.serving import clients
from apps.webcam.serving.connections import MAX_IDLE_PER_PEER
from apps.webcam.serving.housekeeping import WATCH_SECONDS
from tests.apps.webcam.conftest import wait_until
from tests.apps.webcam.serving.conftest import HostileDemo


def connect(demo: HostileDemo, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", demo.port), timeout=30)
    connection.sendall(sent)
    return connection


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: loc",
        b"GET /theme.css HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\n",
    ],
)
def test_a_connection_without_a_whole_request_is_closed(demo: HostileDemo, sent: bytes) -> None:
    with connect(demo, sent) as connection:
        while connection.recv(65_536):
            pass


def test_a_connection_that_waits_for_results_stays(demo: HostileDemo) -> None:
    request = b"GET /gradio_api/heartbeat/abc HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connect(demo, request) as waiting, connect(demo, b"") as idle:
        assert b" 200 " in waiting.recv(4096)
        assert idle.recv(1) == b"", "the demo has closed this one meanwhile"
        waiting.setblocking(False)
        with pytest.raises(BlockingIOError):
            while waiting.recv(4096):
                pass


def test_of_too_many_idle_connections_those_used_last_stay(demo: HostileDemo) -> None:
    """Visitors behind one proxy share a peer; an honest one uses its connection again."""
    connection = HTTPConnection("127.0.0.1", demo.port, timeout=30)
    with ExitStack() as stack:
        for _ in range(2 * MAX_IDLE_PER_PEER):
            stack.enter_context(connect(demo, b""))
            connection.request("GET", "/theme.css", headers={"Host": "localhost"})
            assert connection.getresponse().read()
        for _ in range(8):
            time.sleep(2 * WATCH_SECONDS / 3)
            connection.request("GET", "/theme.css", headers={"Host": "localhost"})
            assert connection.getresponse().read()
            assert connection.sock is not None, "it was not opened again"
    connection.close()


def test_one_client_has_a_limit_of_requests(demo: HostileDemo) -> None:
    request = (
        b"GET /gradio_api/heartbeat/abc HTTP/1.1\r\nHost: localhost\r\n"
        b"X-Forwarded-For: 198.51.100.20\r\n\r\n"
    )
    address = {"x_forwarded_for": "198.51.100.20"}
    with ExitStack() as stack:
        for _ in range(clients.MAX_REQUESTS):
            stack.enter_context(connect(demo, request)).recv(4096)
        assert demo.request("GET", "/config", **address)[0] == 429
        assert demo.request("GET", "/config", x_forwarded_for="198.51.100.21")[0] == 200
    assert wait_until(lambda: demo.request("GET", "/config", **address)[0] == 200)


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("127.0.0.1", clients.THIS_COMPUTER),
        ("::1", clients.THIS_COMPUTER),
        ("::ffff:127.0.0.1", clients.THIS_COMPUTER),
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("unix", "unix"),
    ],
)
def test_whom_a_request_counts_for(host: str, client: str) -> None:
    assert clients.client_of({"client": (host, 1)}) == client


def test_who_has_no_address_counts_together() -> None:
    assert clients.client_of({}) == clients.client_of({"client": None}) == ""
