"""The joining of an annotated video with its source's sound: bounded, and true in what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from apps.webcam.decoding.joining import COPIED_SOUND, join
from apps.webcam.decoding.joining_process import join_with_sound
from apps.webcam.decoding.limits import VIDEO_LIMITS
from core.errors import UserError
from scripts.fuzz.case import generator
from scripts.fuzz.targets import joining
from scripts.fuzz.videos import KINDS, seed
from tests.apps.webcam.videos.test_annotation import film

QUIET = [np.zeros((48, 64, 3), np.uint8)] * 4


def test_the_process_writes_no_more_than_it_may(tmp_path: Path) -> None:
    rng, limits = np.random.default_rng(0), replace(VIDEO_LIMITS, max_seconds=0.5)
    source = film(tmp_path / "source.mp4", QUIET, sound=True)
    noise = [rng.integers(0, 256, (480, 640, 3), np.uint8) for _ in range(8)]
    small, large = film(tmp_path / "small.mp4", QUIET), tmp_path / "large.mp4"
    with av.open(large, "w") as writer:
        stream = writer.add_stream("libx264", rate=30, options={"qp": "0", "preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = 480, 640, "yuv420p"
        for rgb in noise:
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        writer.mux(stream.encode(None))
    assert large.stat().st_size > limits.max_result_bytes
    target = tmp_path / "joined.mp4"
    sound = join_with_sound([small], source, target, 1.0, limits)
    assert sound is not None and sound.is_kept
    assert join_with_sound([large], source, target, 1.0, limits) is None
    assert target.stat().st_size <= limits.max_result_bytes


@pytest.mark.parametrize("kind", KINDS)
def test_sound_is_kept_where_players_know_it(
    kind: tuple[str, str, str | None], tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "joined.mp4"
    source.write_bytes(seed(*kind))
    part = film(tmp_path / "part.mp4", QUIET)
    sound = join([part], target, source, 60.0, VIDEO_LIMITS)
    coding = "mp3" if kind[2] == "libmp3lame" else (kind[2] or "").removeprefix("lib")
    assert (sound.coding, sound.is_kept) == (coding, coding in COPIED_SOUND)
    with av.open(target) as joined:
        assert len(joined.streams.audio) == sound.is_kept


def test_mutated_sources_are_joined_or_refused(tmp_path: Path) -> None:
    """The target of `make fuzz`, for a few cases; what it checks of the result holds."""
    av.logging.set_level(av.logging.PANIC)
    for case in range(60):
        try:
            joining.prepare(generator("joining", 1, case), tmp_path)()
        except UserError as error:
            assert str(error).startswith("Expected ")
