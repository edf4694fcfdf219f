"""An uploaded video into an annotated H.264 MP4 and its predictions, frame by frame.

Faces keep their number and their values are smoothed as in the live view, on the video's own clock.
The upload is decoded in a process of its own; so is the last step, which copies the sound. A read
that stops keeps what was read, and can go on: each go writes one part of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import av

from apps.webcam.decoding.joining import Sound, join, what_was_lost
from apps.webcam.decoding.joining_process import join_with_sound
from apps.webcam.decoding.limits import SUGGESTION, VIDEO_LIMITS, VideoError, VideoLimits
from apps.webcam.decoding.video import open_frames
from apps.webcam.tracking.tracker import TrackedFrame, Tracker
from apps.webcam.videos.reading import read_frames
from apps.webcam.videos.writing import AnnotatedWriter
from core.detection.stream_turn import StreamTurn
from core.files import scratch_folder
from core.pipeline import Pipeline, Reading


class Annotation:
    """The work on one video, which may stop and go on.

    Attributes:
        source: The video.
        frames: What was read so far.
        is_complete: Whether it was read to its end.
    """

    def __init__(
        self,
        source: Path,
        folder: Path,
        pipeline: Pipeline,
        limits: VideoLimits = VIDEO_LIMITS,
        count: Callable[[TrackedFrame, Reading], None] | None = None,
    ) -> None:
        """Prepare the work.

        Args:
            source: Any video file; untrusted.
            folder: Where the parts are written.
            pipeline: Reads the faces.
            limits: Beyond these a video is refused.
            count: Gets each frame and what the model said of it.
        """
        self.source = source
        self.frames: list[TrackedFrame] = []
        self.is_complete = False
        self._folder, self._pipeline, self._limits = folder, pipeline, limits
        self._count = count
        self._parts: list[Path] = []
        self._tracker, self._turn = Tracker(), StreamTurn()

    @property
    def read_s(self) -> float:
        """Seconds of the last frame that was read, -1 before the first."""
        return self.frames[-1].time if self.frames else -1.0

    def go_on(self) -> Generator[TrackedFrame]:
        """Read on after the last frame that was read, and yield each; close it to stop.

        Raises:
            VideoError: Not a video, damaged, or beyond the limits; also in the middle, if the
                header is wrong.
        """
        part = self._folder / f"part-{len(self._parts)}.mp4"
        try:
            with open_frames(self.source, self._limits, after=self.read_s) as video:
                writer = AnnotatedWriter(part, video.rate, self._limits.max_frame_rate)
                try:
                    with writer:
                        for rgb, frame, reading in read_frames(
                            video, self._pipeline, self._tracker, self._turn
                        ):
                            if self._count is not None:
                                self._count(frame, reading)
                            writer.write(rgb, frame.faces, frame.time)
                            self.frames.append(frame)
                            yield frame
                finally:
                    if not writer.is_empty:
                        self._parts.append(part)
        except av.FFmpegError:
            if not self._folder.is_dir():  # the visitor left, and their folder was deleted
                return
            raise
        if not self.frames:
            raise VideoError("Expected a video with at least one frame, got none; " + SUGGESTION)
        self.is_complete = True

    def write(self, target: Path) -> Sound | None:
        """Write what was read into the MP4 file `target`, and return what became of the sound.

        Returns:
            None where the sound could not be copied: then the file has the pictures alone.
        """
        end_s = self._limits.max_seconds if self.is_complete else self.read_s
        sound = join_with_sound(self._parts, self.source, target, end_s, self._limits)
        if sound is None:  # whatever is wrong with it, the pictures are there
            join(self._parts, target)
        return sound


def annotate(
    source: Path,
    target: Path,
    pipeline: Pipeline,
    limits: VideoLimits = VIDEO_LIMITS,
    warn: Callable[[str], None] | None = None,
) -> Generator[TrackedFrame]:
    """Yield the faces of each processed frame, and write them into a video.

    Args:
        source: Any video file; untrusted.
        target: The MP4 file. It is complete when the generator ends; closing the generator early
            leaves no file.
        pipeline: Reads the faces.
        limits: Beyond these a video is refused.
        warn: Gets a sentence where sound was lost.

    Raises:
        VideoError: As `Annotation.go_on`.
    """
    with scratch_folder(target) as folder:
        work = Annotation(source, folder, pipeline, limits)
        yield from work.go_on()
        if work.is_complete:
            joined = folder / "joined.mp4"
            lost = what_was_lost(work.write(joined))
            joined.replace(target)
            if lost and warn is not None:
                warn(lost)
