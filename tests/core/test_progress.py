"""One progress bar for all rooms: plain lines where there is no terminal, and no rich in the
serving process.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from core import progress
from tests.conftest import ROOT


def test_importing_it_needs_no_rich() -> None:
    code = (
        "import sys; sys.modules['rich'] = None; import core.progress, core.pipeline, "
        "core.data.ferplus"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_without_a_terminal_it_says_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    with progress.task("work", 100, 40) as advance:
        advance(50)  # too early for a line
        now[0] = 60.0
        advance(60, "note")
        now[0] = 61.0
        advance(70)
        advance(100)
    output = capsys.readouterr()
    assert (
        output.out == "" and output.err == "work: 60/100, 120 s left note\n"
    )  # 20 in 60 s, not 60 in 60 s: 40 were there before


def test_markup_in_a_text_is_text(capsys: pytest.CaptureFixture) -> None:
    progress.say("[bold]x[/bold] " + "y" * 200)
    assert capsys.readouterr().err == "[bold]x[/bold] " + "y" * 200 + "\n"


def test_a_spinner_and_a_bar_end_without_a_trace(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    monkeypatch.setattr(
        progress, "console", lambda: Console(stderr=True, force_terminal=True, width=80)
    )
    with progress.task("bar", 10, 5) as advance:
        advance(7, note="n")
    with progress.task("spinner"):
        pass
    assert "bar" in capsys.readouterr().err
