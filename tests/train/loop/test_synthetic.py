"""By the command line, from drawn faces to a network that reads them; and what training costs.

With AVX-512 that is half a minute of one core. Without it, torch's convolutions on a CPU take
several times as long, and only the result is checked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, SLOWNESS

# A quarter of the notebook's channels with half of their dropout, which take a seventh of the time.
# 2,051 pictures are 260 steps in four epochs: too few for a BatchNorm that remembers as long as
# Keras' (0.01 a step; validation stays at chance until its statistics arrive).
COMMAND = [
    "fer_cnn_a",
    "--epochs=4",
    "--set=data=synthetic",
    "--set=batch=32",
    "--set=model.options.blocks=[(16,0.1),(32,0.12),(64,0.15)]",
    "--set=model.options.momentum=0.1",
    # without AVX-512 torch emulates bf16, ten times slower
    "--set=amp=bf16" if SLOWNESS == 1 else "--set=amp=no",
]
MAX_CPU_SECONDS = 25


def test_a_quarter_of_fer_cnn_a_learns_drawn_faces_in_seconds_on_one_core(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "OMP_WAIT_POLICY": "PASSIVE",
    }  # a thread that spins while others work here would count as work
    command = [sys.executable, "-m", "train", *COMMAND, "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env, timeout=900)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["state"] == "finished" and summary["best"]["val_emotion_accuracy"] > 0.9, (
        summary["best"]
    )
    # CPU seconds hardly depend on who else works here
    if SLOWNESS == 1:  # torch's convolutions take more than three times as long without AVX-512
        assert summary["timing"]["cpu_seconds"] < MAX_CPU_SECONDS, summary["timing"]
