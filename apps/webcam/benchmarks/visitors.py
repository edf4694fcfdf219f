"""Visitors made up for a load test: each has a session, sends a camera's frames and reads the
answers as the demo's page does.

Every frame carries its number as a row of black and white squares along its lower edge, and so does
the picture that comes back: what is measured is the age of what a visitor really sees, whatever the
server queued, dropped or mixed up.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

CELL, BITS = 16, 10
"""Pixels of a square, a multiple of JPEG's blocks; bits of a number, each followed by its opposite,
so that a damaged mark is noticed.
"""
QUICK_S, LOST_S = 0.25, 1.0
"""As in camera.js: while answers come so quickly, two frames may be unanswered, else one; after so
long an answer counts as lost.
"""
SILENCE_S = 20.0
"""A server that says nothing for so long counts as gone."""
JSON = {"Content-Type": "application/json"}
FAILURES = (OSError, HTTPException, ValueError, KeyError, TypeError, IndexError)


def stamp(frame: np.ndarray, number: int) -> None:
    """Draws `number` (0 to 2 ** BITS - 1) into the lower left of a picture (H, W, 3)."""
    bits = np.array([(number >> i) & 1 for i in range(BITS)], np.uint8)
    row = np.stack([bits, 1 - bits], axis=1).ravel() * np.uint8(255)  # (2 * BITS,)
    frame[-CELL:, : CELL * 2 * BITS] = np.repeat(row, CELL)[None, :, None]


def read_stamp(jpeg: bytes) -> int | None:
    """The number in a JPEG's lower left, None where there is none; decodes an eighth of the
    resolution.
    """
    small = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    per = CELL // 8
    if small is None or small.shape[0] < per or small.shape[1] < per * 2 * BITS:
        return None
    cells = small[-per:, : per * 2 * BITS].reshape(per, 2 * BITS, per).mean(axis=(0, 2)) > 127
    bits, opposite = cells[0::2], cells[1::2]
    return int(bits @ (1 << np.arange(BITS))) if (bits != opposite).all() else None


def camera(picture: np.ndarray, frames: int) -> list[bytes]:
    """`frames` data URLs of the picture swaying sideways, numbered from 0, encoded as Chromium's
    canvas does (JPEG, quality 92).
    """
    urls = []
    for k in range(frames):
        moved = np.roll(picture, round(12 * np.sin(2 * np.pi * k / 40)), axis=1)
        stamp(moved, k)
        data = cv2.imencode(
            ".jpg", cv2.cvtColor(moved, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92]
        )[1]
        urls.append(b"data:image/jpeg;base64," + base64.b64encode(data.tobytes()))
    return urls


@dataclass(frozen=True, slots=True)
class Door:
    """Where the live view's stream is answered: host, port, path before every call, and the number
    of its function.
    """

    host: str
    port: int
    prefix: str
    function: int
    trigger: int

    def connect(self) -> HTTPConnection:
        """A new connection, not opened yet."""
        return HTTPConnection(self.host, self.port, timeout=SILENCE_S)


def door(url: str) -> Door:
    """Asks a running demo for its stream.

    Raises:
        ValueError: no such demo there.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(
            f"Expected the address to be like http://127.0.0.1:7860, got {url!r}; try the one that the demo prints."
        )
    root = parts.path.rstrip("/")
    connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=SILENCE_S)
    try:
        connection.request("GET", f"{root}/config")
        config = json.loads(connection.getresponse().read())
        live = next(d for d in config["dependencies"] if d.get("connection") == "stream")
        return Door(
            parts.hostname,
            parts.port or 80,
            root + config["api_prefix"],
            live["id"],
            live["inputs"][0],
        )
    except (*FAILURES, StopIteration) as error:
        raise ValueError(
            f"Expected Mien's demo at {url}, got {type(error).__name__}: {error}; try `make demo`."
        ) from error
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """One picture that came back: when (monotonic seconds), and how long before that its frame was
    taken.
    """

    at: float
    age: float


