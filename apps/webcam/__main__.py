"""`python -m apps.webcam [--model M] [--host H] [--port P]`: the live demo on
http://127.0.0.1:7860.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import status

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "assets" / "models" / "mien"
SPACE_SECONDS = 300
"""On a public Space a live stream ends after this, so that the next visitor has a turn; Record
starts another.
"""


def parser() -> argparse.ArgumentParser:
    """The command line. `GRADIO_SERVER_NAME` and `GRADIO_SERVER_PORT`, which Spaces set, are the
    defaults of host and port.
    """
    p = argparse.ArgumentParser(
        prog="python -m apps.webcam",
        description="The live demo: age, perceived gender and emotion from faces.",
    )
    p.add_argument(
        "--model",
        type=Path,
        default=MODEL,
        help="model file or its folder, or an ensemble's (default: the shipped one)",
    )
    p.add_argument(
        "--host",
        default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
        help="address to listen on (default: %(default)s)",
    )
    p.add_argument(
        "--port",
        type=int,
        default=int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
        help="port (default: %(default)s)",
    )
    p.add_argument("--debug", action="store_true", help="show a traceback where something fails")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Runs until interrupted. Exit status 2: the user's mistake; 1: ours."""
    args = parser().parse_args(argv)
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(0)
    )  # how containers stop: run the exit handlers, which delete visitors' files

    def work() -> None:
        from apps.webcam.serve import serve

        serve(
            args.model,
            args.host,
            args.port,
            live_seconds=SPACE_SECONDS if os.environ.get("SPACE_ID") else None,
        )

    return status(work, args.debug)


if __name__ == "__main__":
    sys.exit(main())
