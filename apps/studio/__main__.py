"""Start the evaluation studio on http://127.0.0.1:8501.

python -m apps.studio [T.parquet ...] [--images DIR] [--map OURS=THEIRS]... [--dataset D]...
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core import progress
from core.cli import add_debug, add_trust, exit_status
from core.errors import DataError
from core.terminal import printable
from evaluation.predictions.importing.arguments import add_import

if TYPE_CHECKING:
    from apps.studio.settings import Settings

PORT = 8501


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    p = argparse.ArgumentParser(
        prog="python -m apps.studio",
        description="The evaluation studio: where a face model fails, a page for each question.",
    )
    p.add_argument(
        "tables",
        nargs="*",
        type=Path,
        metavar="T.parquet",
        help="predictions: Parquet, CSV, JSON Lines, Excel (default: the shipped samples)",
    )
    p.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="the pictures: the folder that the column `path` is relative to",
    )
    add_import(p)
    p.add_argument(
        "--runs",
        type=Path,
        metavar="DIR",
        help="folder of training runs, for the page Training runs",
    )
    add_trust(p)
    p.add_argument(
        "--robustness",
        type=Path,
        metavar="R.parquet",
        help="table of `evaluation robustness --out`, for the page Robustness",
    )
    p.add_argument(
        "--dataset",
        action="append",
        default=[],
        metavar="D",
        help="for the page Data set: a manifest, a table of labels, or NAME=DIR (such as "
        "utkface=data/utkface); again for each later version of it",
    )
    p.add_argument(
        "--audit",
        type=Path,
        metavar="F.parquet",
        help="file of `evaluation audit --findings`, for the page Data quality",
    )
    p.add_argument(
        "--production",
        type=Path,
        metavar="FILE.jsonl",
        help="counts that `apps.webcam --monitor` wrote, for the page In production",
    )
    p.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    p.add_argument("--port", type=int, default=PORT, help="port (default: %(default)s)")
    add_debug(p)
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted and return the exit status: 2 the user's mistake, 1 ours."""
    args = parser().parse_args(argv)
    return exit_status(lambda: serve(args), words=argv, debug=args.debug, on_interrupt=None)


def serve(args: argparse.Namespace) -> None:
    """Check the tables, open them and start the server.

    Raises:
        UserError: a table, folder or --map that does not fit.
    """
    settings = checked(args)
    import streamlit as st
    from starlette.middleware import Middleware

    from apps.studio import app as router
    from apps.studio import context, data_sets, link_preview, samples
    from apps.studio.serving import images, plotly_script
    from apps.studio.serving.same_origin import SameOrigin
    from apps.studio.serving.upload_room import UploadRoom
    from apps.studio.settings import PROCESS

    # The tables are opened before there is a visitor, which Streamlit would warn about.
    for name in ("scriptrunner_utils.script_run_context", "caching.cache_data_api"):
        logging.getLogger(f"streamlit.runtime.{name}").setLevel(logging.ERROR)
    PROCESS.use(settings)
    opened = [sample.settings for sample in samples.offered().values()] or [settings]
    for one in opened:
        if one.tables:
            store = context.opened(one, progress.task)
            print(printable(f"{store.rows:,} predictions of {', '.join(store.models)}"), flush=True)
        for version in data_sets.opened(one):
            print(printable(f"{len(version):,} samples of {version.name}"), flush=True)
    print(f"Evaluation studio: http://{args.host}:{args.port}", flush=True)
    faces = [one.faces for one in opened if one.faces]
    titles = {name: page.TITLE for name, page in router.pages().items()}
    pages = link_preview.routes(titles, router.first_page())
    routes = [plotly_script.route(), images.route(faces), *pages]
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    script = Path(__file__).with_name("entry") / "script.py"
    sys.argv = [str(script)]  # Streamlit looks for its configuration beside what was started
    middleware = [Middleware(SameOrigin), Middleware(UploadRoom)]
    app = st.App(script, routes=routes, middleware=middleware)
    app.run(config=options(args.host, args.port))


def checked(args: argparse.Namespace) -> Settings:
    """Return the settings of the command line.

    Raises:
        UserError: a folder, file or --map that does not fit.
    """
    from apps.studio import data_sets
    from apps.studio.serving.images import Faces
    from apps.studio.settings import Settings
    from evaluation.predictions.importing.arguments import import_options

    import_options_given = import_options(args)
    for option, folder in (("--images", args.images), ("--runs", args.runs)):
        if folder is not None and not folder.is_dir():
            raise DataError(f"Expected {option} to be a folder, got {folder}; there is none.")
    images = args.images or data_sets.own_folder(args.dataset)
    if args.robustness is not None:
        from evaluation.robustness import curves

        curves.read(args.robustness)
    if args.audit is not None:
        from evaluation.quality.repair import review

        review.read_findings(args.audit)
    if args.production is not None:
        from evaluation.production import reading

        reading.read(args.production)
    return Settings(
        tables=tuple(path.resolve() for path in args.tables),
        options=import_options_given,
        faces=Faces(images) if images else None,
        datasets=tuple(args.dataset),
        runs=args.runs,
        is_trusted=args.trust,
        robustness=args.robustness,
        audit=args.audit,
        production=args.production,
    )


def options(host: str, port: int) -> dict[str, object]:
    """Return Streamlit's configuration: nothing is counted, watched, called or read from disk."""
    from apps.studio import charts, text_colours
    from apps.studio.settings import MAX_UPLOAD_MB

    is_local = host in ("127.0.0.1", "localhost", "::1")
    return {
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.maxUploadSize": MAX_UPLOAD_MB,
        "server.enableStaticServing": False,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "logger.hideWelcomeMessage": True,
        # Widgets take their value from the URL at every run.
        "global.disableWidgetStateDuplicationWarning": True,
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        # No other name may lead a browser here (DNS rebinding).
        "server.allowedHosts": ["127.0.0.1", "localhost", "[::1]"] if is_local else [],
        # `same_origin` does both, without Streamlit's list of this machine's names, which lacks
        # that of a Space. Off, other sites' pages can also read: on one's own computer never.
        "server.enableXsrfProtection": is_local,
        "server.enableCORS": is_local,
        "theme.light.primaryColor": charts.ACCENT_ON_WHITE,
        "theme.dark.primaryColor": charts.ACCENT_ON_BLACK,
        "theme.light.textColor": text_colours.TEXT_ON_WHITE,
        "theme.light.codeTextColor": text_colours.TEXT_ON_WHITE,
        "theme.dark.codeTextColor": text_colours.TEXT_ON_BLACK,
    }


if __name__ == "__main__":
    sys.exit(main())
