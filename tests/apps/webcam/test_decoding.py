"""Decoding processes: bounded time, memory and output, and nobody else's trouble when they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.webcam.decoding import messages, video
from apps.webcam.decoding.limits import CODECS, VIDEO_LIMITS, VideoError
from apps.webcam.decoding.messages import BrokenStreamError
from apps.webcam.decoding.pictures import PictureDecoder
from apps.webcam.decoding.video import open_frames
from apps.webcam.videos import writing
from core import image
from core.errors import ImageError
from scripts.fuzz.case import generator
from scripts.fuzz.targets import videos
from tests.apps.webcam.videos.test_annotation import film
from tests.conftest import ROOT
from tests.core.image.picture_files import encode, quarters


def child_pids() -> set[int]:
    """Processes that this one started and that still run."""
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return {int(pid) for pid in text.split()}


@pytest.fixture
def decoder() -> Iterator[PictureDecoder]:
    decoder = PictureDecoder()
    yield decoder
    decoder.close()


# Pictures.


def test_a_picture_is_decoded_as_in_this_process(decoder: PictureDecoder) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        data = encode(quarters(), kind)
        assert (decoder.load(data) == image.load(data)).all()
    noise = np.random.default_rng(0).integers(0, 256, (700, 900, 3), np.uint8)
    for _ in range(2):  # large ones pass through shared memory
        assert (decoder.load(encode(noise, "PNG")) == noise).all()
    result = decoder.load(encode(quarters(), "PNG"))
    result[:] = 0  # it is writable


def test_what_the_decoder_refuses_is_refused_with_its_message(decoder: PictureDecoder) -> None:
    with pytest.raises(ImageError) as expected:
        image.load(b"no picture")
    with pytest.raises(ImageError) as actual:
        decoder.load(b"no picture")
    assert str(actual.value) == str(expected.value)
    assert decoder.load(encode(quarters(), "PNG")).shape == (48, 64, 3)


@contextmanager
def stopped_process(decoder: PictureDecoder, how: signal.Signals) -> Iterator[None]:
    """The decoder's process is stopped or killed while the block runs."""
    decoder.load(encode(quarters(), "PNG"))
    assert decoder._process is not None
    os.kill(decoder._process._process.pid, how)
    yield


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP])
def test_a_crash_or_hang_costs_one_message(how: signal.Signals) -> None:
    """SIGSTOP: a hang. The process may be found dead at once, and is then replaced silently."""
    started = child_pids()
    decoder, data = PictureDecoder(max_wait_seconds=0.3), encode(quarters(), "PNG")
    decoder._max_wait_seconds = 30.0
    with stopped_process(decoder, how):
        decoder._max_wait_seconds = 0.3
        try:
            assert decoder.load(data).shape == (48, 64, 3)
        except ImageError as error:
            assert "in time" in str(error)
        else:
            assert how != signal.SIGSTOP
    decoder._max_wait_seconds = 30.0
    assert decoder.load(data).shape == (48, 64, 3)
    decoder.close()
    assert child_pids() == started


def test_a_shape_that_is_not_that_of_the_pixels_is_refused(decoder: PictureDecoder) -> None:
    for claimed in (None, {}, [2, 2], [2, "2", 3], [3, 2, 3], [0, 0, 3], [2, 2, 4], [-2, -2, 3]):
        decoder._ask = lambda _, shape=claimed: ({"shape": shape}, np.zeros(12, np.uint8))
        with pytest.raises(ImageError, match="cannot describe"):
            decoder.load(b"picture")


