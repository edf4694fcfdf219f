"""What only a process of its own can show: the apps as visitors meet them, the demo's memory, the
time of a cold start.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

import psutil

from core.artifacts.downloads import ROOT

LIMIT_S = 180
COLD = """
import sys
from core import image
from core.pipeline import Pipeline
found = Pipeline(sys.argv[1])(image.load(sys.argv[2]))
sys.exit(len(found.faces) != 1)
"""


def cold_start(model: Path, picture: Path) -> float:
    """Seconds from starting Python to the first prediction of a face: imports, loading, decoding,
    detection, network.
    """
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", COLD, model.resolve(), picture],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"a cold start ended with status {done.returncode}: {done.stderr[-800:]}"
        )
    return time.perf_counter() - start


@contextmanager
def running(
    module: str,
    *arguments: str,
    page: str = "/",
    env: Mapping[str, str] | None = None,
    log: IO[str] | None = None,
) -> Iterator[tuple[str, psutil.Process]]:
    """`python -m module` in a child process, on a free port of this machine: its address and its
    process, once `page` answers. Stopped at the end. env: its environment (default: ours); log: a
    file, to be read too, for what it prints.

    Raises:
        RuntimeError: it ended or stayed silent; carries the end of its log.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", module, *arguments, "--host", "127.0.0.1", "--port", str(port)]
    with tempfile.TemporaryFile("w+") if log is None else nullcontext(log) as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said, env=env)
        try:
            while not _answers(url + page):
                if process.poll() is not None or time.perf_counter() - start > LIMIT_S:
                    said.seek(0)
                    raise RuntimeError(
                        f"{module} did not start (status {process.poll()}): {said.read()[-800:]}"
                    )
                time.sleep(0.05)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def running_demo(model: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The demo, see `running`."""
    with running(
        "apps.webcam",
        "--model",
        str(model.resolve()),
        env=os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"},
    ) as (url, process):
        yield f"{url}/", process


def resident_mb(process: psutil.Process) -> float:
    """Resident memory of a process and its children, in 10^6 bytes."""
    return sum(p.memory_info().rss for p in (process, *process.children(recursive=True))) / 1e6


def demo(model: Path, picture: Path) -> dict[str, Any]:
    """Starts the demo, asks it for one prediction through its API, and stops it.

    Returns: first_page_s and first_prediction_s since the start, seconds; rss_mb, resident memory then (see `resident_mb`); faces, how many
    it found.

    Raises:
        RuntimeError: see `running`.
    """
    from gradio_client import (
        Client,
        handle_file,
    )  # takes a second, so only here and before the clock starts

    start = time.perf_counter()
    with running_demo(model) as (url, process):
        page = time.perf_counter() - start
        client = Client(url, verbose=False, analytics_enabled=False)
        faces = client.predict(handle_file(picture), api_name="/predict")
        predicted = time.perf_counter() - start
        rss = resident_mb(process)
        client.close()
    return {
        "first_page_s": round(page, 2),
        "first_prediction_s": round(predicted, 2),
        "rss_mb": round(rss, 1),
        "faces": len(faces),
    }


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            url, timeout=5
        ) as answer:
            return answer.status == 200
    except OSError:
        return False
