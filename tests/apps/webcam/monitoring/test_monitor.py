"""What the demo counts, what it costs, and a disk that is full meanwhile."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice
from pathlib import Path
from time import process_time

import cv2
import numpy as np
import pytest

from apps.webcam.monitoring.monitor import Monitor
from apps.webcam.monitoring.settled_faces import SETTLED_SECONDS, SettledFaces
from apps.webcam.tabs import webcam
from apps.webcam.tracking.tracker import TRACK_TIMEOUT_SECONDS, Tracker
from apps.webcam.videos.annotation import Annotation
from core.artifacts.card import Card, Head
from core.labels import FERPLUS8, GENDER2
from core.monitoring.counts_file import CountsFile
from core.monitoring.counts_line import CountsLine, parse
from core.pipeline import FaceReading, Pipeline, Reading
from core.preprocess import InputSpec
from tests.apps.webcam.conftest import reading
from tests.apps.webcam.videos.test_annotation import film
from tests.conftest import SLOWNESS, full_disk

HEADS = (
    Head("emotion", "softmax", FERPLUS8.labels, "emotion"),
    Head("gender", "softmax", GENDER2.labels, "gender"),
)
CARD = Card("mien", "1", InputSpec(size=48), HEADS)
RATE = 10
"""Frames a second."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "counts.jsonl"


def minutes() -> Iterator[datetime]:
    now = datetime(2026, 11, 29, tzinfo=UTC)
    while True:
        yield now
        now += timedelta(minutes=1)


def monitor(path: Path | None) -> Monitor:
    return Monitor(CARD, CountsFile(path) if path else None, minutes().__next__)


def still(*faces: FaceReading) -> Reading:
    return Reading(faces, {"total": 1.0})


def lines(path: Path) -> list[CountsLine]:
    return [parse(line) for line in path.read_bytes().splitlines()]


def settled_counts(frames: list[list[FaceReading]]) -> list[int]:
    """Return how many faces count in each frame."""
    tracker, settled = Tracker(), SettledFaces()
    counts = []
    for i, readings in enumerate(frames):
        now = i / RATE
        counts.append(len(settled.update(tracker.update(readings, now), readings, now)))
    return counts


def test_a_face_counts_once_a_second_after_it_came() -> None:
    counts = settled_counts([[reading()] for _ in range(60 * RATE)])
    assert counts.index(1) == int(SETTLED_SECONDS * RATE)
    assert sum(counts) == 1


def test_who_flickers_up_is_not_counted_and_who_comes_back_is_again() -> None:
    here, away = [[reading()]] * (2 * RATE), [[]] * int((TRACK_TIMEOUT_SECONDS + 1) * RATE)
    assert sum(settled_counts([[reading()]] * (RATE // 2) + away)) == 0
    assert sum(settled_counts([*here, *away, *here])) == 2
    assert sum(settled_counts([*here, *[[]] * RATE, *here])) == 1, "within the tracker's patience"


def test_what_counts_is_the_single_reading_not_the_smoothed_one() -> None:
    frames = [[reading("happiness", 0.9)]] * RATE + [[reading("sadness", 0.5)]]
    tracker, settled = Tracker(), SettledFaces()
    for i, readings in enumerate(frames):
        faces = tracker.update(readings, i / RATE)
        counted = settled.update(faces, readings, i / RATE)
    assert [one.prediction.emotion.top for one in counted] == ["sadness"]
    assert faces[0].reading.prediction.emotion.top == "happiness"


def test_pictures_become_lines_and_metrics(path: Path) -> None:
    counted = monitor(path)
    counted.count_still(still(*[reading("happiness")] * 7, reading(abstained="blurred: x")), 20.0)
    counted.end_interval()
    assert lines(path) == [], "too few"
    assert "mien_faces_total 0" in counted.metrics()
    counted.count_still(still(*[reading("happiness")] * 4), 200.0)
    counted.close()
    counted.close()
    [line] = lines(path)
    assert (line.faces, line.seconds, line.abstained) == (10, 120, {})
    assert line.tasks["emotion"].classes == {"happiness": 10}
    assert sum(line.latency_ms["still"]) == 2 and sum(line.latency_ms["live"]) == 0
    assert "mien_faces_total 10" in counted.metrics()


def test_lines_wait_for_a_full_disk(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counted = monitor(path)
    with full_disk(0):
        for _ in range(3):
            counted.count_still(still(*[reading()] * 10), 20.0)
            counted.end_interval()
    assert path.stat().st_size == 0
    assert capsys.readouterr().err.count("cannot be written") == 1
    counted.end_interval()
    assert [line.faces for line in lines(path)] == [10, 10, 10]


def test_threads_lose_nothing(path: Path) -> None:
    counted, picture = monitor(path), still(*[reading()] * 5)

    def work() -> None:
        for i in range(100):
            counted.count_still(picture, 20.0)
            if i % 10 == 0:
                counted.end_interval()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted.close()
    assert sum(line.faces for line in lines(path)) == 4 * 100 * 5


def test_the_webcam_tab_counts_its_frames(
    pipeline: Pipeline, frame: np.ndarray, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, clock = monitor(path), count(step=1.0)
    monkeypatch.setattr(webcam, "monotonic", clock.__next__)
    jpeg = cv2.imencode(".jpg", frame[:, ::-1, ::-1])[1].tobytes()
    payload = {"url": "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()}
    for _ in range(10):  # visitors, each of them one face in four frames
        visitor = webcam.VisitorState()
        for _ in range(4):
            asyncio.run(webcam.process_frame(pipeline, payload, visitor, counted))
    counted.close()
    [line] = lines(path)
    assert line.faces == 10 and sum(line.latency_ms["live"]) == 40


def test_a_face_of_a_video_is_counted_once_though_it_was_stopped(
    pipeline: Pipeline, frame: np.ndarray, path: Path, tmp_path: Path
) -> None:
    counted = monitor(path)
    source = film(tmp_path / "a.mp4", [np.roll(frame, 4 * k, axis=1) for k in range(15)], rate=RATE)
    count_frame = partial(counted.count_video, SettledFaces())
    work = Annotation(source, tmp_path, pipeline, count=count_frame)
    for frames_until_stop in (12, 99):  # the face is counted before the stop, at 1.0 s
        with closing(work.go_on()) as frames:
            list(islice(frames, frames_until_stop))
    assert work.is_complete
    for others in (8, 1):  # only with the second picture they are ten
        counted.count_still(still(*[reading()] * others), 20.0)
        counted.end_interval()
    [line] = lines(path)
    assert line.faces == 10 and sum(line.latency_ms["still"]) == 2
    assert not any(line.latency_ms["live"])


def test_a_frame_costs_less_than_a_twentieth_of_a_millisecond() -> None:
    counted, settled, tracker = monitor(None), SettledFaces(), Tracker()
    frame = still(*[reading(box=(100.0 * i, 100, 80, 100)) for i in range(5)])
    faces = tracker.update(frame.faces, 0.0)
    frames = 2000
    start = process_time()
    for i in range(frames):
        counted.count_live(settled, faces, frame, i / RATE, 12.0)
    assert 1000 * (process_time() - start) / frames < 0.05 * SLOWNESS
