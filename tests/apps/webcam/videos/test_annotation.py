"""Uploaded videos: annotated, limited, refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from apps.webcam.decoding.limits import VIDEO_LIMITS, VideoError
from apps.webcam.decoding.video import open_frames
from apps.webcam.videos.annotation import annotate
from core.pipeline import Pipeline


def film(
    path: Path,
    frames: list[np.ndarray],
    rate: int = 10,
    codec: str = "libx264",
    sound: bool = False,
) -> Path:
    """Writes frames, RGB uint8 (H, W, 3), as a video file."""
    with av.open(path, "w") as out:
        stream = out.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuv420p"
        tone = out.add_stream("aac", rate=16000, layout="mono") if sound else None
        for picture in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
        if tone:
            wave = av.AudioFrame.from_ndarray(
                np.zeros((1, 16000), np.float32), format="fltp", layout="mono"
            )
            wave.sample_rate = 16000
            out.mux(tone.encode(wave))
            out.mux(tone.encode(None))
    return path


def probe(path: Path) -> tuple[str, str, int, float, list[np.ndarray]]:
    """Codec, pixel format, number of streams, seconds and frames of a file."""
    with av.open(path) as video:
        stream = video.streams.video[0]
        frames = [f.to_ndarray(format="rgb24") for f in video.decode(stream)]
        return (
            stream.codec_context.name,
            stream.codec_context.pix_fmt,
            len(video.streams),
            video.duration / av.time_base,
            frames,
        )


def test_annotates(tmp_path, pipeline: Pipeline, frame):
    source = film(
        tmp_path / "in.mp4", [np.roll(frame, 4 * k, axis=1) for k in range(8)], sound=True
    )
    tracked = list(annotate(source, tmp_path / "out.mp4", pipeline))
    assert [round(m.time, 3) for m in tracked] == [round(k / 10, 3) for k in range(8)]
    assert all([f.id for f in m.faces] == [1] for m in tracked)
    assert [m.progress for m in tracked] == sorted(m.progress for m in tracked)
    codec, pixels, streams, seconds, frames = probe(tmp_path / "out.mp4")
    assert (codec, pixels, streams, len(frames)) == ("h264", "yuv420p", 2, 8)
    assert seconds == pytest.approx(1.0, abs=0.1), (
        "the sound is a second long, and all of it is there"
    )
    x, y, _, _ = (int(v) for v in tracked[0].faces[0].reading.face.box)
    assert np.abs(frames[0][y : y + 60, x].astype(int) - frame[y : y + 60, x]).mean() > 20, (
        "the box is in the picture"
    )
    assert (tmp_path / "out.mp4").read_bytes().find(b"moov") < 4096, (
        "the index comes first, so that it plays while it loads"
    )


@pytest.mark.parametrize(
    "name, codec",
    [("a.webm", "libvpx"), ("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.mov", "libx264")],
)
def test_containers(tmp_path, pipeline, frame, name, codec):
    source = film(tmp_path / name, [frame] * 3, codec=codec)
    assert len(list(annotate(source, tmp_path / "out.mp4", pipeline))) == 3


def test_large_frames_shrink_to_even_sizes_and_fast_ones_thin_out(tmp_path, pipeline):
    source = film(tmp_path / "in.mp4", [np.zeros((482, 1000, 3), np.uint8)] * 24, rate=60)
    frames = list(
        annotate(source, tmp_path / "out.mp4", pipeline, replace(VIDEO_LIMITS, max_side=333))
    )
    assert len(frames) == 12
    assert probe(tmp_path / "out.mp4")[4][0].shape == (160, 332, 3)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "another kind of file"),
        (b"hello, this is text", "another kind of file"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "another kind of file"),
        (b"\x00\x00\x00\x18ftypisom" + b"\x00" * 500, "whole video"),
        (b"\x1aE\xdf\xa3" + b"\xff" * 500, "whole video"),
    ],
)
def test_a_file_that_is_no_video_is_refused(tmp_path, pipeline, content, message):
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(VideoError, match=message):
        list(annotate(tmp_path / "x.mp4", tmp_path / "out.mp4", pipeline))
    assert not (tmp_path / "out.mp4").exists()


def test_a_truncated_file_is_refused_or_read_as_far_as_it_goes(tmp_path, pipeline, frame):
    data = film(
        tmp_path / "in.mp4", [np.roll(frame, 9 * k, axis=1) for k in range(12)]
    ).read_bytes()
    for part in (0.3, 0.6, 0.95):
        (tmp_path / "cut.mp4").write_bytes(data[: int(len(data) * part)])
        with pytest.raises(VideoError, match="Expected a whole video"):
            list(annotate(tmp_path / "cut.mp4", tmp_path / "out.mp4", pipeline))
        assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    "limits, message",
    [
        (replace(VIDEO_LIMITS, max_bytes=1000), "at most 0 MB"),
        (replace(VIDEO_LIMITS, max_seconds=0.5), "at most 0 s, got 2 s"),
        (replace(VIDEO_LIMITS, max_frames=5), "5 frames"),
        (replace(VIDEO_LIMITS, max_pixels=1000), "smaller resolution"),
    ],
)
def test_limits(tmp_path, pipeline, limits, message):
    source = film(
        tmp_path / "in.mp4",
        [np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)] * 20,
    )
    with pytest.raises(VideoError, match=message):
        list(annotate(source, tmp_path / "out.mp4", pipeline, limits))
    assert not (tmp_path / "out.mp4").exists()


def test_frames_too_dense_to_be_processed_cost_little(tmp_path, pipeline):
    """Frames a millisecond apart are left out, but not without end: they hold the one place for
    videos.
    """
    with av.open(tmp_path / "in.mp4", "w") as out:
        stream = out.add_stream("libx264", rate=1000)
        stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv420p"
        for _ in range(90):
            out.mux(
                stream.encode(
                    av.VideoFrame.from_ndarray(np.zeros((96, 128, 3), np.uint8), format="rgb24")
                )
            )
        out.mux(stream.encode(None))
    assert 3 <= len(list(annotate(tmp_path / "in.mp4", tmp_path / "out.mp4", pipeline))) <= 4
    with pytest.raises(VideoError, match="at most 80 frames"):
        list(
            annotate(
                tmp_path / "in.mp4",
                tmp_path / "other.mp4",
                pipeline,
                replace(VIDEO_LIMITS, max_frames=20),
            )
        )


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path):
    """Each frame's own converter held threads, and the memory of their stacks ended after 60."""
    source = film(tmp_path / "in.mp4", [np.zeros((64, 64, 3), np.uint8)] * 200, rate=30)
    with open_frames(source, VIDEO_LIMITS) as video:
        assert sum(1 for _ in video.frames) == 200


