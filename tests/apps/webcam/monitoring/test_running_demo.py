"""A demo that counts: its lines, its page, its metrics; another one that does not."""

from __future__ import annotations

import http.client
import signal
import sys
from contextlib import closing
from pathlib import Path

import pytest

from apps.webcam.monitoring.prometheus import CONTENT_TYPE
from apps.webcam.ui import texts
from core.monitoring.counts_line import parse
from tests.apps.webcam.conftest import ROOT, Server, start, wait_until
from tests.apps.webcam.monitoring.test_prometheus import parsed

GROUP_PICTURE = ROOT / "apps" / "webcam" / "examples" / "drawn-group.jpg"


def get(url: str, method: str = "GET", **headers: str) -> tuple[int, bytes, str]:
    """Send a request; `x_y` stands for the header x-y."""
    address, path = url.removeprefix("http://").split("/", 1)
    with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request(method, f"/{path}", headers=sent)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("Content-Type", "")


@pytest.mark.skipif(not GROUP_PICTURE.is_file(), reason="needs the drawn group")
def test_a_demo_that_counts(model: Path, tmp_path: Path) -> None:
    """One demo for all of it: it takes seconds to start."""
    from gradio_client import Client, handle_file

    path = tmp_path / "counts.jsonl"
    options = ["--monitor", str(path), "--monitor-interval", "1", "--metrics"]
    command = [sys.executable, "-m", "apps.webcam", "--model", str(model), *options]
    process, url = start(command, tmp_path / "cache", FORWARDED_ALLOW_IPS="none")
    try:
        client = Client(url, verbose=False, analytics_enabled=False)
        pictures = 3
        for _ in range(pictures):
            faces = client.predict(handle_file(str(GROUP_PICTURE)), api_name="/predict")
        client.close()
        expected = pictures * len(faces) // 10 * 10
        assert expected >= 10
        assert wait_until(lambda: path.stat().st_size > 0, 10)
        assert wait_until(
            lambda: sum(parse(t).faces for t in path.read_bytes().splitlines()) <= expected, 1
        )
        assert texts.COUNTED.encode()[:60] in get(f"{url}/config")[1]

        status, text, kind = get(f"{url}/metrics")
        assert (status, kind) == (200, CONTENT_TYPE)
        assert parsed(text.decode())[1]["mien_picture_seconds_count", (("source", "still"),)] == 3
        assert get(f"{url}/metrics", x_forwarded_for="203.0.113.9")[0] == 404
        assert get(f"{url}/metrics", host="evil.example")[0] == 403
        assert get(f"{url}/metrics", "POST")[0] == 404

        before = path.read_bytes()
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        assert path.read_bytes() == before, "what was written stays"
        line = parse(before.splitlines()[0])
        assert line.faces >= 10 and sum(line.latency_ms["still"]) >= 2
    finally:
        process.kill()
        process.communicate()


def test_a_demo_that_was_not_asked_counts_nothing(server: Server) -> None:
    assert get(f"{server.url}/metrics")[0] == 404
    assert texts.COUNTED.encode()[:60] not in get(f"{server.url}/config")[1]
