"""A network in a process of its own: memory and start-up, and how many numbers its file holds."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from core.artifacts.downloads import ROOT

LIMIT_S = 180
ALONE = """
import json, sys
from pathlib import Path
import numpy as np
import onnxruntime as ort
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.log_severity_level = 3
data, shape = Path(sys.argv[1]).read_bytes(), json.loads(sys.argv[3])
sessions = [ort.InferenceSession(data, options, providers=["CPUExecutionProvider"]) for _ in range(int(sys.argv[2]))]
for session in sessions:
    session.run(None, {session.get_inputs()[0].name: np.zeros(shape, np.float32)})
status = Path("/proc/self/status")
print(next((line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")), 0) if status.is_file() else 0)
"""
COUNT = """
import sys, onnx
print(sum(int(onnx.numpy_helper.to_array(t).size) for t in onnx.load(sys.argv[1]).graph.initializer))
"""


def network_alone(
    path: Path, shape: tuple[int, ...], copies: int = 1, starts: int = 3
) -> dict[str, float | None]:
    """A process that opens an ONNX file (`copies` times) and runs it once on float32 zeros of
    `shape`, one thread; Python and ONNX Runtime count in. Returns cold_start_s, the median of
    `starts`, and peak_mb, its largest resident memory (None where the system hides it).
    """
    times, peaks = [], []
    for _ in range(starts):
        start = time.perf_counter()
        peaks.append(int(_said(ALONE, path.resolve(), copies, json.dumps(shape))))
        times.append(time.perf_counter() - start)
    peak = statistics.median(peaks)
    return {
        "cold_start_s": round(statistics.median(times), 2),
        "peak_mb": round(peak * 1024 / 1e6, 1) if peak else None,
    }


def numbers_in(path: Path) -> int | None:
    """How many numbers an ONNX file holds: its parameters, and in an INT8 file their few scales.
    None where `onnx` is not installed.
    """
    return int(_said(COUNT, path.resolve())) if find_spec("onnx") else None


def _said(program: str, *arguments: object) -> str:
    """The last word of a Python program run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    if done.returncode != 0:
        raise RuntimeError(f"a process ended with status {done.returncode}: {done.stderr[-800:]}")
    return done.stdout.split()[-1]
