"""The demo, with every host that it asks for once it serves written into a file.

    MIEN_LOOKUPS=FILE python -m apps.webcam.benchmarks.watched_demo [options of the demo]

Each request is refused as always; its line shows that it was made.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from apps.webcam import __main__ as demo

LOOKUPS_VARIABLE = "MIEN_LOOKUPS"


def recorder(path: Path) -> Callable[[str], None]:
    """Return a function that appends a line to `path`, which then exists, for each host."""
    path.touch()

    def note(host: str) -> None:
        with path.open("a", encoding="utf-8") as lines:
            lines.write(f"{host}\n")

    return note


if __name__ == "__main__":
    sys.exit(demo.main(note_host=recorder(Path(os.environ[LOOKUPS_VARIABLE]))))
