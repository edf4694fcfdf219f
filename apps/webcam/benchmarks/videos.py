"""What reading a video costs, and whether few searches find what many do.

    python -m apps.webcam.benchmarks.videos [CLIP]

Without a clip, one is drawn: two faces side by side, eight seconds of 640x480 at 30 frames/s. It is
read twice: as the demo does, and with a search of every frame. Processor time, of this process and
of the decoding one, does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np

from apps.webcam.benchmarks import scene
from apps.webcam.benchmarks.steadiness import cut_heads
from apps.webcam.decoding.limits import LOCAL_LIMITS
from apps.webcam.options import add_model_argument
from apps.webcam.tracking.tracker import TrackedFrame
from apps.webcam.videos.detection import MAX_GAP_FRAMES
from apps.webcam.videos.reading import read_video
from apps.webcam.videos.writing import add_stream, encode
from core.cli import add_debug, exit_status
from core.pipeline import Pipeline

DRAWN_RATE, SEED = 30.0, 0


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print one JSON object, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.webcam.benchmarks.videos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clip", nargs="?", type=Path, help="a video (default: one is drawn)")
    add_model_argument(parser)
    add_debug(parser)
    args = parser.parse_args(argv)

    def run() -> None:
        cv2.setNumThreads(1)  # as the demo does
        pipeline = Pipeline(args.model, is_trusted=args.trust)
        with tempfile.TemporaryDirectory() as folder:
            clip = args.clip or draw_clip(pipeline, Path(folder) / "clip.mp4")
            print(json.dumps(measure(clip, pipeline), indent=2))

    return exit_status(run, debug=args.debug, words=argv)


def draw_clip(pipeline: Pipeline, path: Path) -> Path:
    """Write the drawn clip and return its path."""
    head, other = cut_heads(pipeline)
    with av.open(path, "w") as writer:
        stream = add_stream(writer, (scene.HEIGHT, scene.WIDTH), DRAWN_RATE)
        for frame in scene.side_by_side(head, other, SEED, DRAWN_RATE):
            encode(writer, stream, frame.pixels, frame.time)
        writer.mux(stream.encode(None))
    return path


def measure(clip: Path, pipeline: Pipeline) -> dict[str, float]:
    """Return costs in processor seconds per second of video, and how far both reads differ."""
    few, few_s = _timed(clip, pipeline, MAX_GAP_FRAMES)
    all_, all_s = _timed(clip, pipeline, 1)
    seconds = max(all_[-1].time, 1e-6)
    return {
        "video_seconds": round(seconds, 2),
        "processor_s_per_s": round(few_s / seconds, 3),
        "processor_s_per_s_every_frame_searched": round(all_s / seconds, 3),
    } | compare(few, all_)


def _timed(clip: Path, pipeline: Pipeline, gap: int) -> tuple[list[TrackedFrame], float]:
    before = _processor_seconds()
    frames = list(read_video(clip, pipeline, LOCAL_LIMITS, gap))
    return frames, _processor_seconds() - before


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def compare(few: Sequence[TrackedFrame], all_: Sequence[TrackedFrame]) -> dict[str, float]:
    """Return how the reading with few searches differs from that with a search of every frame."""
    faces = missing = extra = 0
    emotions, ages = [0.0], [0.0]
    for some, every in zip(few, all_, strict=True):
        got, expected = ({f.id: f.reading for f in frame.measured} for frame in (some, every))
        faces += len(expected)
        missing += len(expected.keys() - got.keys())
        extra += len(got.keys() - expected.keys())
        for number in got.keys() & expected.keys():
            a, b = got[number].prediction, expected[number].prediction
            if a.emotion and b.emotion:
                emotions.append(float(np.abs(a.emotion.p - b.emotion.p).max()))
            if a.age and b.age:
                ages.append(abs(a.age.value - b.age.value))
    return {
        "faces": faces,
        "missing": missing,
        "extra": extra,
        "largest_difference_of_a_probability_95_percent": round(np.percentile(emotions, 95), 4),
        "difference_of_the_age_95_percent_years": round(np.percentile(ages, 95), 2),
    }


if __name__ == "__main__":
    sys.exit(main())
