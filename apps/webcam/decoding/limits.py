"""What a decoding process may take, and what a video may ask for."""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError

MAX_EXTRA_BYTES = 2**30
"""Memory of a decoding process beyond that of Python and the libraries: a 4K video of 10 bits needs
two thirds of it.
"""
NICENESS = 5
"""Decoding gives way to live frames."""
RESULT_BYTES_PER_SECOND = 2_000_000
"""12 Mbit/s of pictures (`videos.writing`), and 4 Mbit/s of sound; of more, none is kept."""
SUGGESTION = "try converting it to MP4 (H.264)."
CODECS = (
    "av1",
    "libdav1d",
    "dnxhd",
    "dvvideo",
    "h263",
    "h264",
    "hevc",
    "mjpeg",
    "mpeg1video",
    "mpeg2video",
    "mpeg4",
    "msmpeg4",
    "msmpeg4v2",
    "prores",
    "rawvideo",
    "theora",
    "vp8",
    "libvpx",
    "vp9",
    "libvpx-vp9",
)
"""FFmpeg's names of what cameras, browsers and editors write. It knows hundreds more, of old games
and devices, which nobody looks after.
"""


class VideoError(UserError):
    """A file that cannot be read as a video, or exceeds the limits."""


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """What a free demo on two cores can process.

    Attributes:
        max_bytes: Size of the file.
        max_seconds: Duration.
        max_frames: Processed frames.
        max_pixels: Width times height of a frame.
        max_frame_rate: Frames/s; those beyond it are left out.
        max_side: Long side of the result in pixels; larger frames are scaled down.
        max_decoding_seconds: Processor time of the decoding process.
        max_wait_seconds: Longest time until the next frame.
    """

    max_bytes: int = 64 * 2**20
    max_seconds: float = 60.0
    max_frames: int = 1800
    max_pixels: int = 3840 * 2160
    max_frame_rate: float = 30.0
    max_side: int = 1280
    max_decoding_seconds: float = 300.0
    max_wait_seconds: float = 30.0

    @property
    def max_result_bytes(self) -> int:
        """Size of the annotated video with its sound."""
        return int(self.max_seconds * RESULT_BYTES_PER_SECOND)


VIDEO_LIMITS = VideoLimits()
"""Limits of the demo."""
LOCAL_LIMITS = VideoLimits(
    max_bytes=2 * 2**30,
    max_seconds=1200.0,
    max_frames=36_000,
    max_decoding_seconds=6000.0,
    max_wait_seconds=120.0,
)
"""Limits of the command line, for a person's own files."""


def limit_this_process(max_extra_bytes: int = MAX_EXTRA_BYTES, *, max_file_bytes: int = 0) -> None:
    """Bound memory and the size of written files, and give way to other processes.

    Where the system knows no such limits (Windows), the parent's time limit alone holds.
    """
    with contextlib.suppress(ImportError, AttributeError, OSError, ValueError):
        os.nice(NICENESS)
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, max_file_bytes))
        status = Path("/proc/self/status").read_text("ascii", "replace")
        data_kb = next(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmData"))
        most = data_kb * 1024 + max_extra_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def limit_processor_time(seconds: float) -> None:
    """End this process when it has used this much more processor time."""
    with contextlib.suppress(ImportError, AttributeError, OSError, ValueError):
        import resource

        usage = resource.getrusage(resource.RUSAGE_SELF)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        soft = math.ceil(usage.ru_utime + usage.ru_stime + seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, most))
