"""The live demo: `python -m apps.webcam [--model M] [--host H] [--port P]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from apps.webcam.options import INTERVAL_SECONDS, MonitoringOptions, add_model_argument
from apps.webcam.serving.gradio_private import import_without_stubs
from core.cli import add_debug, exit_status
from core.monitoring.counts_line import MAX_SECONDS

SPACE_STREAM_SECONDS = 300
"""Longest live stream on a public Space, so that the next visitor gets a turn."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line.

    `GRADIO_SERVER_NAME` and `GRADIO_SERVER_PORT`, which Spaces set, are the defaults of host and
    port.
    """
    parser = argparse.ArgumentParser(
        prog="python -m apps.webcam",
        description="The live demo: age, perceived gender and emotion from faces.",
    )
    add_model_argument(parser)
    parser.add_argument(
        "--host",
        default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
        help="address to listen on (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=os.environ.get("GRADIO_SERVER_PORT", "7860"),  # argparse converts text
        help="port (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name that the demo answers to, such as that of a proxy; may be repeated",
    )
    parser.add_argument(
        "--monitor",
        type=Path,
        metavar="FILE.jsonl",
        help="append counts of faces and predictions, in groups of ten or more; never a picture",
    )
    parser.add_argument(
        "--monitor-interval",
        type=_seconds,
        default=INTERVAL_SECONDS,
        metavar="SECONDS",
        help="time that a line of counts stands for, at the least (default: %(default)s)",
    )
    parser.add_argument(
        "--metrics",
        action="store_true",
        help="serve the counts at /metrics, as Prometheus reads them, to this computer only",
    )
    add_debug(parser)
    return parser


def _seconds(text: str) -> int:
    """Return whole seconds, 1 to `MAX_SECONDS`.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    seconds = int(text) if text.isdecimal() else 0
    if not 1 <= seconds <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(
            f"Expected whole seconds, 1 to {MAX_SECONDS}, got {text!r}."
        )
    return seconds


def _end(*_: object) -> None:
    """Run the exit handlers, which delete visitors' files: containers are stopped by SIGTERM.

    It may come again while they run.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def main(
    argv: Sequence[str] | None = None, *, note_host: Callable[[str], object] | None = None
) -> int:
    """Run the demo until it is interrupted; return 2 on the user's mistake, 1 on ours.

    Args:
        argv: The words of the command line.
        note_host: Called with every host that it asks for once it serves; see `serving.outbound`.
    """
    args = build_parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _end)

    def run() -> None:
        # Gradio takes seconds to import; --help does not.
        import_without_stubs()
        from apps.webcam.serve import serve
        from apps.webcam.serving.clients import SPACE_PROXIES
        from apps.webcam.serving.hosts import space_names

        allowed_hosts, max_stream_seconds = args.allow_host, None
        if os.environ.get("SPACE_ID"):
            allowed_hosts += space_names(os.environ)
            max_stream_seconds = SPACE_STREAM_SECONDS
            os.environ.setdefault("FORWARDED_ALLOW_IPS", SPACE_PROXIES)
        serve(
            args.model,
            args.host,
            args.port,
            is_trusted=args.trust,
            allowed_hosts=allowed_hosts,
            max_stream_seconds=max_stream_seconds,
            monitoring=MonitoringOptions(args.monitor, args.metrics, args.monitor_interval),
            note_host=note_host,
        )

    return exit_status(run, words=argv, debug=args.debug, on_interrupt=None)


if __name__ == "__main__":
    sys.exit(main())
