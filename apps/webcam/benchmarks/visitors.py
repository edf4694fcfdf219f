"""Simulated visitors for a load test: each sends a camera's frames and reads the demo's responses.

They make the calls of the demo's page with nothing but Python's standard library. Every frame
carries its number as a row of black and white squares along its lower edge, and so does the image
that comes back: what is measured is the age of what a visitor sees, whatever the server queued,
dropped or mixed up.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

CELL_PX, NUMBER_BITS = 16, 10
"""Side of a square, a multiple of JPEG's blocks; bits of a number, each followed by its opposite,
so that a damaged mark is noticed.
"""
QUICK_RESPONSE_SECONDS, LOST_RESPONSE_SECONDS = 0.25, 1.0
"""As in ui/scripts/frames.js on a quick line: after a quick response two frames may await theirs,
otherwise one; after the longer time a response counts as lost.
"""
TIMEOUT_SECONDS = 20.0
"""A server that sends nothing for so long counts as gone."""
STOP_SECONDS = 3 * TIMEOUT_SECONDS
"""Longest wait for a visitor's last call."""
MAX_QUOTED = 200
"""Characters of an unexpected message that an error quotes."""
CAMERA_JPEG_QUALITY = 92
"""JPEG quality of Chromium's canvas."""
JSON_HEADERS = {"Content-Type": "application/json"}
CONNECTION_ERRORS = (OSError, HTTPException, ValueError, KeyError, TypeError, IndexError)


def stamp(frame: np.ndarray, number: int) -> None:
    """Draw `number`, 0 to 2 ** NUMBER_BITS - 1, into the lower left of an image (H, W, 3)."""
    bits = np.array([(number >> i) & 1 for i in range(NUMBER_BITS)], np.uint8)
    row = np.stack([bits, 1 - bits], axis=1).ravel() * np.uint8(255)  # (2 * NUMBER_BITS,)
    frame[-CELL_PX:, : CELL_PX * 2 * NUMBER_BITS] = np.repeat(row, CELL_PX)[None, :, None]


def read_stamp(jpeg: bytes) -> int | None:
    """Return the number in a JPEG's lower left, decoded at an eighth of the resolution, if any."""
    small = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    side = CELL_PX // 8
    if small is None or small.shape[0] < side or small.shape[1] < side * 2 * NUMBER_BITS:
        return None
    squares = small[-side:, : side * 2 * NUMBER_BITS].reshape(side, 2 * NUMBER_BITS, side)
    is_white = squares.mean(axis=(0, 2)) > 127  # (2 * NUMBER_BITS,)
    bits, opposites = is_white[0::2], is_white[1::2]
    return int(bits @ (1 << np.arange(NUMBER_BITS))) if (bits != opposites).all() else None


