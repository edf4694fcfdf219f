"""Draw the demo's example pictures and its clip: apps/webcam/examples/drawn-*.jpg and clip.mp4.

    python -m scripts.demo_examples [--out DIR]

Faces come from the pen of the data set `synthetic`, so that nobody is shown; the clip begins with
the public-domain portrait that is there already.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np

from core import image
from core.cli import run_program
from core.data.base import face_drawing
from core.data.base.face_drawing import Look
from core.labels import FERPLUS8, GENDER2
from core.system import ROOT

EXAMPLES = ROOT / "apps" / "webcam" / "examples"
CLIP_SIZE, CLIP_RATE, SWAY_PX = (480, 360), 12, 24
SECONDS_PER_FACE = 1.25
NEUTRAL, HAPPINESS, SURPRISE, SADNESS, ANGER, _, FEAR, _ = range(len(FERPLUS8))
FEMALE, MALE = GENDER2.index("f"), GENDER2.index("m")
GROUP = (
    ((HAPPINESS, FEMALE, 25), (SURPRISE, MALE, 40), (ANGER, MALE, 8)),
    ((SADNESS, FEMALE, 8), (FEAR, FEMALE, 70), (NEUTRAL, MALE, 25)),
)
"""Emotion, gender and age of the faces in the picture of a group, row by row."""
CLIP = tuple((emotion, FEMALE, 25) for emotion in (HAPPINESS, SURPRISE, ANGER, FEAR))


def face(emotion: int, gender: int, age: int, side: int, seed: int) -> np.ndarray:
    """Return a drawn face, RGB uint8 (side, side, 3)."""
    look = Look(emotion, gender, age, skin=seed % 3)
    drawn = face_drawing.draw(look, np.random.default_rng(seed))
    return cv2.resize(drawn, (side, side), interpolation=cv2.INTER_CUBIC)


def group() -> np.ndarray:
    """Return two rows of three drawn faces, RGB uint8 (640, 960, 3)."""
    rows = [
        np.concatenate([face(*look, side=320, seed=10 * i + k) for k, look in enumerate(row)], 1)
        for i, row in enumerate(GROUP)
    ]
    return np.concatenate(rows)


def clip() -> list[np.ndarray]:
    """Return the frames of the clip, RGB uint8 (360, 480, 3): each face sways a little."""
    width, height = CLIP_SIZE
    portrait = image.load(EXAMPLES / "astronaut.jpg")[:384]
    stills = [cv2.resize(portrait, CLIP_SIZE, interpolation=cv2.INTER_AREA)]
    for look in CLIP:
        still = np.full((height, width, 3), 96, np.uint8)
        still[:, (width - height) // 2 : (width + height) // 2] = face(*look, side=height, seed=3)
        stills.append(still)
    frames_per_face = round(SECONDS_PER_FACE * CLIP_RATE)
    sway = [
        round(SWAY_PX * np.sin(2 * np.pi * k / frames_per_face)) for k in range(frames_per_face)
    ]
    return [np.roll(still, shift, axis=1) for still in stills for shift in sway]


def write_clip(path: Path) -> None:
    """Write the clip as an MP4 file."""
    with av.open(path, "w", options={"movflags": "+faststart"}) as out:
        stream = out.add_stream("libx264", CLIP_RATE, options={"crf": "28", "preset": "slow"})
        (stream.width, stream.height), stream.pix_fmt = CLIP_SIZE, "yuv420p"
        for pixels in clip():
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode())


def run(args: argparse.Namespace) -> None:
    """Write the files."""
    out: Path = args.out
    out.mkdir(parents=True, exist_ok=True)
    pictures = {
        "drawn-smile.jpg": face(HAPPINESS, FEMALE, 25, side=480, seed=1),
        "drawn-surprise.jpg": face(SURPRISE, MALE, 40, side=480, seed=2),
        "drawn-group.jpg": group(),
    }
    for name, pixels in pictures.items():
        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(out / name), bgr, [cv2.IMWRITE_JPEG_QUALITY, 85])
    write_clip(out / "clip.mp4")


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    p = argparse.ArgumentParser(
        prog="python -m scripts.demo_examples", description="Draw the demo's examples."
    )
    p.add_argument("--out", type=Path, default=EXAMPLES, help="folder (default: the demo's own)")
    return run_program(p, run, argv)


if __name__ == "__main__":
    sys.exit(main())
