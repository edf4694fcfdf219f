"""What hostile visitors do, each act once: over raw HTTP, from a few addresses, with a seed.

The addresses are of networks reserved for documentation; the demo takes them from
`X-Forwarded-For`, as behind a proxy on this computer.
"""

from __future__ import annotations

import json
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from apps.webcam.benchmarks import multipart
from apps.webcam.benchmarks.visitors import StreamEndpoint, Visitor

ADDRESSES = tuple(f"203.0.113.{number}" for number in range(1, 6))
PAUSE_SECONDS = 0.2
"""Mean time between two acts of one hostile visitor."""
TIMEOUT_SECONDS = 10.0
REMOTE = ("http://canary.example/a.png", "https://8.8.8.8/a.png", "//canary.example/a")
POSTS = ("queue/join", "call/predict", "run/predict", "stream/x", "cancel", "component_server")
GETS = ("file=http://canary.example/a", "proxy=https://canary.hf.space/a", "deep_link", "file=/etc")


@dataclass
class HostileVisitor(Visitor):
    """One thread that attacks until it is stopped.

    Attributes:
        endpoint: The demo.
        frame: A data URL of a camera frame.
        seed: Decides what it does; the answers decide when.
        acts: How often it did what.
        statuses: How often it got which HTTP status; 0 for a connection that was closed.
    """

    endpoint: StreamEndpoint
    frame: bytes
    seed: int
    acts: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)  # noqa: S311  # no secret, and repeatable
        super().__init__(self._run)

    def _run(self) -> None:
        acts: tuple[Callable[[], None], ...] = (
            self._name_remote_files,
            self._send_nonsense,
            self._come_from_another_site,
            self._idle,
            self._read_nothing,
            self._break_off_an_upload,
            self._upload_and_go,
            self._predict_on_damaged_pictures,
            self._hold_connections,
        )
        while not self._is_leaving.is_set():
            act = self._rng.choice(acts)
            self.acts[act.__name__.strip("_")] += 1
            with suppress(OSError, HTTPException):
                act()
            self._is_leaving.wait(self._rng.expovariate(1 / PAUSE_SECONDS))

    def _request(self, method: str, path: str, body: bytes = b"", **more: str) -> bytes:
        """Send one request and return what came back; count its status."""
        headers = {"X-Forwarded-For": self._rng.choice(ADDRESSES), **more}
        connection = HTTPConnection(self.endpoint.host, self.endpoint.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, f"{self.endpoint.prefix}/{path}", body, headers)
            response = connection.getresponse()
            self.statuses[response.status] += 1
            return response.read()
        except (OSError, HTTPException):
            self.statuses[0] += 1
            raise
        finally:
            connection.close()

    def _post(self, path: str, value: object, **more: str) -> dict[str, object]:
        answer = json.loads(self._request("POST", path, json.dumps(value).encode(), **more) or "{}")
        return answer if isinstance(answer, dict) else {}

    def _name_remote_files(self) -> None:
        value: object = {
            "path": self._rng.choice(REMOTE),
            "url": self._rng.choice(REMOTE),
            "meta": {"_type": "gradio.FileData"},
        }
        for _ in range(self._rng.randrange(3)):
            value = self._rng.choice(([value], {"image": value}, {"path": value}))
        data = [value] * self._rng.randint(1, 2)
        body = {"data": data, "fn_index": self._rng.randrange(9), "session_hash": "hostile"}
        self._post(self._rng.choice(POSTS), body)
        self._request("GET", self._rng.choice(GETS))

    def _send_nonsense(self) -> None:
        body = self._rng.choice(
            (self._rng.randbytes(200), b"[" * 50_000, b'{"data": 1e999}', b'{"fn_index": -1}')
        )
        self._request("POST", self._rng.choice((*POSTS, "upload")), body)

    def _come_from_another_site(self) -> None:
        headers = self._rng.choice(({"Origin": "https://evil.example"}, {"Host": "evil.example"}))
        self._post("call/predict", {"data": [None]}, **headers)

    def _join(self) -> tuple[str, str]:
        """Open a live stream; return its session and its event, which is empty if refused."""
        session = f"hostile{self._rng.getrandbits(40):x}"
        body = {
            "data": [{"path": None, "url": self.frame.decode()}, None],
            "fn_index": self.endpoint.function,
            "session_hash": session,
            "trigger_id": self.endpoint.trigger,
        }
        return session, str(self._post("queue/join", body).get("event_id", ""))

    def _idle(self) -> None:
        self._join()

    def _read_nothing(self) -> None:
        session, event = self._join()
        if not event:
            return
        with self._connect() as connection:
            query = f"queue/data?session_hash={session}"
            connection.sendall(self._head("GET", query, 0))
            body = {"data": [{"path": None, "url": self.frame.decode()}, None]}
            for _ in range(20):
                self._post(f"stream/{event}", body)
                if self._is_leaving.wait(0.2):
                    break

    def _connect(self) -> socket.socket:
        address = (self.endpoint.host, self.endpoint.port)
        return socket.create_connection(address, timeout=TIMEOUT_SECONDS)

    def _head(self, method: str, path: str, length: int) -> bytes:
        return (
            f"{method} {self.endpoint.prefix}/{path} HTTP/1.1\r\nHost: localhost\r\n"
            f"X-Forwarded-For: {self._rng.choice(ADDRESSES)}\r\nContent-Length: {length}\r\n"
            f"Content-Type: {multipart.CONTENT_TYPE}\r\n\r\n"
        ).encode()

    def _break_off_an_upload(self) -> None:
        with self._connect() as connection:
            part = multipart.encode_upload("a.jpg", b"a" * 300_000)
            connection.sendall(self._head("POST", "upload", 10**7) + part)
            time.sleep(self._rng.random())

    def _upload_and_go(self) -> None:
        content = self._rng.randbytes(self._rng.choice((1000, 10**6, 5 * 10**6)))
        body = multipart.encode_upload("a.jpg", content)
        self._request("POST", "upload", body, **{"Content-Type": multipart.CONTENT_TYPE})

    def _predict_on_damaged_pictures(self) -> None:
        cut = self.frame[: self._rng.randint(40, len(self.frame)) // 4 * 4 + 23]
        self._post("call/predict", {"data": [{"url": cut.decode()}]})

    def _hold_connections(self) -> None:
        held: list[socket.socket] = []
        try:
            held.extend(self._connect() for _ in range(20))
            for connection in held:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: loc")
            self._is_leaving.wait(2)
        finally:
            for connection in held:
                connection.close()