def test_sound_alone_is_refused(tmp_path, pipeline):
    with av.open(tmp_path / "a.mp4", "w") as out:
        tone = out.add_stream("aac", rate=16000, layout="mono")
        wave = av.AudioFrame.from_ndarray(
            np.zeros((1, 16000), np.float32), format="fltp", layout="mono"
        )
        wave.sample_rate = 16000
        out.mux(tone.encode(wave))
        out.mux(tone.encode(None))
    with pytest.raises(VideoError, match="with pictures"):
        list(annotate(tmp_path / "a.mp4", tmp_path / "out.mp4", pipeline))


def test_stopping_early_leaves_nothing(tmp_path, pipeline, frame):
    source = film(tmp_path / "in.mp4", [frame] * 5)
    work = annotate(source, tmp_path / "out.mp4", pipeline)
    next(work)
    work.close()
    assert not (tmp_path / "out.mp4").exists()


def test_a_folder_that_vanishes_ends_the_work_quietly(tmp_path, pipeline, frame):
    source = film(tmp_path / "in.mp4", [frame] * 5)
    (tmp_path / "mine").mkdir()
    work = annotate(source, tmp_path / "mine" / "out.mp4", pipeline)
    next(work)
    shutil.rmtree(tmp_path / "mine")
    work.close()


def test_the_clock_is_the_videos_own(tmp_path, pipeline):
    """Frames at uneven times keep them."""
    times = [0.0, 0.1, 0.5, 0.55, 1.5]
    with av.open(tmp_path / "in.mkv", "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.height, stream.width, stream.pix_fmt, stream.codec_context.time_base = (
            96,
            128,
            "yuv420p",
            Fraction(1, 1000),
        )
        for t in times:
            picture = av.VideoFrame.from_ndarray(np.zeros((96, 128, 3), np.uint8), format="rgb24")
            picture.pts, picture.time_base = round(t * 1000), Fraction(1, 1000)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    assert [
        m.time for m in annotate(tmp_path / "in.mkv", tmp_path / "out.mp4", pipeline)
    ] == pytest.approx(times, abs=0.002)
    with av.open(tmp_path / "out.mp4") as video:
        assert [f.time for f in video.decode(video=0)] == pytest.approx(times, abs=0.002)
