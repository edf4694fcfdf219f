"""Download a data set on its publishers' terms, or say where to ask for it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.errors import UserError
from train.downloads import kaggle, resumable
from train.downloads.sources import SOURCES, DownloadSource, origin_of, source_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("dataset", help=f"one of {', '.join(sorted(SOURCES))}")
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder of data sets, as for --data; the data set becomes DIR/DATASET",
    )
    parser.add_argument(
        "--yes", action="store_true", help="the publishers' terms are read and accepted"
    )


def run(args: argparse.Namespace) -> int:
    """Show the terms, download, and return the exit status."""
    source = source_of(args.dataset)
    print(_describe(args.dataset, source), file=sys.stderr)
    if source.agreement or not (source.kaggle or source.files):
        raise UserError(
            f"Expected a data set that may be downloaded, got {args.dataset}: "
            + (
                f"its publishers want a signed agreement; ask at {source.page}."
                if source.agreement
                else f"it is downloaded by hand, from {source.page}."
            )
        )
    _confirm(args.yes)
    folder = args.out / args.dataset
    if source.kaggle:
        kaggle.fetch(source.kaggle, folder)
    for file in source.files:
        path = resumable.download(file.url, folder / file.name, file.sha256)
        if file.unpack:
            resumable.unpack(path)
    print(f"{args.dataset}: {folder}; train with --data {args.out}")
    return 0


def _describe(dataset: str, source: DownloadSource) -> str:
    origin = origin_of(dataset)
    lines = [
        f"{origin.name} ({origin.source})",
        f"publishers: {source.page}",
        f"terms: {origin.licence}; the publishers' page has them in full",
    ]
    if source.kaggle:
        lines.append(f"from: https://www.kaggle.com/datasets/{source.kaggle} (by kagglehub)")
    lines += [f"from: {file.url}" for file in source.files]
    return "\n".join([*lines, *filter(None, [source.note])])


def _confirm(accepted: bool) -> None:
    """Ask whether the terms are accepted, where nobody has said so yet.

    Raises:
        UserError: they are not, or nobody can be asked.
    """
    if accepted:
        return
    if not sys.stdin.isatty():
        raise UserError("Expected the terms to be accepted, got no answer; try --yes.")
    print("Accept these terms? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UserError("Expected the terms to be accepted, got no; nothing was downloaded.")
