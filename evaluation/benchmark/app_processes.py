"""The apps in processes of their own, as visitors meet them: cold start, and memory of the demo."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from core.cli import trust_option
from core.system import ROOT
from evaluation.benchmark.memory_probe import run_program

TIMEOUT_S = 180
COLD_START_PROGRAM = """
import sys
from core import image
from core.pipeline import Pipeline
reading = Pipeline(sys.argv[1], is_trusted="--trust" in sys.argv)(image.load(sys.argv[2]))
sys.exit(len(reading.faces) != 1)
"""


def cold_start(model: Path, image: Path, *, is_trusted: bool = False) -> float:
    """Return the seconds from starting Python to the first prediction of a face.

    Imports, loading, decoding, detection and network count in.

    Raises:
        RuntimeError: The process fails, or finds another number of faces than one.
    """
    start = time.perf_counter()
    run_program(COLD_START_PROGRAM, model.resolve(), image, *trust_option(is_trusted=is_trusted))
    return time.perf_counter() - start


@contextmanager
def running(
    module: str,
    *arguments: str,
    page: str = "/",
    env: Mapping[str, str] | None = None,
    log: IO[str] | None = None,
    host: str = "127.0.0.1",
    folder: Path = ROOT,
) -> Iterator[tuple[str, psutil.Process]]:
    """Run `python -m module` in a child process on a free port; yield its address and its process.

    It is stopped at the end.

    Args:
        module: The app.
        arguments: Of its command line.
        page: The path that answers once the app is ready.
        env: Its environment; ours by default.
        log: A file for what it prints, opened to be read too; a temporary one by default.
        host: Address that it listens on.
        folder: Where it runs, with the project's code in it.

    Raises:
        RuntimeError: It ended or did not answer in time; carries the end of its log.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", module, *arguments, "--host", host, "--port", str(port)]
    with tempfile.TemporaryFile("w+") if log is None else nullcontext(log) as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=env)
        try:
            while not _is_up(url + page):
                if process.poll() is not None or time.perf_counter() - start > TIMEOUT_S:
                    output.seek(0)
                    raise RuntimeError(
                        f"{module} did not start (status {process.poll()}): {output.read()[-800:]}"
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
def running_demo(model: Path, *, is_trusted: bool = False) -> Iterator[tuple[str, psutil.Process]]:
    """Run the demo; see `running`."""
    arguments = ["--model", str(model.resolve()), *trust_option(is_trusted=is_trusted)]
    with running("apps.webcam", *arguments) as (url, process):
        yield f"{url}/", process


def resident_mb(process: psutil.Process) -> float:
    """Return the resident memory of a process and its children, in 10^6 bytes."""
    processes = (process, *process.children(recursive=True))
    return float(sum(p.memory_info().rss for p in processes)) / 1e6


@dataclass(frozen=True, slots=True)
class DemoMeasurements:
    """What a start of the demo takes.

    Attributes:
        first_page_s: Seconds from starting Python until the page is served.
        first_prediction_s: Seconds until an image sent to the API has its prediction.
        page_processor_s: Processor time of the demo until the page is served, in seconds.
        prediction_processor_s: Until the prediction.
        rss_mb: Resident memory at the prediction, 10^6 bytes.
        faces: Faces that were detected.
    """

    first_page_s: float
    first_prediction_s: float
    page_processor_s: float
    prediction_processor_s: float
    rss_mb: float
    faces: int


def measure_demo(model: Path, image: Path, *, is_trusted: bool = False) -> DemoMeasurements:
    """Start the demo, ask it for one prediction through its API, and stop it.

    Raises:
        RuntimeError: See `running`.
    """
    # takes a second, so only here and before the clock starts
    from gradio_client import Client, handle_file

    start = time.perf_counter()
    with running_demo(model, is_trusted=is_trusted) as (url, process):
        page, page_processor = time.perf_counter() - start, _processor_s(process)
        client = Client(url, verbose=False, analytics_enabled=False)
        faces = client.predict(handle_file(image), api_name="/predict")
        predicted = time.perf_counter() - start
        predicted_processor, rss = _processor_s(process), resident_mb(process)
        client.close()
    return DemoMeasurements(
        first_page_s=round(page, 2),
        first_prediction_s=round(predicted, 2),
        page_processor_s=round(page_processor, 2),
        prediction_processor_s=round(predicted_processor, 2),
        rss_mb=round(rss, 1),
        faces=len(faces),
    )


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _is_up(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            url, timeout=5
        ) as response:
            return bool(response.status == 200)
    except OSError:
        return False
