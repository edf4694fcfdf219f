"""The demo, with every host that it asks for once it serves written into a file.

    MIEN_LOOKUPS=FILE python -m apps.webcam.benchmarks.watched_demo [options of the demo]

They are refused as always; a line each shows that a request came so far.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from apps.webcam import __main__ as demo
from apps.webcam.serving import outbound
from core.outbound import lookups

LOOKUPS_VARIABLE = "MIEN_LOOKUPS"


def record(path: Path) -> None:
    """Append a line to `path` for each host that is asked for after `outbound.forbid`."""
    forbid = outbound.forbid
    path.touch()

    def note(host: str) -> None:
        with path.open("a", encoding="utf-8") as lines:
            lines.write(f"{host}\n")

    def record_and_forbid() -> None:
        lookups.record(note, this_machine=True)  # first: the hook that refuses is the last to run
        forbid()

    outbound.forbid = record_and_forbid


if __name__ == "__main__":
    record(Path(os.environ[LOOKUPS_VARIABLE]))
    sys.exit(demo.main())
