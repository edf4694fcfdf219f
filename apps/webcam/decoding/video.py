"""The frames of an untrusted video, decoded in a process of its own."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from apps.webcam.decoding.limits import SUGGESTION, VideoError, VideoLimits
from apps.webcam.decoding.messages import BrokenStreamError, Values
from apps.webcam.decoding.process import DecodingProcess
from apps.webcam.decoding.video_frames import check_file


@dataclass(frozen=True, slots=True)
class VideoFrames:
    """An opened video.

    Attributes:
        duration_s: seconds that the header states, None where it does not.
        rate: average frames/s that the header states, None where it does not.
        frames: upright RGB uint8 (H, W, 3), H and W even, with seconds since the first frame.
    """

    duration_s: float | None
    rate: float | None
    frames: Iterator[tuple[np.ndarray, float]]


@contextmanager
def open_frames(source: Path, limits: VideoLimits, after: float = -1.0) -> Iterator[VideoFrames]:
    """Open a video; its decoding process ends with the block.

    Args:
        source: Any video file; untrusted.
        limits: Beyond these a video is refused.
        after: Seconds; frames up to here are left out.

    Raises:
        VideoError: Not a video, damaged, or beyond `limits`; also from the frames, where the header
            is wrong, or where decoding takes too long.
        FileNotFoundError: There is no such file.
    """
    check_file(source, limits)
    settings = json.dumps(asdict(limits))
    with DecodingProcess("video", str(source.resolve()), settings, str(after)) as process:
        values, _ = _next(process, limits)
        yield VideoFrames(
            _positive(values.get("duration")),
            _positive(values.get("rate")),
            _frames(process, limits),
        )


def _frames(process: DecodingProcess, limits: VideoLimits) -> Iterator[tuple[np.ndarray, float]]:
    last_time = -1.0
    for _ in range(limits.max_frames + 1):
        values, content = _next(process, limits)
        if "end" in values:
            return
        shape, time = values.get("shape"), values.get("time")
        if not isinstance(shape, list) or not _is_shape(shape, len(content), limits):
            raise _failed()
        if not isinstance(time, float):
            raise _failed()
        if not last_time < time < math.inf:
            raise _failed()
        yield content.reshape(shape), time
        last_time = time
    raise _failed()


def _next(process: DecodingProcess, limits: VideoLimits) -> tuple[Values, np.ndarray]:
    """Wait for a message of the decoding process.

    Raises:
        VideoError: it is an error, none came in time, or the process ended.
    """
    try:
        values, content = process.receive(3 * limits.max_side**2, limits.max_wait_seconds)
    except BrokenStreamError as error:
        raise _failed() from error
    if "error" in values:
        raise VideoError(str(values["error"]))
    return values, content


def _failed() -> VideoError:
    return VideoError(
        "Expected a video that can be decoded in time, got one that takes too long or makes the "
        f"decoder fail; {SUGGESTION}"
    )


def _positive(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 < value < math.inf else None


def _is_shape(shape: list[int], size: int, limits: VideoLimits) -> bool:
    """Return whether it is that of a frame of `size` bytes with even sides."""
    if not all(type(side) is int for side in shape):
        return False
    if len(shape) != 3 or shape[2] != 3 or math.prod(shape) != size:
        return False
    return all(0 < side <= limits.max_side and side % 2 == 0 for side in shape[:2])