def camera_frames(picture: np.ndarray, count: int) -> list[bytes]:
    """Return data URLs of the picture swaying sideways, numbered from 0, encoded as by Chromium.

    Args:
        picture: RGB uint8, shape (H, W, 3).
        count: How many frames.
    """
    urls = []
    for k in range(count):
        frame = np.roll(picture, round(12 * np.sin(2 * np.pi * k / 40)), axis=1)
        stamp(frame, k)
        jpeg = cv2.imencode(
            ".jpg",
            cv2.cvtColor(frame, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, CAMERA_JPEG_QUALITY],
        )[1]
        urls.append(b"data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()))
    return urls


@dataclass(frozen=True, slots=True)
class StreamEndpoint:
    """Where a demo answers the live view's stream.

    Attributes:
        host: Name or address.
        port: Port.
        prefix: Path before every call.
        function: Number of the listener in Gradio's configuration.
        trigger: Number of the component that triggers it.
    """

    host: str
    port: int
    prefix: str
    function: int
    trigger: int

    def connect(self) -> HTTPConnection:
        """Return a new connection, not opened yet."""
        return HTTPConnection(self.host, self.port, timeout=TIMEOUT_SECONDS)


def find_stream(url: str) -> StreamEndpoint:
    """Return the live view's stream of a running demo.

    Raises:
        ValueError: There is no such demo.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(
            f"Expected an address like http://127.0.0.1:7860, got {url!r}; try the one that the"
            " demo prints."
        )
    root, port = parts.path.rstrip("/"), parts.port or 80
    connection = HTTPConnection(parts.hostname, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", f"{root}/config")
        config = json.loads(connection.getresponse().read())
        listener = next(d for d in config["dependencies"] if d.get("connection") == "stream")
        return StreamEndpoint(
            parts.hostname,
            port,
            root + config["api_prefix"],
            listener["id"],
            listener["inputs"][0],
        )
    except (*CONNECTION_ERRORS, StopIteration) as error:
        raise ValueError(
            f"Expected Mien's demo at {url}, got {type(error).__name__}: {error}; try `make demo`."
        ) from error
    finally:
        connection.close()


class Visitor:
    """Threads that work until they are stopped."""

    def __init__(self, *work: Callable[[], None]) -> None:
        """Prepare a thread for each function, which ends once `_is_leaving` is set."""
        self._is_leaving = threading.Event()
        self._threads = [threading.Thread(target=w, daemon=True) for w in work]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after what is going on, for which it waits."""
        self._is_leaving.set()
        for thread in self._threads:
            thread.join(STOP_SECONDS)


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """An image that came back.

    Attributes:
        received_at: Monotonic seconds.
        age_s: Seconds since its frame was captured.
    """

    received_at: float
    age_s: float


@dataclass
class SimulatedVisitor(Visitor):
    """One visitor with two threads: one sends, one listens.

    Attributes:
        endpoint: The demo.
        frames: Data URLs of `camera_frames`, sent in a loop.
        rate: Frames/s that the camera offers.
        address: Where they come from, as a proxy would tell the demo; empty for this computer.
        received: Images that came back.
        errors: What went wrong, in words.
        sent: Number of frames sent.
    """

    endpoint: StreamEndpoint
    frames: list[bytes]
    rate: float
    address: str = ""
    received: list[ReceivedFrame] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    sent: int = 0

    def __post_init__(self) -> None:
        self._session = uuid.uuid4().hex[:11]
        self._captured_at: dict[int, float] = {}  # by frame number, the last time
        self._awaiting: list[float] = []  # when the frames without a response were sent
        self._last_was_quick = True
        self._event_id: str | None = None
        self._has_joined = threading.Event()
        super().__init__(*(partial(self._run, work) for work in (self._send, self._listen)))

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except CONNECTION_ERRORS as error:
            if not self._is_leaving.is_set():
                self.errors.append(f"{type(error).__name__}: {error}")
        finally:
            self._has_joined.set()

    def _body(self, frame: bytes) -> bytes:
        """Return Gradio's request for one frame; the URL is inserted unescaped, for speed."""
        rest = {
            "fn_index": self.endpoint.function,
            "session_hash": self._session,
            "trigger_id": self.endpoint.trigger,
            "event_data": None,
        }
        payload = b'{"data": [{"path": null, "url": "' + frame + b'"}, null], '
        return payload + json.dumps(rest).encode()[1:]

    def _post(self, connection: HTTPConnection, path: str, body: bytes) -> Any:
        headers = JSON_HEADERS | ({"X-Forwarded-For": self.address} if self.address else {})

        def exchange() -> HTTPResponse:
            connection.request("POST", self.endpoint.prefix + path, body, headers)
            return connection.getresponse()

        try:
            response = exchange()
        except (ConnectionError, BadStatusLine):
            # A connection that was closed between two requests is opened again, as browsers do.
            connection.close()
            response = exchange()
        text = response.read()
        if response.status != 200:
            raise ValueError(f"status {response.status} from {path.partition('/')[2][:20]}")
        return json.loads(text)

    def _send(self) -> None:
        """Send a frame every 1 / rate seconds.

        As in ui/scripts/frames.js, one request is under way at a time, and at most two frames await
        their response; others are dropped.
        """
        connection, start, k = self.endpoint.connect(), time.monotonic(), 0
        while not self._is_leaving.is_set():
            now = time.monotonic()
            self._awaiting = [at for at in self._awaiting if now - at < LOST_RESPONSE_SECONDS]
            if len(self._awaiting) < (2 if self._last_was_quick else 1):
                number = k % len(self.frames)
                self._awaiting.append(now)
                self._captured_at[number] = now
                self._send_frame(connection, self._body(self.frames[number]))
                self.sent += 1
            k = max(k + 1, int((time.monotonic() - start) * self.rate) + 1)
            self._is_leaving.wait(max(0.0, start + k / self.rate - time.monotonic()))
        self._post(connection, f"/stream/{self._event_id}/close", b"{}")
        connection.close()

    def _send_frame(self, connection: HTTPConnection, body: bytes) -> None:
        if self._event_id is None:
            self._event_id = self._post(connection, "/queue/join", body)["event_id"]
            self._has_joined.set()
        else:
            self._post(connection, f"/stream/{self._event_id}", body)

    def _listen(self) -> None:
        self._has_joined.wait(TIMEOUT_SECONDS)
        connection = self.endpoint.connect()
        connection.request("GET", f"{self.endpoint.prefix}/queue/data?session_hash={self._session}")
        for line in connection.getresponse():
            now = time.monotonic()
            head = line[:60]
            if b'"process_streaming"' in head:
                self._receive(line, now)
            elif b'"process_completed"' in head or b'"close_stream"' in head:
                if not self._is_leaving.is_set():
                    self.errors.append(f"the stream ended: {line[:MAX_QUOTED]!r}")
                break
        connection.close()

    def _receive(self, line: bytes, now: float) -> None:
        _, has_image, rest = line.partition(b"data:image/jpeg;base64,")
        if self._awaiting:
            self._last_was_quick = now - self._awaiting.pop(0) < QUICK_RESPONSE_SECONDS
        number = read_stamp(base64.b64decode(rest.partition(b'"')[0])) if has_image else None
        if number is None or number not in self._captured_at:
            self.errors.append(f"a response without a frame's number: {line[:MAX_QUOTED]!r}")
        else:
            self.received.append(ReceivedFrame(now, now - self._captured_at[number]))
