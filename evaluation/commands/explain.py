"""explain: what an answer rests on: parts of the face are covered in turn, and where the answer
suffers lies its evidence.

Works on the model file alone. A square of the crop's mean grey covers the face, in three sizes; a
map's number is by how much the predicted class' probability falls (or the age moves, in years)
where that pixel is covered, averaged over all squares that cover it (Zeiler and Fergus, ECCV 2014).
One PNG per picture, with a panel per answer, on a blurred face unless --show-faces. The best
detection is taken. `python -m train gradcam` draws the same from the gradients of a torch
checkpoint.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from core import image as images
from core.artifacts.card import TASKS
from core.ensemble import open_model
from core.errors import DataError
from core.faces import STILL_SIDE, best_detector, chip_face
from core.labels import GENDER2
from core.predictor import Predictor
from core.preprocess import InputSpec, crop_face
from core.progress import say, task
from evaluation.commands.predict import BATCH, outputs
from evaluation.explanation.heatmap import Explanation, save
from evaluation.predictions.schema import P_EMOTION, P_GENDER

SHARES = (8, 5, 3)
"""Squares of an eighth, a fifth and a third of the crop's side: small ones place the evidence,
large ones find what is redundant.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `explain`."""
    parser.add_argument(
        "--model", required=True, type=Path, help="model file or its folder, or an ensemble's"
    )
    add_pictures(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object on stdout: answers, files and how far they can move",
    )


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which pictures are explained and how they are drawn."""
    parser.add_argument(
        "images", nargs="+", type=Path, metavar="IMAGE", help="pictures with a face"
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="folder for one PNG per picture"
    )
    parser.add_argument(
        "--task",
        action="append",
        choices=TASKS,
        help="may be given again (default: all that the model has)",
    )
    parser.add_argument(
        "--tight",
        action="store_true",
        help="each picture is one face that fills it, as in FER2013 and UTKFace",
    )
    parser.add_argument(
        "--show-faces", action="store_true", help="do not blur the face under the map"
    )


def run(args: argparse.Namespace) -> int:
    """Writes the pictures."""
    predictor = open_model(args.model)
    if len(predictor.views) > 1:
        raise DataError(
            f"Expected a model with one crop of a face, got {args.model}, whose members crop differently; try one of them."
        )
    chosen = [h.task for h in predictor.card.heads if h.task in (args.task or TASKS)]
    if not chosen:
        raise DataError(
            f"Expected --task to be one of {', '.join(h.task for h in predictor.card.heads)}, got {', '.join(args.task)}."
        )
    made = draw(
        args,
        predictor.card.input,
        lambda crop: [one for t, one in occlusion(predictor, crop).items() if t in chosen],
    )
    rows = [
        {
            "image": str(path),
            "file": str(file),
            "answers": {one.task: one.answer for one in found},
            "largest": {one.task: float(np.abs(one.heat).max()) for one in found},
        }
        for path, file, found in made
    ]
    if args.json:
        print(json.dumps({"model": predictor.card.name, "images": rows}, allow_nan=False))
    return 0


def draw(
    args: argparse.Namespace,
    spec: InputSpec,
    explained: Callable[[np.ndarray], Sequence[Explanation]],
) -> list[tuple[Path, Path, Sequence[Explanation]]]:
    """Explains the pictures of `add_pictures` and writes a PNG for each. Returns: picture, file and
    explanations.

    Raises:
        ImageError: a picture cannot be read; those before it are written.
    """
    detector, about = best_detector()
    say(f"Face detector: {about}")
    args.out.mkdir(parents=True, exist_ok=True)
    made: list[tuple[Path, Path, Sequence[Explanation]]] = []
    with task("explain", len(args.images)) as advance:
        for path, file in zip(args.images, targets(args.images, args.out), strict=True):
            picture = images.load(path)
            face = (
                chip_face(picture, detector)
                if args.tight
                else next(iter(detector(picture, STILL_SIDE)), None)
            )
            crop = crop_face(picture, face, spec)
            found = explained(crop)
            save(file, crop, found, blur=not args.show_faces)
            made.append((path, file, found))
            advance(len(made))
            note = "" if face is not None else " (no face found: the whole picture)"
            say(f"{file}: {', '.join(one.answer for one in found)}{note}")
    return made


def targets(pictures: Sequence[Path], out: Path) -> Iterator[Path]:
    """A file in `out` for each picture, by its name; a number sets equal names apart."""
    used: set[str] = set()
    for path in pictures:
        name, i = path.stem, 2
        while name in used:
            name, i = f"{path.stem}-{i}", i + 1
        used.add(name)
        yield out / f"{name}.png"


def occlusion(
    predictor: Predictor, crop: np.ndarray, shares: Sequence[int] = SHARES
) -> dict[str, Explanation]:
    """Task -> what the model's answer to a uint8 crop (S, S, C) rests on. shares: a square's side
    is S divided by each.
    """
    size = crop.shape[0]
    squares = [
        (s, y, x)
        for s in dict.fromkeys(max(1, size // n) for n in shares)
        for y in _starts(size, s)
        for x in _starts(size, s)
    ]
    covered = np.repeat(
        crop[None], len(squares) + 1, axis=0
    )  # (1 + squares, S, S, C); the first stays as it is
    mean = np.rint(crop.mean(axis=(0, 1))).astype(np.uint8)
    for one, (side, y, x) in zip(covered[1:], squares, strict=True):
        one[y : y + side, x : x + side] = mean
    parts = [outputs(predictor, covered[i : i + BATCH]) for i in range(0, len(covered), BATCH)]
    said = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    return {
        name: Explanation(
            name, answer, _spread(values[0] - values[1:], squares, size), about, name == "age"
        )
        for name, answer, values, about in _answers(said)
    }


def _starts(size: int, side: int) -> list[int]:
    """Where squares begin along one side: half a square apart, and one that ends at the border."""
    return sorted({*range(0, size - side + 1, max(1, side // 2)), size - side})


def _answers(said: dict[str, np.ndarray]) -> Iterator[tuple[str, str, np.ndarray, str]]:
    """(task, answer to the first crop, what is measured of each crop (N,), what it is)."""
    about = "fall of its probability where covered"
    if "emotion_pred" in said:
        top = str(said["emotion_pred"][0])
        p = said[P_EMOTION + top]
        yield "emotion", f"{top} {p[0]:.0%}", p, about
    if P_GENDER in said:
        p = said[P_GENDER] if said[P_GENDER][0] >= 0.5 else 1 - said[P_GENDER]
        yield (
            "gender",
            f"perceived {GENDER2.labels[0 if p is said[P_GENDER] else 1]} {p[0]:.0%}",
            p,
            about,
        )
    if "age_pred" in said:
        yield (
            "age",
            f"{said['age_pred'][0]:.0f} years",
            said["age_pred"],
            "years by which the age moves where covered",
        )


def _spread(drops: np.ndarray, squares: Sequence[tuple[int, int, int]], size: int) -> np.ndarray:
    """One number per square (side, y, x) -> (size, size): at each pixel the mean over its squares,
    then over the sides.
    """
    maps = []
    for wanted in dict.fromkeys(side for side, _, _ in squares):
        total, count = np.zeros((size, size)), np.zeros((size, size))
        for drop, (side, y, x) in zip(drops, squares, strict=True):
            if side == wanted:
                total[y : y + side, x : x + side] += drop
                count[y : y + side, x : x + side] += 1
        maps.append(total / count)
    return np.mean(maps, axis=0)
