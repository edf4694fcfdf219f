"""A demo in a process of its own whose limits are short, and which writes down every look-up."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.apps.webcam.conftest import Server, start

IDLE_SECONDS, PARTIAL_SECONDS, QUOTA_BYTES = 2.0, 0.5, 4 * 2**20
PROGRAM = """
import sys
from pathlib import Path
from apps.webcam import uploads
from apps.webcam.benchmarks import watched_demo
from apps.webcam.serving import bodies, connections, housekeeping
from apps.webcam.serving import requests, stored_uploads, streams
note_host = watched_demo.recorder(Path(sys.argv.pop(1)))
gate = sys.argv.pop(1)
streams.IDLE_SECONDS = bodies.IDLE_SECONDS = connections.IDLE_SECONDS = float(sys.argv.pop(1))
uploads.PARTIAL_MAX_AGE_SECONDS = float(sys.argv.pop(1))
stored_uploads.UNUSED_SECONDS = 10 * uploads.PARTIAL_MAX_AGE_SECONDS
requests.DISK_BYTES = int(sys.argv.pop(1))
housekeeping.WATCH_SECONDS = housekeeping.CLEAN_SECONDS = 0.1
if gate == "open":
    async def pass_on(self, scope, receive, send):
        await self.app(scope, receive, send)
    requests.RequestMiddleware.__call__ = pass_on
from apps.webcam.__main__ import main
sys.exit(main(note_host=note_host))
"""


@dataclass(frozen=True)
class HostileDemo:
    """A demo to be attacked.

    Attributes:
        server: Its address and its files.
        lookups: The file with a line for every look-up and connection that it tried.
        log: What it printed; complete once it has ended.
    """

    server: Server
    lookups: Path
    log: Path

    @property
    def port(self) -> int:
        return int(self.server.url.rsplit(":", 1)[1])

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """One request on a connection of its own; `x_y` stands for the header x-y."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host="host" in headers)
            sent = {key.replace("_", "-"): value for key, value in headers.items()}
            if body is not None:
                sent = {"content-length": str(len(body)), **sent}
            for key, value in sent.items():
                connection.putheader(key, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def post(self, path: str, value: object, **headers: str) -> tuple[int, dict]:
        """POST JSON and return the status with the JSON that comes back."""
        body = json.dumps(value).encode()
        status, text = self.request("POST", path, body, content_type="application/json", **headers)
        return status, json.loads(text or b"{}")


@contextmanager
def hostile_demo(model: Path, folder: Path, gate: str = "closed") -> Iterator[HostileDemo]:
    """Start one; `gate="open"` takes the checks of requests away."""
    lookups, log, cache = folder / "lookups", folder / "log", folder / "cache"
    lookups.touch()
    limits = [str(value) for value in (IDLE_SECONDS, PARTIAL_SECONDS, QUOTA_BYTES)]
    command = [sys.executable, "-c", PROGRAM, str(lookups), gate, *limits, "--model", str(model)]
    process, url = start(command, cache)
    try:
        yield HostileDemo(Server(url, cache, process.pid), lookups, log)
    finally:
        process.terminate()
        log.write_text(process.communicate(timeout=30)[0])


@pytest.fixture(scope="package")
def demo(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileDemo]:
    """Shared by the tests of this folder."""
    yield from silent_demo(model, tmp_path_factory.mktemp("hostile"))


def silent_demo(model: Path, folder: Path) -> Iterator[HostileDemo]:
    """A demo that, whatever its tests send, neither calls out nor fails."""
    with hostile_demo(model, folder) as started:
        yield started
    assert started.lookups.read_text() == ""
    assert "Traceback" not in started.log.read_text(), started.log.read_text()
