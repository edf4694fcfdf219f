"""Mixed use: a visitor who uses everything, and a report whose targets can be missed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from apps.webcam.benchmarks import mixed_use
from apps.webcam.benchmarks.memory_slope import MemoryGrowth
from apps.webcam.benchmarks.visitors import camera_frames, find_stream

FLAT = MemoryGrowth(300.0, 301.0, 310.0, 0.1, (-0.2, 0.4))
REPORT = mixed_use.MixedUseReport(60.0, 60, 280.0, FLAT, FLAT, 3.5, ())


def test_a_visitor_uses_all_of_the_demo_and_leaves_nothing(
    server, frame, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mixed_use, "CAMERA_SECONDS", 1.5)
    endpoint = find_stream(server.url)
    visitor = mixed_use.MixedVisitor(endpoint, mixed_use.page_config(endpoint), 1)
    visitor.visit(camera_frames(frame, 16))
    assert visitor.errors == []


def test_a_visitor_reports_what_failed(server, frame, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mixed_use, "CAMERA_SECONDS", 0.5)
    endpoint = find_stream(server.url)
    visitor = mixed_use.MixedVisitor(endpoint, mixed_use.page_config(endpoint), 0)
    monkeypatch.setattr(visitor, "_photograph", lambda: b"no picture")
    visitor.visit(camera_frames(frame, 16))
    assert any("mien-picture" in error for error in visitor.errors)


def test_growing_memory_and_faults_miss_the_target():
    assert all(REPORT.met.values())
    growing = replace(FLAT, ci95=(0.9, 1.1))
    assert list(replace(REPORT, resident=growing).met.values()) == [False, True]
    assert list(replace(REPORT, faults=("x",)).met.values()) == [True, False]
    short = replace(REPORT, resident=MemoryGrowth(300.0, 301.0, 310.0))
    assert None in short.met.values()


def test_the_report_says_how_much_memory_there_was(capsys: pytest.CaptureFixture):
    mixed_use.show(REPORT, Console(width=200))
    shown = capsys.readouterr().out
    assert "60 visits in 60.0 minutes" in shown and "fresh 280 MB" in shown
    assert "+0.10 MB a minute (95 %: -0.20 to +0.40)" in shown


def test_too_short_a_time_is_refused(capsys: pytest.CaptureFixture):
    assert mixed_use.main(["--minutes", "0"]) == 2
    assert "0.1 minutes or more" in capsys.readouterr().err
