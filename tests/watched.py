"""A process whose look-ups, connections and left identifiers are written down.

Below Python, ONNX Runtime shows itself by the files that its statistics need.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from core.outbound.telemetry import SWITCHES
from tests.conftest import ROOT

RECORDER = (
    (ROOT / "core" / "outbound" / "lookups.py").read_text("utf-8")
    + """
import os


def _note(host):
    with open(os.environ["RECORDED_HOSTS"], "a") as file:
        print(host, file=file)


record(_note)
"""
)


class Watched:
    """The environment of a watched process, and what it did."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(RECORDER)
        self._hosts = folder / "hosts.txt"
        self._temporary = folder / "temporary"
        self._temporary.mkdir()
        kept = {k: v for k, v in os.environ.items() if k not in SWITCHES}
        self.env = kept | {
            "PYTHONPATH": str(folder),
            "RECORDED_HOSTS": str(self._hosts),
            "TMPDIR": str(self._temporary),
            "MIEN_OFFLINE": "1",  # the face detector is the one thing that may be downloaded
        }

    def run(self, *command: object, **env: str) -> None:
        """Run a Python command to its end, with more in its environment."""
        done = subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=ROOT,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stderr[-2000:]

    @property
    def hosts(self) -> list[str]:
        """Other machines that were looked up or connected to."""
        return self._hosts.read_text().split() if self._hosts.exists() else []

    @property
    def identifiers(self) -> list[str]:
        """Files that ONNX Runtime's statistics leave in the temporary folder."""
        names = [p.name for p in self._temporary.rglob("*") if p.is_file()]
        return [n for n in names if n == ".ses" or n.startswith("onnxruntime")]