@dataclass
class Visitor:
    """One visitor, two threads: one sends, one listens. `faults` holds what went wrong, in words."""

    door: Door
    frames: list[bytes]
    rate: float
    answers: list[Answer] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sent: int = 0

    def __post_init__(self) -> None:
        self._session = uuid.uuid4().hex[:11]
        self._taken: dict[int, float] = {}  # a frame's number -> when it was last taken
        self._unanswered: list[float] = []
        self._quick = True
        self._event: str | None = None
        self._leaving = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(part,), daemon=True)
            for part in (self._send, self._listen)
        ]
        self._joined = threading.Event()

    def come(self) -> None:
        """Opens the page's stream and starts sending."""
        for thread in self._threads:
            thread.start()

    def leave(self) -> None:
        """Stops sending, closes the stream and waits for the last answer."""
        self._leaving.set()
        for thread in self._threads:
            thread.join(2 * SILENCE_S)

    def _run(self, part: Any) -> None:
        try:
            part()
        except FAILURES as error:
            if not self._leaving.is_set():
                self.faults.append(f"{type(error).__name__}: {error}")
        finally:
            self._joined.set()

    def _body(self, frame: bytes) -> bytes:
        rest = {
            "fn_index": self.door.function,
            "session_hash": self._session,
            "trigger_id": self.door.trigger,
            "event_data": None,
        }
        return (
            b'{"data": [{"path": null, "url": "'
            + frame
            + b'"}, null], '
            + json.dumps(rest).encode()[1:]
        )

    def _post(self, connection: HTTPConnection, path: str, body: bytes) -> Any:
        connection.request("POST", self.door.prefix + path, body, JSON)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise ValueError(f"status {answer.status} from {path.partition('/')[2][:20]}")
        return json.loads(text)

    def _send(self) -> None:
        """A frame every 1 / rate seconds. As in camera.js, one is on its way at a time and two are
        unanswered at most.
        """
        connection, start, k = self.door.connect(), time.monotonic(), 0
        while not self._leaving.is_set():
            now = time.monotonic()
            self._unanswered = [at for at in self._unanswered if now - at < LOST_S]
            if len(self._unanswered) < (2 if self._quick else 1):
                self._unanswered.append(now)
                self._taken[k % len(self.frames)] = now
                self._offer(connection, self._body(self.frames[k % len(self.frames)]))
                self.sent += 1
            k = max(k + 1, int((time.monotonic() - start) * self.rate) + 1)
            self._leaving.wait(max(0.0, start + k / self.rate - time.monotonic()))
        self._post(connection, f"/stream/{self._event}/close", b"{}")
        connection.close()

    def _offer(self, connection: HTTPConnection, body: bytes) -> None:
        if self._event is None:
            self._event = self._post(connection, "/queue/join", body)["event_id"]
            self._joined.set()
        else:
            self._post(connection, f"/stream/{self._event}", body)

    def _listen(self) -> None:
        self._joined.wait(SILENCE_S)
        connection = self.door.connect()
        connection.request("GET", f"{self.door.prefix}/queue/data?session_hash={self._session}")
        for line in connection.getresponse():
            now = time.monotonic()
            head = line[:60]
            if b'"process_streaming"' in head:
                self._answered(line, now)
            elif b'"process_completed"' in head or b'"close_stream"' in head:
                if not self._leaving.is_set():
                    self.faults.append(f"the stream ended: {line[:200]!r}")
                break
        connection.close()

    def _answered(self, line: bytes, now: float) -> None:
        _, found, rest = line.partition(b"data:image/jpeg;base64,")
        if self._unanswered:
            self._quick = now - self._unanswered.pop(0) < QUICK_S
        number = read_stamp(base64.b64decode(rest.partition(b'"')[0])) if found else None
        if number is None or number not in self._taken:
            self.faults.append(f"an answer without a frame's number: {line[:200]!r}")
        else:
            self.answers.append(Answer(now, now - self._taken[number]))
