"""The joining of an annotated video with its source's sound, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from apps.webcam.decoding.joining import Sound
from apps.webcam.decoding.limits import VideoLimits
from apps.webcam.decoding.messages import BrokenStreamError
from apps.webcam.decoding.process import DecodingProcess


def join_with_sound(
    parts: Sequence[Path], source: Path, target: Path, end_s: float, limits: VideoLimits
) -> Sound | None:
    """Join parts with the sound of their source in a decoding process; None if that fails.

    Args:
        parts: MP4 files whose times follow each other.
        source: The video that they were made from; untrusted.
        target: The MP4 file.
        end_s: Seconds from the first frame after which no sound is kept.
        limits: Of the source.
    """
    settings = json.dumps(asdict(limits))
    paths = [str(path.resolve()) for path in (source, target, *parts)]
    with DecodingProcess("join", paths[0], settings, str(end_s), *paths[1:]) as process:
        try:
            values, _ = process.receive(0, limits.max_wait_seconds)
        except BrokenStreamError:
            return None
    coding, is_kept = values.get("coding"), values.get("is_kept")
    if not isinstance(coding, str) or not isinstance(is_kept, bool):
        return None
    return Sound(coding, is_kept)
