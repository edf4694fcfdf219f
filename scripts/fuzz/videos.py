"""Hostile videos: valid ones of generated frames and sound, mutated."""

from __future__ import annotations

import io
from functools import cache

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from scripts.fuzz.mutate import mutate

KINDS = (
    ("mp4", "libx264", "aac"),
    ("mp4", "mpeg4", "libmp3lame"),
    ("mp4", "libx265", "libopus"),
    ("mov", "libx264", "aac"),
    ("mov", "mjpeg", "pcm_s16le"),
    ("mov", "prores_ks", None),
    ("webm", "libvpx", "libopus"),
    ("webm", "libvpx-vp9", "libopus"),
    ("matroska", "libx264", "aac"),
    ("matroska", "mpeg2video", "libmp3lame"),
    ("avi", "mpeg4", "libmp3lame"),
    ("avi", "mjpeg", "aac"),
    ("avi", "rawvideo", None),
)
"""Container, coding of the pictures and of the sound of the seeds."""
FRAMES, SIDE, SOUND_RATE = 8, 64, 48_000


def hostile(rng: np.random.Generator) -> bytes:
    """Return a file that may be a video."""
    data = seed(*KINDS[int(rng.integers(len(KINDS)))])
    kind = rng.integers(8)
    if kind == 0:  # two files in one
        other = seed(*KINDS[int(rng.integers(len(KINDS)))])
        at = int(rng.integers(len(data)))
        return data[:at] + other[int(rng.integers(len(other))) :]
    if kind == 1:  # a part again and again
        start, length = int(rng.integers(len(data))), int(rng.integers(1, 2000))
        repeats = int(10 ** rng.uniform(1, 4))
        return data[:start] + data[start : start + length] * repeats + data[start:]
    if kind == 2:  # numbers in the headers
        head = mutate(data[: min(len(data), 600)], rng)
        return head + data[600:]
    return mutate(data, rng)


@cache
def seed(container: str, coding: str, sound: str | None) -> bytes:
    """Return a valid video of generated frames and sound."""
    rng, out = np.random.default_rng(0), io.BytesIO()
    with av.open(out, "w", format=container) as writer:
        stream = writer.add_stream(coding, rate=25)
        assert isinstance(stream, VideoStream)
        stream.width = stream.height = SIDE
        stream.pix_fmt = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le"}.get(coding, "yuv420p")
        tone = None if sound is None else writer.add_stream(sound, rate=SOUND_RATE)
        for _ in range(FRAMES):
            small = rng.integers(0, 256, (SIDE // 8, SIDE // 8, 3), np.uint8)
            rgb = small.repeat(8, axis=0).repeat(8, axis=1)
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        writer.mux(stream.encode(None))
        if tone is not None:
            assert isinstance(tone, AudioStream)
            _add_noise(writer, tone, rng)
    return out.getvalue()


def _add_noise(writer: OutputContainer, stream: AudioStream, rng: np.random.Generator) -> None:
    samples = rng.integers(-9000, 9000, (1, SOUND_RATE // 4), np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = SOUND_RATE
    writer.mux(stream.encode(frame))
    writer.mux(stream.encode(None))
