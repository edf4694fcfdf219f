"""Read faces in pictures and videos without a page: `python -m apps.webcam.read FILE ...`.

    python -m apps.webcam.read photo.jpg clip.mp4           one line per face, or stretch of time
    python -m apps.webcam.read folder/ --csv > faces.csv    a table, one row per face (and frame)
    python -m apps.webcam.read folder/ --json               one object: {picture: [face, ...]},
                                                            of videos {video: {"frames": [...]}}
    python -m apps.webcam.read folder/ --out annotated/     copies with boxes and labels

Nothing is written but what is asked for. A file that cannot be read is named on stderr; the others
are read all the same, and the exit status is 2. Sound that a copy lacks is named there, too.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image

from apps.webcam.decoding.limits import LOCAL_LIMITS
from apps.webcam.options import add_model_argument
from apps.webcam.tracking.tracker import TrackedFrame, numbered
from apps.webcam.ui import labels
from apps.webcam.videos import results
from apps.webcam.videos.annotation import annotate
from apps.webcam.videos.reading import read_video
from core import image as images
from core import progress
from core.cli import add_debug, exit_status
from core.errors import UserError
from core.files import atomic_file, csv_cell
from core.pipeline import FaceReading, Pipeline, Reading
from core.terminal import printable

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")
VIDEOS = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi")
BATCH_PICTURES = 8


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.webcam.read",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, help="pictures, videos, or folders of them")
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
    """Read all files and return the exit status."""
    args = build_parser().parse_args(argv)
    return exit_status(lambda: _run(args), debug=args.debug, words=argv)


def _run(args: argparse.Namespace) -> int:
    files = find_files(args.files)
    if args.out and len(set(files.values())) < len(files):
        raise UserError("Expected files of different names for --out; try one folder at a time.")
    pipeline = Pipeline(args.model, is_trusted=args.trust)
    problems: list[str] = []
    readings = _readings(pipeline, files, problems, args.out)
    if args.json:
        print(json.dumps({str(path): _to_json(reading) for path, reading in readings}))
    elif args.csv:
        _print_table(pipeline, readings)
    else:
        for path, reading in readings:
            for line in describe(reading):
                print(printable(f"{path}: {line}"))
    for problem in problems:
        progress.say(problem)
    return 2 if problems else 0


def find_files(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return the files named and those in the folders named, with names for annotated copies.

    Returns:
        Picture or video -> relative name, which repeats the folders below a named folder.

    Raises:
        UserError: a path does not exist, or there is no picture or video at all.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            inner = sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURES + VIDEOS)
            files |= {p: _copy_name(p.relative_to(path)) for p in inner}
        elif path.is_file():
            files[path] = _copy_name(Path(path.name))
        else:
            raise UserError(f"Expected a file or a folder, got {path}, which does not exist.")
    if not files:
        raise UserError(
            f"Expected pictures ({', '.join(PICTURES)}) or videos ({', '.join(VIDEOS)}) in "
            f"{', '.join(map(str, paths))}, got none."
        )
    return files


def _copy_name(path: Path) -> Path:
    return path.with_suffix(".mp4" if _is_video(path) else ".jpg")


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS


def _readings(
    pipeline: Pipeline, files: dict[Path, Path], problems: list[str], out: Path | None
) -> Iterator[tuple[Path, Reading | list[TrackedFrame]]]:
    """Yield what was read in each file; what cannot be read is appended to `problems`."""
    with progress.task("read", len(files)) as advance:
        done = 0
        for is_video, group in groupby(files, _is_video):
            paths = list(group)
            size = 1 if is_video else BATCH_PICTURES
            for start in range(0, len(paths), size):
                batch = {path: files[path] for path in paths[start : start + size]}
                read = _read_videos if is_video else _read_pictures
                yield from read(pipeline, batch, problems, out)
                done += len(batch)
                advance(done)


def _read_pictures(
    pipeline: Pipeline, paths: dict[Path, Path], problems: list[str], out: Path | None
) -> Iterator[tuple[Path, Reading]]:
    loaded = {}
    for path in paths:
        try:
            loaded[path] = images.load(path)
        except UserError as error:
            problems.append(str(error))
    for path, reading in zip(loaded, pipeline(list(loaded.values())), strict=True):
        if out is not None:
            _write_annotated(out / paths[path], loaded[path], reading)
        yield path, reading


def _read_videos(
    pipeline: Pipeline, paths: dict[Path, Path], problems: list[str], out: Path | None
) -> Iterator[tuple[Path, list[TrackedFrame]]]:
    for path, name in paths.items():
        try:
            if out is None:
                yield path, list(read_video(path, pipeline, LOCAL_LIMITS))
                continue
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            yield path, list(annotate(path, out / name, pipeline, LOCAL_LIMITS, _warn(path)))
        except UserError as error:
            problems.append(f"{path}: {error}")


def _warn(path: Path) -> Callable[[str], None]:
    return lambda text: progress.say(f"{path}: {text}")


def describe(reading: Reading | list[TrackedFrame]) -> list[str]:
    """Return one line per face, from the left, or per stretch of a video, or that there is none."""
    if isinstance(reading, list):
        return [
            f"{start:.1f} to {end:.1f} s: {sentence}"
            for start, end, sentences in results.stretches(reading)
            for sentence in sentences
        ] or ["no face"]
    return [
        f"face {number}: no prediction ({face.abstained})"
        if face.abstained
        else f"face {number}: {'; '.join(labels.lines(face.prediction))}"
        for number, face in enumerate(reading.from_left, 1)
    ] or ["no face"]


def _to_json(reading: Reading | list[TrackedFrame]) -> object:
    if isinstance(reading, list):
        return {"frames": [results.frame_to_json(frame) for frame in reading]}
    return reading.to_json()


def _print_table(
    pipeline: Pipeline, readings: Iterator[tuple[Path, Reading | list[TrackedFrame]]]
) -> None:
    from apps.webcam.ui import timeline

    emotions, genders = map(pipeline.predictor.card.labels, ("emotion", "gender"))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["file", "time_s", "face", *timeline.columns(emotions, genders)])
    for path, reading in readings:
        for time, number, face in _rows(reading):
            row = timeline.cells(face, emotions, genders)
            writer.writerow([csv_cell(str(path)), time, number, *row])


def _rows(reading: Reading | list[TrackedFrame]) -> Iterator[tuple[str, int, FaceReading]]:
    """Yield the seconds in a video, empty for a picture, the number of a face, and the face."""
    if isinstance(reading, list):
        for frame in reading:
            yield from ((f"{frame.time:.3f}", face.id, face.reading) for face in frame.measured)
    else:
        yield from (("", number, face) for number, face in enumerate(reading.from_left, 1))


def _write_annotated(target: Path, rgb: np.ndarray, reading: Reading) -> None:
    from apps.webcam.ui import overlay

    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(target) as path:
        Image.fromarray(overlay.draw(rgb, numbered(reading))).save(path, "JPEG", quality=92)


if __name__ == "__main__":
    sys.exit(main())