def test_several_threads_share_the_process(decoder: PictureDecoder) -> None:
    results: dict[int, bool] = {}

    def visit(number: int) -> None:
        data = encode(np.full((8 + number, 9, 3), number, np.uint8), "PNG")
        results[number] = bool((decoder.load(data) == number).all())

    threads = [threading.Thread(target=visit, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == dict.fromkeys(range(8), True)


PARENT = """
import os, sys
from apps.webcam.decoding.pictures import STILL_PICTURES
STILL_PICTURES.load(open(sys.argv[1], "rb").read())
print(STILL_PICTURES._process._process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_no_process_outlives_the_demo(tmp_path: Path) -> None:
    """It ends when its pipe does, even where the demo was killed."""
    (tmp_path / "a.png").write_bytes(encode(quarters(), "PNG"))
    done = subprocess.run(
        [sys.executable, "-c", PARENT, tmp_path / "a.png"], cwd=ROOT, capture_output=True, text=True
    )
    pid = int(done.stdout)
    end = time.monotonic() + 30
    while Path(f"/proc/{pid}/cmdline").exists() and time.monotonic() < end:
        if not Path(f"/proc/{pid}/cmdline").read_bytes():  # it ended; nobody has asked how
            return
        threading.Event().wait(0.05)
    assert not Path(f"/proc/{pid}").exists()


# Messages.


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_what_is_no_message_is_refused(content: bytes) -> None:
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    try:
        values, body = messages.receive(reader, 100, 5.0)
        assert isinstance(values, dict) and len(body) <= 100
    except BrokenStreamError:
        pass
    finally:
        os.close(reader)


@pytest.mark.parametrize("size", [0, 1, 100, 101])
def test_a_message_is_bounded(size: int) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as stream:
        messages.send(stream, {"a": 1}, bytes(size))
    if size > 100:
        with pytest.raises(BrokenStreamError, match="too long"):
            messages.receive(reader, 100, 5.0)
    else:
        values, content = messages.receive(reader, 100, 5.0)
        assert values == {"a": 1} and len(content) == size
    os.close(reader)


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [({"time": 0.0, "shape": [2, 2, 3]}, 11)],
        [({"time": 0.0, "shape": [3, 2, 3]}, 18)],
        [({"time": 0.0, "shape": [-2, -2, 3]}, 12)],
        [({"time": 0.0, "shape": [2, 2, 3.0]}, 12)],
        [({"time": "0", "shape": [2, 2, 3]}, 12)],
        [({"time": float("nan"), "shape": [2, 2, 3]}, 12)],
        [({"time": 1.0, "shape": [2, 2, 3]}, 12)] * 2,
        [({"time": float(t), "shape": [2, 2, 3]}, 12) for t in range(9)],
        [({"shape": None}, 0)],
    ],
    ids=str,
)
def test_a_decoding_process_is_not_trusted(sent: list[tuple[messages.Values, int]]) -> None:
    """Were a file to take the process over, it could still only send frames within the limits."""

    class Hostile:
        def receive(self, *_: object) -> tuple[messages.Values, np.ndarray]:
            if not sent:
                raise BrokenStreamError
            values, size = sent.pop(0)
            return json.loads(json.dumps(values)), np.zeros(size, np.uint8)

    frames = video._frames(Hostile(), replace(VIDEO_LIMITS, max_frames=4))
    with pytest.raises(VideoError, match="decoder"):
        list(frames)


# Videos.


def decode(path: Path, **limits: float) -> int:
    with open_frames(path, replace(VIDEO_LIMITS, **limits)) as opened:
        return sum(1 for _ in opened.frames)


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of 1280x720, which takes a while."""
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    frames = [np.roll(noise, 99 * k, axis=1) for k in range(20)]
    return film(tmp_path_factory.mktemp("film") / "in.avi", frames, codec="mpeg4")


def test_processor_time_is_limited() -> None:
    program = (
        "from apps.webcam.decoding import limits; limits.limit_processor_time(0.01)\nwhile 1: 0"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=120)
    assert done.returncode == -signal.SIGXCPU


def test_a_video_beyond_its_time_is_refused_and_its_process_ended(long_film: Path) -> None:
    started = child_pids()
    with pytest.raises(VideoError, match="in time"):
        decode(long_film, max_wait_seconds=0.0)
    assert child_pids() == started


def test_a_video_beyond_its_memory_is_refused(long_film: Path) -> None:
    program = (
        "from apps.webcam.decoding import limits, worker; import sys;"
        "limit = limits.limit_this_process;"
        "worker.limit_this_process = lambda: limit(2**20);"
        "worker.main(sys.argv[1:])"
    )
    arguments = ["video", str(long_film), "{}", "-1"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, timeout=60
    )
    assert b"memory" in done.stdout or done.returncode < 0, done.stdout[-300:]


def test_leaving_early_ends_the_process(long_film: Path) -> None:
    started = child_pids()
    with open_frames(long_film, VIDEO_LIMITS) as opened:
        next(opened.frames)
        assert len(child_pids()) == len(started) + 1
    assert child_pids() == started


def test_rare_codings_are_refused(tmp_path: Path) -> None:
    frames = [np.zeros((48, 64, 3), np.uint8)] * 2
    assert "flv" not in CODECS and decode(film(tmp_path / "a.avi", frames, codec="mpeg4")) == 2
    with pytest.raises(VideoError, match="usual coding"):
        decode(film(tmp_path / "b.avi", frames, codec="flv"))


def test_the_result_of_noise_is_bounded(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    with av.open(tmp_path / "out.mp4", "w") as writer:
        stream = writing.add_stream(writer, noise.shape, 30.0)
        for k in range(20):
            writing.encode(writer, stream, np.roll(noise, 99 * k, axis=1), k / 30)
        writer.mux(stream.encode(None))
    most_bytes = (24e6 + 12e6 * 20 / 30) / 8  # the encoder's buffer, then its rate
    assert (tmp_path / "out.mp4").stat().st_size < 1.1 * most_bytes


@pytest.mark.parametrize("part", range(4))
def test_mutated_videos_are_decoded_or_refused(tmp_path: Path, part: int) -> None:
    """The target of `make fuzz`, for a few cases."""
    av.logging.set_level(av.logging.PANIC)
    for case in range(part * 30, part * 30 + 30):
        start = time.process_time()
        try:
            videos.prepare(generator("videos", 0, case), tmp_path)()
        except VideoError as error:
            assert str(error).startswith("Expected ")
        assert time.process_time() - start < videos.MAX_SECONDS


def test_text_that_is_no_utf_8_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    data = film(path, [np.zeros((48, 64, 3), np.uint8)] * 3).read_bytes()
    path.write_bytes(data.replace(b"Lavf", b"\xff\xfe\xfd\xfc"))
    assert decode(path) == 3
