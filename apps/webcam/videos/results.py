"""The predictions of a video as JSON and as WebVTT captions; `apps.webcam.ui.timeline` has the CSV.

WebVTT: https://www.w3.org/TR/webvtt1/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from apps.webcam.tracking.tracker import TrackedFrame
from apps.webcam.ui import labels

LAST_FRAME_SECONDS = 0.1
"""How long the last frame is taken to be shown."""


def frame_to_json(frame: TrackedFrame) -> dict[str, object]:
    """Return a frame as JSON has it: `time` in seconds, and its `faces`, each with its number."""
    faces = [{"face": face.id, **face.reading.to_json()} for face in frame.measured]
    return {"time": round(frame.time, 3), "faces": faces}


def to_json(frames: Sequence[TrackedFrame]) -> str:
    """Return one JSON object with all frames, those without a face too."""
    return json.dumps({"frames": [frame_to_json(frame) for frame in frames]})


def stretches(frames: Sequence[TrackedFrame]) -> Iterator[tuple[float, float, list[str]]]:
    """Yield start, end and sentences of the stretches in which the same can be said of the faces.

    Stretches without a face are left out.
    """
    sentences = [[labels.sentence(f.id, f.reading) for f in frame.measured] for frame in frames]
    firsts = [i for i in range(len(frames)) if i == 0 or sentences[i] != sentences[i - 1]]
    for first, after in pairwise([*firsts, len(frames)]):
        if sentences[first]:
            is_last = after == len(frames)
            end = frames[-1].time + LAST_FRAME_SECONDS if is_last else frames[after].time
            yield frames[first].time, end, sentences[first]


def to_vtt(frames: Sequence[TrackedFrame]) -> str:
    """Return WebVTT captions: a line for each face, for as long as the same can be said of it."""
    cues = []
    for start, end, sentences in stretches(frames):
        # A line break or `-->` would end the text.
        text = "\n".join(escape(" ".join(s.split()), quote=False) for s in sentences)
        cues.append(f"{_timestamp(start)} --> {_timestamp(end)}\n{text}\n")
    return "\n".join(["WEBVTT\n", *cues])


def _timestamp(seconds: float) -> str:
    """Return e.g. 00:01:02.345."""
    ms = round(1000 * seconds)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
