"""One training in a process of its own, for `python -m train study`.

So each member starts with clean memory, and the peak that its history states is its own. Bars and
messages go to stderr as always. `python -m train.study.launch FILE JOB` is the other side: it
trains the job, a JSON object of `train.fit.Job`'s fields, and writes to FILE why it failed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from pydantic import TypeAdapter

from core import progress
from core.errors import UserError
from core.system import ROOT
from train import fit
from train.fit import Job

FORWARD_AFTER_S = 3.0
"""Ctrl-C reaches both processes at a terminal; after so long without effect it is passed on."""
FORWARD_AGAIN_S = 15.0
"""Python drops an interrupt that meets it in a finaliser, so it is sent again."""


def call(job: Job) -> tuple[int, str]:
    """Train a job in a new process.

    Returns:
        Its exit status (0, 2 for the user's mistake, 1 for ours) and the text of its error.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM, after the process has ended.
    """
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder) / "why"
        path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH")) if p)
        handler = signal.getsignal(signal.SIGTERM)
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        command = [sys.executable, "-m", "train.study.launch", str(note), to_json(job)]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path}
        )
        try:
            status = process.wait()
        except KeyboardInterrupt:
            patience_s = FORWARD_AFTER_S
            while True:
                try:
                    process.wait(patience_s)
                    break
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGINT)
                    patience_s = FORWARD_AGAIN_S
            raise
        finally:
            if in_main_thread:
                signal.signal(signal.SIGTERM, handler)
        if status == 130:
            raise KeyboardInterrupt
        error = note.read_text(encoding="utf-8") if note.is_file() else ""
        if status and not error:
            error = f"its process ended with status {status} and without a message"
        return status, error


def to_json(job: Job) -> str:
    """Return a job as `from_json` reads it."""
    return TypeAdapter(Job).dump_json(job).decode()


def from_json(text: str) -> Job:
    """Return the job that `to_json` wrote."""
    return TypeAdapter(Job).validate_json(text)


def main(argv: list[str]) -> int:
    """Train the job of `argv`, (FILE, JOB), and return the exit status."""
    try:
        fit.fit(from_json(argv[1]))
        return 0
    except KeyboardInterrupt:
        return 130
    except UserError as error:
        text, status = str(error), 2
    except Exception as error:
        text, status = f"internal error: {type(error).__name__}: {error}", 1
    Path(argv[0]).write_text(text, encoding="utf-8")
    progress.say(f"error: {text}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
