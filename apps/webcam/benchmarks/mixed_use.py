"""Measure the demo's memory over an hour in which visitors come and go and use all of it.

    python -m apps.webcam.benchmarks.mixed_use [--minutes 60] [--json] [--gate]

Each minute a new visitor opens the page, uses the camera, uploads a photograph, takes the example,
uploads a video, calls the API, and leaves. Memory is read at rest, after the visitor has left.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection
from typing import Any

import cv2
import numpy as np
import psutil
from rich.console import Console

from apps.webcam.benchmarks import multipart, targets
from apps.webcam.benchmarks.memory_slope import GROWTH_TARGET, MemoryGrowth, memory_growth
from apps.webcam.benchmarks.visitors import (
    CONNECTION_ERRORS,
    JSON_HEADERS,
    SimulatedVisitor,
    StreamEndpoint,
    camera_frames,
    find_stream,
)
from apps.webcam.tabs.video import EXAMPLE as CLIP
from core.errors import DataError
from core.progress import say, task
from evaluation.benchmark import frames as scenes
from evaluation.benchmark.app_processes import resident_mb, running_demo

MIN_MINUTES = 0.1
CAMERA_SECONDS, CAMERA_RATE = 15.0, 5.0
"""How long a visitor's camera is on, and its frames/s."""
CALLS = 3
"""Calls of the API by each visitor."""
PICTURE_WIDTHS = (480, 1200, 2400, 4000)
"""Pixels; the visitors take turns in them."""
REST_SECONDS = 5.0
"""Between a visitor's leaving and the reading; uploads are gone by then."""
VIDEO_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class MixedUseReport:
    """Result of mixed use.

    Attributes:
        minutes: How long it took.
        visits: Visitors who came and left.
        fresh_mb: Resident memory of the demo and its children before the first visitor, 10^6 bytes.
        resident: Resident memory at rest after each visit.
        own: Memory that only the demo's own process has (USS), likewise.
        processor_s_per_visit: Processor time of the demo for one visitor.
        faults: What went wrong.
    """

    minutes: float
    visits: int
    fresh_mb: float
    resident: MemoryGrowth
    own: MemoryGrowth
    processor_s_per_visit: float
    faults: tuple[str, ...]

    @property
    def met(self) -> dict[str, bool | None]:
        """Whether each target is met; None where it was not measured."""
        return {GROWTH_TARGET: self.resident.is_flat, "no faults": not self.faults}

    def to_dict(self) -> dict[str, object]:
        """Return the JSON object of the command line."""
        return asdict(self) | {"met": self.met}


def show(report: MixedUseReport, console: Console) -> None:
    """Print a report."""
    console.print(
        f"{report.visits} visits in {report.minutes:.1f} minutes,"
        f" {report.processor_s_per_visit:.1f} processor seconds each;"
        f" fresh {report.fresh_mb:.0f} MB",
        soft_wrap=True,
    )
    for name, memory in (("resident", report.resident), ("own", report.own)):
        console.print(f"{name} memory: {memory.in_words()}", soft_wrap=True)
    for fault in report.faults:
        say(fault)


