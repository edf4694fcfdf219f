"""The load test itself: frame numbers, visitors, the report, and targets that can be missed."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from apps.webcam import image_io
from apps.webcam.benchmarks import load, visitors
from apps.webcam.benchmarks.load_report import (
    FrameAge,
    LoadMachine,
    LoadReport,
    VisitorReport,
)
from apps.webcam.benchmarks.memory_slope import MemoryGrowth, memory_growth
from apps.webcam.tabs import webcam
from core import image as images


@pytest.mark.parametrize("number", [0, 1, 341, 682, 1023])
def test_a_number_survives_the_demos_jpeg(frame: np.ndarray, number: int):
    stamped = frame.copy()
    visitors.stamp(stamped, number)
    jpeg = base64.b64decode(image_io.encode(stamped)["url"].partition(",")[2])
    assert visitors.read_stamp(jpeg) == number
    assert (stamped[: -visitors.CELL_PX] == frame[: -visitors.CELL_PX]).all()


def test_a_picture_without_a_number_has_none(frame: np.ndarray):
    for picture in (frame, frame[:, :100], frame[:4]):
        assert visitors.read_stamp(cv2.imencode(".jpg", picture)[1].tobytes()) is None
    assert visitors.read_stamp(b"no picture") is None


def test_a_camera_sways_and_counts(frame: np.ndarray):
    urls = visitors.camera_frames(frame, 12)
    jpegs = [base64.b64decode(url.partition(b",")[2]) for url in urls]
    assert [visitors.read_stamp(jpeg) for jpeg in jpegs] == list(range(12))
    assert np.abs(images.load(jpegs[0])[:400].astype(int) - images.load(jpegs[10])[:400]).mean() > 3


def test_two_visitors_are_served(server, capsys: pytest.CaptureFixture):
    assert load.main(["--url", server.url, "--visitors", "2", "--seconds", "4", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    print([(e["frames_per_s"], e["age_ms"]) for e in result["each"]])
    assert (
        result["faults"] == [] and len(result["each"]) == 2 and result["memory"]["last_mb"] is None
    )
    for visitor in result["each"]:  # an idle machine gives 13 frames/s and 30 ms
        assert visitor["frames_per_s"] > 0.5
        assert 0 < visitor["age_ms"]["p50"] <= visitor["age_ms"]["p95"] <= visitor["age_ms"]["max"]
        assert visitor["age_ms"]["p50"] < 4000
        assert visitor["sent"] >= visitor["frames_per_s"] * result["seconds"]


def test_a_slow_camera_misses_the_target(server, capsys: pytest.CaptureFixture):
    assert (
        load.main(
            ["--url", server.url, "--visitors", "1", "--seconds", "2", "--rate", "1", "--gate"]
        )
        == 3
    )
    assert "MISSED  every visitor at least 4 frames/s" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--url", "http://127.0.0.1:9"],
        ["--url", "ftp://x"],
        ["--visitors", "0"],
        ["--seconds", "1"],
    ],
)
def test_bad_arguments_are_the_users(arguments: list[str], capsys: pytest.CaptureFixture):
    assert load.main(arguments) == 2
    assert "error: Expected" in capsys.readouterr().err


def memory_readings(per_minute: float, seconds: int = 600, seed: int = 0) -> np.ndarray:
    """A server's memory once a second: 60 MB come in the first minute, and deviations of 3 MB last
    for about 5 s.
    """
    t, rng = np.arange(float(seconds)), np.random.default_rng(seed)
    noise = np.zeros(seconds)
    for i in range(1, seconds):
        noise[i] = 0.82 * noise[i - 1] + 1.7 * rng.normal()
    return np.stack([t, 400 - 60 * np.exp(-t / 12) + per_minute * t / 60 + noise], axis=1)


def report(
    max_age_ms: tuple[float, ...], memory: MemoryGrowth, faults: tuple[str, ...] = ()
) -> LoadReport:
    """The report of visitors whose oldest images were so old."""
    return LoadReport(
        visitors=len(max_age_ms),
        seconds=600.0,
        rate_offered=14.0,
        faces=1,
        frame="",
        machine=LoadMachine("", 2, 0.0, {}),
        each=tuple(VisitorReport(9.0, FrameAge(1, 2, age), 0.0, 0) for age in max_age_ms),
        memory=memory,
        faults=faults,
    )


def test_growing_memory_is_detected():
    flat, leak, unclear = (
        memory_growth(readings)
        for readings in (
            memory_readings(0),
            memory_readings(6),
            memory_readings(0.9, seconds=150),
        )
    )
    assert flat.ci95[0] < flat.mb_per_min < flat.ci95[1] < 1
    assert leak.ci95[0] < 6 < leak.ci95[1] and leak.ci95[0] > 1
    assert leak.first_mb < leak.last_mb < leak.peak_mb
    assert list(report((400, 600), leak).met.values()) == [True, False, False, True]
    assert all(report((400,), flat).met.values())
    assert list(report((400,), unclear).met.values())[2] is False  # not shown to be flat
    unmeasured = memory_growth(np.zeros((0, 2)))
    assert list(report((400,), unmeasured, ("x",)).met.values()) == [True, True, None, False]
    assert memory_growth(memory_readings(0, seconds=100)).ci95 is None


def test_the_interval_of_the_slope_covers_the_truth_in_about_95_percent():
    covered = sum(
        low <= 0.5 <= high
        for low, high in (memory_growth(memory_readings(0.5, seed=k)).ci95 for k in range(200))
    )
    assert 180 <= covered <= 199  # 95 % of 200 are 190


def test_frames_are_processed_by_as_many_threads_as_there_are_processors(
    monkeypatch: pytest.MonkeyPatch,
):
    active, max_active, lock = 0, 0, threading.Lock()
    workers: set[threading.Thread] = set()

    def process(*_: object) -> tuple[None, str, str]:
        nonlocal active, max_active
        with lock:
            active += 1
            max_active = max(max_active, active)
            workers.add(threading.current_thread())
        time.sleep(0.02)
        with lock:
            active -= 1
        return None, "", ""

    async def eight_frames() -> None:
        await asyncio.gather(
            *(webcam.process_frame(None, None, webcam.VisitorState()) for _ in range(8))
        )

    monkeypatch.setattr(webcam, "_process", process)
    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(webcam, "FRAME_WORKERS", pool)
        asyncio.run(eight_frames())
    assert (
        max_active == 2 == len(workers)
    )  # the same two for all frames: memory is kept for them alone
