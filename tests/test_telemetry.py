"""No program looks a name up or connects to another machine, and none leaves an identifier behind.

Each program runs in a process of its own, with an audit hook that records what Python resolves and
connects to (`tests/watched.py`). A training is watched in `tests/train/loop/test_synthetic.py`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from core.outbound.telemetry import SWITCHES
from evaluation.benchmark.app_processes import running
from tests.conftest import ROOT
from tests.watched import Watched

PROGRAM = """
import sys, numpy
from core.{module} import {name}
{name}(sys.argv[1])
"""


@pytest.mark.parametrize("package", ["core", "evaluation", "train", "apps"])
def test_each_package_turns_the_switches_off_first(package: str) -> None:
    program = f"import {package}, os; print({{n: os.environ.get(n) for n in {list(SWITCHES)}}})"
    env = {k: v for k, v in os.environ.items() if k not in SWITCHES}
    env |= {"ORT_DISABLE_TELEMETRY": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(SWITCHES), done.stderr


@pytest.mark.parametrize(("module", "name"), [("pipeline", "Pipeline"), ("predictor", "Predictor")])
def test_a_program_of_ones_own(watched: Watched, tiny_bundle: Path, module: str, name: str) -> None:
    watched.run("-c", PROGRAM.format(module=module, name=name), tiny_bundle)
    assert watched.hosts == watched.identifiers == []


def test_evaluation(watched: Watched, tiny_bundle: Path, tmp_path: Path) -> None:
    options = ["--dataset", "synthetic", "--data", tmp_path, "--limit", "8"]
    out = ["--out", tmp_path / "p.parquet"]
    watched.run("-m", "evaluation", "predict", "--model", tiny_bundle, *options, *out)
    assert watched.hosts == watched.identifiers == []


@pytest.mark.parametrize("door", ["demo", "space"])
def test_demo(watched: Watched, tiny_bundle: Path, door: str) -> None:
    """From its start to a prediction, which has no face in it."""
    module = {"demo": "apps.webcam", "space": "apps.webcam.app"}[door]
    arguments = ["--model", str(tiny_bundle)]
    with running(module, *arguments, env=watched.env) as (url, _):
        picture = base64.b64encode((ROOT / "apps/webcam/examples/astronaut.jpg").read_bytes())
        payload = {"url": "data:image/jpeg;base64," + picture.decode("ascii")}
        request = urllib.request.Request(
            f"{url}/gradio_api/call/predict",
            json.dumps({"data": [payload]}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            event = json.loads(reply.read())["event_id"]
        result = f"{url}/gradio_api/call/predict/{event}"
        with urllib.request.urlopen(result, timeout=30) as reply:
            assert b"event: complete" in reply.read()
    assert watched.hosts == watched.identifiers == []


def test_studio_with_a_socket_from_another_site(watched: Watched) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    async def visit(url: str, origin: str) -> bool:
        try:
            async with connect(url, origin=origin, subprotocols=["streamlit"]):
                return True
        except InvalidStatus as error:
            assert error.response.status_code == 403
            return False

    with running("apps.studio", page="/_stcore/health", env=watched.env) as (url, _):
        socket = url.replace("http", "ws") + "/_stcore/stream"
        assert asyncio.run(visit(socket, url))
        assert not asyncio.run(visit(socket, "https://example.com"))
    assert watched.hosts == watched.identifiers == []


def test_the_recorder_can_fail(watched: Watched) -> None:
    watched.run("-c", "import socket\ntry: socket.getaddrinfo('a.invalid', 80)\nexcept OSError: 0")
    watched.run(
        "-c", "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('9.9.9.9', 1))"
    )
    (Path(watched.env["TMPDIR"]) / ".ses").touch()
    assert watched.hosts == ["a.invalid", "9.9.9.9"] and watched.identifiers == [".ses"]
