"""One training in a process of its own, for `python -m train study`: `python -m train.study.launch
FILE RECIPE ...` writes to FILE why it failed.

Each member so starts with clean memory, and the peak that its history states is its own. Bars and
messages go to stderr as ever.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from core import progress
from core.artifacts.downloads import ROOT
from core.errors import UserError

PATIENCE_S = 3.0
"""Ctrl-C reaches both processes at a terminal; after this long without effect it is passed on."""
AGAIN_S = 15.0


def call(arguments: list[str]) -> tuple[int, str]:
    """Runs `python -m train ARGUMENTS` and returns its exit status with the text of its error.
    Ctrl-C (or SIGTERM) stops it, then us.
    """
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder) / "why"
        path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH")) if p)
        before = signal.getsignal(signal.SIGTERM)
        alone = threading.current_thread() is threading.main_thread()
        if alone:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        command = [sys.executable, "-m", "train.study.launch", str(note), *arguments]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path}
        )
        try:
            status = process.wait()
        except KeyboardInterrupt:
            patience = PATIENCE_S
            while True:
                try:
                    process.wait(patience)
                    break
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGINT)
                    patience = AGAIN_S  # Python drops an interrupt that meets it in a finaliser
            raise
        finally:
            if alone:
                signal.signal(signal.SIGTERM, before)
        if status == 130:
            raise KeyboardInterrupt
        said = note.read_text(encoding="utf-8") if note.is_file() else ""
        return status, said or (
            "" if status == 0 else f"its process ended with status {status} and without a word"
        )


def main(argv: list[str]) -> int:
    """The other side of `call`."""
    from train import fit

    try:
        return fit.run(argv[1:], "python -m train")
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
