"""The demo started as a file, as a Space does it, with a stand-in for ZeroGPU's package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.outbound.telemetry import SWITCHES
from core.system import ROOT

SPACES = """
import os
import sys

def GPU(function):
    print("registered", function() is None)
    return function

print("imported", all(os.environ.get(name) for name in sys.argv[2:]))
"""


@pytest.mark.parametrize("is_zero_gpu", [True, False])
def test_zero_gpu_gets_a_function_after_usage_statistics_are_off(
    tmp_path: Path, is_zero_gpu: bool
) -> None:
    (tmp_path / "spaces.py").write_text(SPACES)
    env = {k: v for k, v in os.environ.items() if k not in {*SWITCHES, "SPACES_ZERO_GPU"}}
    env |= {"PYTHONPATH": str(tmp_path)} | ({"SPACES_ZERO_GPU": "true"} if is_zero_gpu else {})
    done = subprocess.run(
        [sys.executable, "apps/webcam/app.py", "--help", *SWITCHES],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    announced = "imported True\nregistered True\n"
    assert done.stdout.startswith(announced) == is_zero_gpu == ("imported" in done.stdout)
    assert "--monitor" in done.stdout
