"""By the command line, from drawn faces to a network that reads them; and what training costs.

With AVX-512 that is half a minute of one core. Without it, torch's convolutions on a CPU take
several times as long, and only the result is checked.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import SLOWNESS
from tests.watched import Watched

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


def test_a_quarter_of_fer_cnn_a_learns_drawn_faces_in_seconds_on_one_core(
    watched: Watched, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    # A thread that spins while others work here would count as work.
    watched.run("-m", "train", *COMMAND, "--out", out, OMP_WAIT_POLICY="PASSIVE")
    summary = json.loads((out / "summary.json").read_text())
    assert summary["state"] == "finished" and summary["best"]["val_emotion_accuracy"] > 0.9, (
        summary["best"]
    )
    # CPU seconds hardly depend on who else works here
    if SLOWNESS == 1:  # torch's convolutions take more than three times as long without AVX-512
        assert summary["timing"]["cpu_seconds"] < MAX_CPU_SECONDS, summary["timing"]
    assert watched.hosts == watched.identifiers == [], "no program calls another machine"
