"""The decoding process: `python -m apps.webcam.decoding.worker`, `pictures`, `video` or `join`.

    pictures [MEMORY]                               still pictures, as they are asked for
    video FILE LIMITS AFTER                         the frames of a video
    join FILE LIMITS END TARGET PART...             parts of a result with the sound of a video

It writes messages (`apps.webcam.decoding.messages`) to its standard output. An error for the
visitor is a message `{"error": TEXT}`.
"""

from __future__ import annotations

import json
import mmap
import os
import sys
from pathlib import Path
from typing import IO

import numpy as np

from apps.webcam.decoding.limits import (
    VideoError,
    VideoLimits,
    limit_processor_time,
    limit_this_process,
)
from apps.webcam.decoding.messages import SenderAhead, receive, send
from core import image
from core.errors import UserError

MAX_PICTURE_SECONDS = 10.0
"""Processor time of one picture, ten times what the decoder's own limits leave."""
MAX_FRAMES_AHEAD = 8
"""Frames of a video that are decoded before they are asked for."""
MIN_SHARED_BYTES = 2**20
"""Less passes through the pipe at once."""
MAX_IDLE_SECONDS = 365 * 86_400.0


def main(arguments: list[str]) -> None:
    """Decode what the command line or the requests name."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no message
    if arguments[0] == "pictures":
        _pictures(replies, int(arguments[1]) if len(arguments) > 1 else None)
        return
    source, limits = Path(arguments[1]), VideoLimits(**json.loads(arguments[2]))
    if arguments[0] == "video":
        _video(source, limits, float(arguments[3]), replies)
    else:
        target, *parts = map(Path, arguments[4:])
        _join(source, limits, float(arguments[3]), target, parts, replies)


def _video(source: Path, limits: VideoLimits, after: float, replies: IO[bytes]) -> None:
    """Send `{"duration", "rate"}`, then `{"time", "shape"}` with each frame, then `{"end"}`."""
    import cv2
    from av.video.reformatter import VideoReformatter

    from apps.webcam.decoding import video_frames
    from apps.webcam.decoding.frame_geometry import upright_rgb

    cv2.setNumThreads(1)
    ahead = SenderAhead(replies, MAX_FRAMES_AHEAD)  # its thread is not part of the memory below
    limit_this_process()
    limit_processor_time(limits.max_decoding_seconds)
    reformatter = VideoReformatter()
    try:
        with video_frames.open_video(source, limits) as (reader, stream):
            rate = float(stream.average_rate) if stream.average_rate else None
            ahead.send({"duration": video_frames.duration_s(reader, stream), "rate": rate})
            for frame, time in video_frames.sampled_frames(reader, stream, limits):
                if time <= after:
                    continue
                rgb = upright_rgb(frame, limits.max_side, stream.sample_aspect_ratio, reformatter)
                ahead.send({"time": time, "shape": list(rgb.shape)}, rgb.data.cast("B"))
            ahead.send({"end": True})
    except VideoError as error:
        ahead.send({"error": str(error)})
    except BrokenPipeError:
        pass  # the visitor left
    except Exception as error:  # the libraries raise almost any type on damaged files
        ahead.send({"error": str(video_frames.damaged(error))})
    ahead.close()


def _join(
    source: Path,
    limits: VideoLimits,
    end_s: float,
    target: Path,
    parts: list[Path],
    replies: IO[bytes],
) -> None:
    """Write the file `target` and send `{"coding", "is_kept"}`; a failure ends the process."""
    from apps.webcam.decoding.joining import join

    limit_this_process(max_file_bytes=limits.max_result_bytes)
    limit_processor_time(limits.max_decoding_seconds)
    sound = join(parts, target, source, end_s, limits)
    send(replies, {"coding": sound.coding, "is_kept": sound.is_kept})


def _pictures(replies: IO[bytes], memory: int | None) -> None:
    """Answer each request, a picture file, by `{"shape"}` and the pixels.

    Large ones are left in the shared memory `memory`, where there is one; `{"shared"}` has their
    size.
    """
    limit_this_process()
    shared = None if memory is None else np.frombuffer(mmap.mmap(memory, 0), np.uint8)
    while True:
        _, content = receive(0, image.MAX_BYTES, MAX_IDLE_SECONDS)
        limit_processor_time(MAX_PICTURE_SECONDS)
        try:
            rgb = image.load(content.data)
        except UserError as error:
            send(replies, {"error": str(error)})
        except MemoryError:
            send(replies, {"error": "Expected an image that fits into memory; try a smaller one."})
        else:
            if shared is None or rgb.size < MIN_SHARED_BYTES:
                send(replies, {"shape": list(rgb.shape)}, rgb.data.cast("B"))
            else:
                shared[: rgb.size] = rgb.reshape(-1)
                send(replies, {"shape": list(rgb.shape), "shared": rgb.size})
            del rgb


if __name__ == "__main__":
    main(sys.argv[1:])
