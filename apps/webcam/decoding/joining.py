"""Parts of an annotated video and the sound of its source into one MP4.

The source is untrusted: its sound is copied in a decoding process, packet by packet, without being
decoded. `join` runs there, or, without the source, here.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import takewhile
from math import inf
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from apps.webcam.decoding.limits import VIDEO_LIMITS, VideoLimits
from apps.webcam.decoding.video_frames import open_video

COPIED_SOUND = ("aac", "mp3", "opus")
"""FFmpeg's names of the codings of sound that MP4 players know."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What became of a video's sound.

    Attributes:
        coding: FFmpeg's name, "" where there is none or it cannot be read.
        is_kept: Whether the result has any of it.
    """

    coding: str
    is_kept: bool


def what_was_lost(sound: Sound | None) -> str:
    """Return in a sentence which sound a copy lacks; "" where nothing is missing.

    Args:
        sound: None where the sound could not be copied.
    """
    if sound is None:
        return "Its sound, if it has any, could not be copied."
    if sound.is_kept or not sound.coding:
        return ""
    if sound.coding in COPIED_SOUND:
        return f"Of its sound ({sound.coding}), nothing could be copied."
    return f"Its sound ({sound.coding}) cannot be kept in an MP4."


def join(
    parts: Sequence[Path],
    target: Path,
    source: Path | None = None,
    end_s: float = inf,
    limits: VideoLimits = VIDEO_LIMITS,
) -> Sound:
    """Join parts, with the sound of their source where it is given.

    Args:
        parts: MP4 files whose times follow each other.
        target: The MP4 file.
        source: The video that they were made from; untrusted.
        end_s: Seconds from the first frame after which no sound is kept.
        limits: Of the source.

    Raises:
        VideoError: The source cannot be read.
        av.FFmpegError: Likewise, or a file cannot be written.
    """
    with ExitStack() as files:
        pictures = [files.enter_context(av.open(path)) for path in parts]
        sound: Stream | None = None
        coding, start_s = "", 0.0
        if source is not None:
            start_s = _start_s(source, limits)
            reader, _ = files.enter_context(open_video(source, limits))
            sound, coding = _sound_of(reader)
        is_kept = False
        writer = files.enter_context(av.open(target, "w", options={"movflags": "+faststart"}))
        picture_target = writer.add_stream_from_template(pictures[0].streams.video[0])
        sources = [_packets([p.streams.video[0] for p in pictures], picture_target, 0.0)]
        sound_target = None
        if sound is not None and coding in COPIED_SOUND:
            sound_target = writer.add_stream_from_template(sound)
            sound_packets = _packets([sound], sound_target, start_s)
            sources.append(takewhile(lambda pair: pair[0] <= end_s, sound_packets))
        for _, packet in heapq.merge(*sources, key=lambda pair: pair[0]):
            is_kept = is_kept or packet.stream is sound_target  # a damaged one may have no packet
            writer.mux(packet)
    return Sound(coding, is_kept)


def _start_s(source: Path, limits: VideoLimits) -> float:
    """Return the time of the first picture, from which the result counts."""
    with open_video(source, limits) as (reader, stream):
        return next((frame.time or 0.0 for frame in reader.decode(stream)), 0.0)


def _sound_of(reader: InputContainer) -> tuple[Stream | None, str]:
    if not reader.streams.audio:
        return None, ""
    stream = reader.streams.audio[0]
    context = stream.codec_context
    return stream, "" if context is None else context.codec.canonical_name


def _packets(
    streams: Sequence[Stream], target: Stream, start_s: float
) -> Iterator[tuple[float, Packet[Stream]]]:
    """Yield packets for the stream `target` with their times in seconds after `start_s`."""
    for stream in streams:
        container = stream.container
        assert isinstance(container, InputContainer)
        for packet in container.demux(stream):
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue  # the last, empty one
            offset = round(start_s / packet.time_base)
            packet.pts, packet.dts = packet.pts - offset, packet.dts - offset
            time = float(packet.pts * packet.time_base)
            if time < 0:
                continue
            packet.stream = target
            yield time, packet