@dataclass
class MixedVisitor:
    """One visitor of a page, with a session of its own.

    Attributes:
        endpoint: The demo.
        config: Gradio's description of the page.
        number: Decides the size of the photograph.
        errors: What went wrong, in words.
    """

    endpoint: StreamEndpoint
    config: dict[str, Any]
    number: int
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._session = uuid.uuid4().hex[:11]

    def visit(self, camera: list[bytes]) -> None:
        """Use everything once and leave, which closes the page's line as a browser does.

        Args:
            camera: Data URLs, see `visitors.camera_frames`.
        """
        line = self.endpoint.connect()
        try:
            self._request("GET", "", root=True)
            line.request("GET", f"{self.endpoint.prefix}/heartbeat/{self._session}")
            self._use_camera(camera)
            self._listen_to("mien-picture", "upload", [self._uploaded("a.jpg", self._photograph())])
            self._listen_to("mien-examples", "click", [self.number % 4])
            self._listen_to(
                "mien-video-in", "upload", [self._uploaded("a.mp4", CLIP.read_bytes()), None]
            )
            for _ in range(CALLS):
                self._call(camera[self.number % len(camera)])
        except CONNECTION_ERRORS as error:
            self.errors.append(f"{type(error).__name__}: {error}"[:200])
        finally:
            line.close()

    def _use_camera(self, frames: list[bytes]) -> None:
        camera = SimulatedVisitor(self.endpoint, frames, CAMERA_RATE)
        camera.start()
        time.sleep(CAMERA_SECONDS)
        camera.stop()
        self.errors += camera.errors
        if not camera.received:
            self.errors.append("no frame came back")

    def _photograph(self) -> bytes:
        width = PICTURE_WIDTHS[self.number % len(PICTURE_WIDTHS)]
        scene = scenes.SCENES[5 if self.number % 2 else 1]()
        size = (width, width * scenes.HEIGHT // scenes.WIDTH)
        return scenes.jpeg(np.asarray(cv2.resize(scene, size), np.uint8))

    def _uploaded(self, name: str, content: bytes) -> dict[str, Any]:
        """Upload a file and return how Gradio names it."""
        body = multipart.encode_upload(name, content)
        form = {"Content-Type": multipart.CONTENT_TYPE}
        path = json.loads(self._request("POST", "/upload", body, form))[0]
        return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def _listen_to(self, element: str, event: str, data: list[Any]) -> None:
        """Trigger the last listener of an element's event, and wait for its end."""
        component = next(
            c["id"] for c in self.config["components"] if c["props"].get("elem_id") == element
        )
        function = [
            d["id"] for d in self.config["dependencies"] if [component, event] in d["targets"]
        ][-1]
        body = {
            "data": data,
            "fn_index": function,
            "session_hash": self._session,
            "trigger_id": component,
            "event_data": None,
        }
        self._request("POST", "/queue/join", json.dumps(body).encode(), JSON_HEADERS)
        text = self._request("GET", f"/queue/data?session_hash={self._session}")
        if b'"success":true' not in text.replace(b" ", b"") or b"mien-problem" in text:
            raise ValueError(f"{element} {event}: {text[-200:]!r}")

    def _call(self, picture: bytes) -> None:
        body = json.dumps({"data": [{"url": picture.decode()}]}).encode()
        answer = self._request("POST", "/call/predict", body, JSON_HEADERS)
        text = self._request("GET", f"/call/predict/{json.loads(answer)['event_id']}")
        if b"event: complete" not in text:
            raise ValueError(f"no prediction: {text[:100]!r}")

    def _request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        root: bool = False,
    ) -> bytes:
        connection = HTTPConnection(
            self.endpoint.host, self.endpoint.port, timeout=VIDEO_TIMEOUT_SECONDS
        )
        try:
            address = "/" if root else self.endpoint.prefix + path
            connection.request(method, address, body, headers or {})
            response = connection.getresponse()
            text = response.read()
            if response.status != 200:
                raise ValueError(f"status {response.status} from {path}: {text[:100]!r}")
            return text
        finally:
            connection.close()


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = targets.build_parser("apps.webcam.benchmarks.mixed_use", "The demo in mixed use.")
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `targets.run`."""
    return targets.run(build_parser().parse_args(argv), measure, show)


def measure(args: argparse.Namespace) -> MixedUseReport:
    """Start the demo, let visitors come one after the other, and return what it held.

    Raises:
        UserError: An argument is out of range.
    """
    if args.minutes < MIN_MINUTES:
        raise DataError(f"Expected {MIN_MINUTES:g} minutes or more, got {args.minutes}.")
    with running_demo(args.model, is_trusted=args.trust) as (url, server):
        return _use(args.minutes, url, server)


def _use(minutes: float, url: str, server: psutil.Process) -> MixedUseReport:
    endpoint, camera = find_stream(url), camera_frames(scenes.one_face(), 256)
    config = page_config(endpoint)
    fresh, cpu = resident_mb(server), sum(server.cpu_times()[:4])
    resident, own, faults = [], [], set()
    start, visits = time.monotonic(), 0
    with task("visits", round(minutes)) as advance:
        while time.monotonic() - start < 60 * minutes:
            visitor = MixedVisitor(endpoint, config, visits)
            visitor.visit(camera)
            visits += 1
            faults |= set(visitor.errors)
            time.sleep(REST_SECONDS)
            at = time.monotonic() - start
            resident.append((at, resident_mb(server)))
            own.append((at, server.memory_full_info().uss / 1e6))
            advance(min(round(at / 60), round(minutes)), f"{resident[-1][1]:.0f} MB")
            time.sleep(max(0.0, min(60 * visits, 60 * minutes) - (time.monotonic() - start)))
    return MixedUseReport(
        minutes=round((time.monotonic() - start) / 60, 2),
        visits=visits,
        fresh_mb=round(fresh, 1),
        resident=memory_growth(np.array(resident)),
        own=memory_growth(np.array(own)),
        processor_s_per_visit=round((sum(server.cpu_times()[:4]) - cpu) / visits, 2),
        faults=tuple(sorted(faults)),
    )


def page_config(endpoint: StreamEndpoint) -> dict[str, Any]:
    """Return Gradio's description of the page."""
    connection = endpoint.connect()
    try:
        connection.request("GET", endpoint.prefix.removesuffix("/gradio_api") + "/config")
        config: dict[str, Any] = json.loads(connection.getresponse().read())
        return config
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
