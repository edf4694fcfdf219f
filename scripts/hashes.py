"""Write hashes.txt: every pin of constraints.txt with the SHA-256 of its wheel.

    python -m scripts.hashes          downloads the wheels once and writes hashes.txt

The wheels are those for Linux x86-64 and CPython 3.11. torch is left out: its wheel differs between
builds (CPU, CUDA) and indexes, so it is pinned by its version alone. `make install HASHES=1`
installs nothing else than what is listed.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from core.cli import run_program
from core.system import ROOT

UNHASHED = ("torch",)
HEADER = """\
# Linux x86-64, CPython 3.11. Written by `python -m scripts.hashes` (`make lock`). Not here: torch.
"""


def pins(text: str) -> list[str]:
    """Return the `name==version` lines of constraints.txt that have one wheel everywhere."""
    lines = [line.strip() for line in text.splitlines() if "==" in line and line[0] != "#"]
    return [line for line in lines if line.split("==")[0] not in UNHASHED]


def run(_: argparse.Namespace) -> None:
    """Download, hash and write."""
    wanted = pins((ROOT / "constraints.txt").read_text("utf-8"))
    lines = []
    with TemporaryDirectory() as folder:
        for pin in wanted:
            target = Path(folder) / pin
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", target, pin],
                check=True,
            )
            (wheel,) = target.iterdir()
            lines.append(f"{pin} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}")
    (ROOT / "hashes.txt").write_text(HEADER + "\n".join(lines) + "\n", "utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.hashes", description="Write hashes.txt."
    )
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
