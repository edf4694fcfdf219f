"""The demo, with every look-up and connection that it tries written into a file.

    MIEN_LOOKUPS=FILE python -m apps.webcam.benchmarks.watched_demo [options of the demo]

They are refused as always; a line each shows that a request came so far.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from apps.webcam import __main__ as demo
from apps.webcam.serving import outbound

LOOKUPS_VARIABLE = "MIEN_LOOKUPS"


def record(path: Path) -> None:
    """Append a line to `path` for whatever `outbound.refuse` refuses from now on."""
    refuse = outbound.refuse
    path.touch()

    def refuse_and_record(event: str, arguments: tuple[object, ...]) -> None:
        try:
            refuse(event, arguments)
        except PermissionError:
            with path.open("a", encoding="utf-8") as lines:
                lines.write(f"{event} {arguments[:2]!r}\n")
            raise

    outbound.refuse = refuse_and_record


if __name__ == "__main__":
    record(Path(os.environ[LOOKUPS_VARIABLE]))
    sys.exit(demo.main())
