"""A network in a process of its own: its memory, its start-up, and the numbers in its file."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from core.system import ROOT

TIMEOUT_S = 180
PROBE_PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
import onnxruntime as ort
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.log_severity_level = 3
data, shape = Path(sys.argv[1]).read_bytes(), json.loads(sys.argv[3])
providers = ["CPUExecutionProvider"]
copies = range(int(sys.argv[2]))
sessions = [ort.InferenceSession(data, options, providers=providers) for _ in copies]
for session in sessions:
    session.run(None, {session.get_inputs()[0].name: np.zeros(shape, np.float32)})
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.is_file() else []
print(next((line.split()[1] for line in lines if line.startswith("VmHWM")), 0))
"""
COUNT_PROGRAM = """
import sys, onnx
tensors = onnx.load(sys.argv[1]).graph.initializer
print(sum(int(onnx.numpy_helper.to_array(t).size) for t in tensors))
"""


@dataclass(frozen=True, slots=True)
class NetworkProbe:
    """Median start in seconds, and peak resident memory, None where the system hides it."""

    cold_start_s: float
    peak_mb: float | None


def probe_network(
    path: Path, shape: tuple[int, ...], copies: int = 1, starts: int = 3
) -> NetworkProbe:
    """Measure a process that opens an ONNX file and runs it once; Python and its runtime count in.

    Args:
        path: The ONNX file.
        shape: Of its input, float32 zeros.
        copies: How often the file is opened.
        starts: Processes that are started one after the other.

    Raises:
        RuntimeError: A process fails.
    """
    seconds, peaks_kb = [], []
    for _ in range(starts):
        start = time.perf_counter()
        output = run_program(PROBE_PROGRAM, path.resolve(), copies, json.dumps(shape))
        peaks_kb.append(int(output.split()[-1]))
        seconds.append(time.perf_counter() - start)
    peak_kb = statistics.median(peaks_kb)
    return NetworkProbe(
        round(statistics.median(seconds), 2),
        round(peak_kb * 1024 / 1e6, 1) if peak_kb else None,
    )


def count_numbers(path: Path) -> int | None:
    """Return how many numbers an ONNX file holds; None where `onnx` is not installed.

    They are its parameters, and in an INT8 file their few scales.

    Raises:
        RuntimeError: The process that counts fails.
    """
    return (
        int(run_program(COUNT_PROGRAM, path.resolve()).split()[-1]) if find_spec("onnx") else None
    )


def run_program(program: str, *arguments: object) -> str:
    """Run a Python program in a process of its own and return what it prints.

    Raises:
        RuntimeError: It fails; carries the end of its errors.
    """
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    if done.returncode != 0:
        raise RuntimeError(f"a process ended with status {done.returncode}: {done.stderr[-800:]}")
    return done.stdout
