"""The decoding process: `python -m apps.webcam.decoding.worker`, `pictures` or `video FILE LIMITS`.

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
from apps.webcam.decoding.messages import receive, send
from core import image
from core.errors import UserError

MAX_PICTURE_SECONDS = 10.0
"""Processor time of one picture, ten times what the decoder's own limits leave."""
MIN_SHARED_BYTES = 2**20
"""Less passes through the pipe at once."""
MAX_IDLE_SECONDS = 365 * 86_400.0


def main(arguments: list[str]) -> None:
    """Decode what the command line or the requests name."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no message
    if arguments[0] == "video":
        _video(Path(arguments[1]), VideoLimits(**json.loads(arguments[2])), replies)
    else:
        _pictures(replies, int(arguments[1]) if len(arguments) > 1 else None)


def _video(source: Path, limits: VideoLimits, replies: IO[bytes]) -> None:
    """Send `{"duration", "rate"}`, then `{"time", "shape"}` with each frame, then `{"end"}`."""
    import cv2
    from av.video.reformatter import VideoReformatter

    from apps.webcam.decoding import video_frames
    from apps.webcam.decoding.frame_geometry import upright_rgb

    cv2.setNumThreads(1)
    limit_this_process()
    limit_processor_time(limits.max_decoding_seconds)
    reformatter = VideoReformatter()
    try:
        with video_frames.open_video(source, limits) as (reader, stream):
            rate = float(stream.average_rate) if stream.average_rate else None
            send(replies, {"duration": video_frames.duration_s(reader, stream), "rate": rate})
            for frame, time in video_frames.sampled_frames(reader, stream, limits):
                rgb = upright_rgb(frame, limits.max_side, stream.sample_aspect_ratio, reformatter)
                send(replies, {"time": time, "shape": list(rgb.shape)}, rgb.data.cast("B"))
            send(replies, {"end": True})
    except VideoError as error:
        send(replies, {"error": str(error)})
    except BrokenPipeError:
        pass  # the visitor left
    except Exception as error:  # the libraries raise almost any type on damaged files
        send(replies, {"error": str(video_frames.damaged(error))})


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
