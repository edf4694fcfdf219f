"""Read faces in pictures without a page: `python -m apps.webcam.read PICTURE_OR_FOLDER ...`.

    python -m apps.webcam.read photo.jpg                    one line per face
    python -m apps.webcam.read folder/ --csv > faces.csv    a table, one row per face
    python -m apps.webcam.read folder/ --json               one object: {picture: [face, ...]}
    python -m apps.webcam.read folder/ --out annotated/     copies with boxes and labels

Nothing is written but what is asked for. A picture that cannot be read is named on stderr; the
others are read all the same, and the exit status is 2.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from apps.webcam.options import add_model_argument
from apps.webcam.tracking.tracker import numbered
from apps.webcam.ui import labels
from core import image as images
from core import progress
from core.cli import add_debug, exit_status
from core.errors import UserError
from core.files import atomic_file, csv_cell
from core.pipeline import Pipeline, Reading

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")
BATCH_PICTURES = 8


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.webcam.read",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pictures", nargs="+", type=Path, help="pictures, or folders of them")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object on stdout")
    form.add_argument("--csv", action="store_true", help="a CSV table on stdout")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write copies with boxes and labels into DIR"
    )
    add_model_argument(parser)
    add_debug(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Read all pictures and return the exit status."""
    args = build_parser().parse_args(argv)
    return exit_status(lambda: _run(args), debug=args.debug, words=argv)


def _run(args: argparse.Namespace) -> int:
    paths = find_pictures(args.pictures)
    if args.out and len(set(paths.values())) < len(paths):
        raise UserError("Expected pictures of different names for --out; try one folder at a time.")
    pipeline = Pipeline(args.model, is_trusted=args.trust)
    problems: list[str] = []
    readings = _readings(pipeline, paths, problems, args.out)
    if args.json:
        print(json.dumps({str(path): r.to_json() for path, r in readings}))
    elif args.csv:
        _print_table(pipeline, readings)
    else:
        for path, reading in readings:
            for line in describe(reading):
                print(f"{path}: {line}")
    for problem in problems:
        progress.say(problem)
    return 2 if problems else 0


def find_pictures(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return the pictures named and those in the folders named, with names for annotated copies.

    Returns:
        Picture -> relative name, which repeats the folders below a named folder.

    Raises:
        UserError: a path does not exist, there is no picture at all.
    """
    pictures: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            inner = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
            pictures |= {p: p.relative_to(path).with_suffix(".jpg") for p in inner}
        elif path.is_file():
            pictures[path] = Path(path.name).with_suffix(".jpg")
        else:
            raise UserError(f"Expected a picture or a folder, got {path}, which does not exist.")
    if not pictures:
        raise UserError(
            f"Expected pictures ({', '.join(SUFFIXES)}) in {', '.join(map(str, paths))}, got none."
        )
    return pictures


def _readings(
    pipeline: Pipeline, paths: dict[Path, Path], problems: list[str], out: Path | None
) -> Iterator[tuple[Path, Reading]]:
    """Yield each picture's reading; what cannot be read is appended to `problems`."""
    with progress.task("read", len(paths)) as advance:
        done = 0
        for start in range(0, len(paths), BATCH_PICTURES):
            batch, loaded = list(paths)[start : start + BATCH_PICTURES], {}
            for path in batch:
                try:
                    loaded[path] = images.load(path)
                except UserError as error:
                    problems.append(str(error))
            for path, reading in zip(loaded, pipeline(list(loaded.values())), strict=True):
                if out is not None:
                    _write_annotated(out / paths[path], loaded[path], reading)
                yield path, reading
            done += len(batch)
            advance(done)


def describe(reading: Reading) -> list[str]:
    """Return one line per face, from the left, or that there is none."""
    return [
        f"face {number}: no prediction ({face.abstained})"
        if face.abstained
        else f"face {number}: {'; '.join(labels.lines(face.prediction))}"
        for number, face in enumerate(reading.from_left, 1)
    ] or ["no face"]


def _print_table(pipeline: Pipeline, readings: Iterator[tuple[Path, Reading]]) -> None:
    from apps.webcam.ui import timeline

    heads = (pipeline.predictor.card.head("emotion"), pipeline.predictor.card.head("gender"))
    emotions, genders = (head.labels if head else () for head in heads)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["picture", "face", *timeline.columns(emotions, genders)])
    for path, reading in readings:
        for number, face in enumerate(reading.from_left, 1):
            row = timeline.cells(face, emotions, genders)
            writer.writerow([csv_cell(str(path)), number, *row])


def _write_annotated(target: Path, rgb: np.ndarray, reading: Reading) -> None:
    from apps.webcam.ui import overlay

    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(target) as path:
        Image.fromarray(overlay.draw(rgb, numbered(reading))).save(path, "JPEG", quality=92)


if __name__ == "__main__":
    sys.exit(main())
