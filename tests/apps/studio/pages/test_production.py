"""The page In production: volume, alarms, drift against validation; files from anybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from apps.studio import settings
from apps.studio.__main__ import main
from core.labels import FERPLUS8
from tests.evaluation.production.conftest import line

DAY = 24 * 60
EVEN = {label: 100 for label in FERPLUS8.labels}


@pytest.fixture
def draw_counts(draw, tmp_path: Path) -> Callable[..., AppTest]:
    """draw_counts(lines, **url): the page with a file of counts."""

    def run(content: bytes, **url: str) -> AppTest:
        path = tmp_path / "counts.jsonl"
        path.write_bytes(content)
        drawn = draw("production", **url)
        current = settings.PROCESS.settings
        settings.PROCESS.use(replace(current, production=path))
        return drawn.run()

    return run


def content(*lines: object) -> bytes:
    return b"".join(one.to_json().encode() + b"\n" for one in lines)


def test_an_alarm_names_its_figure(draw_counts) -> None:
    dark = line(2 * DAY, EVEN, abstained={"too dark": 900, "blurred": 100})
    app = draw_counts(
        content(line(0, EVEN), line(DAY, EVEN), dark),
        **{"prod.step": "day", "prod.tab": "No prediction"},
    )
    assert not app.exception
    [alarm] = app.error
    assert "Alarm, Wed 04 Nov" in alarm.value and "no prediction 55.6 %" in alarm.value
    reasons = next(d.value for d in app.dataframe if "reason" in d.value)
    assert reasons["faces"].tolist() == [900, 100]


def test_no_alarm_is_said_too(draw_counts) -> None:
    app = draw_counts(content(line(0, EVEN), line(DAY, EVEN)), **{"prod.margin": "50"})
    assert not app.error and "No alarm" in app.success[0].value
    assert not any("generated" in info.value for info in app.info)
    few = draw_counts(content(line(0, {FERPLUS8.labels[0]: 50})))
    assert any("too few to say" in info.value for info in few.info)


def test_the_sample_says_that_it_is_generated(draw_counts) -> None:
    app = draw_counts(settings.SAMPLE_PRODUCTION.read_bytes())
    assert any("**generated**" in info.value for info in app.info)
    assert app.error and "no prediction" in app.error[0].value


def test_a_task_that_was_not_counted_and_a_file_without_lines(draw_counts) -> None:
    app = draw_counts(content(line(0, EVEN)), task="age")
    assert any("No age was counted" in info.value for info in app.info)
    assert any("No counts yet" in info.value for info in draw_counts(b"").info)


def test_a_hostile_line_is_refused_by_its_number(draw_counts, tmp_path: Path) -> None:
    text = content(line(0, EVEN)) + b'{"<script>": "![](http://a.b)"}\n'
    app = draw_counts(text)
    [error] = app.error
    assert "line 2" in error.value and "![](" not in error.value
    assert main(["--production", str(tmp_path / "counts.jsonl")]) == 2


def test_names_in_a_file_are_text(draw_counts) -> None:
    odd = line(0, {**EVEN, "<b>x</b>": 10}, abstained={"[a](http://b.c)": 10})
    app = draw_counts(content(replace(odd, model="![m](http://b.c)")), **{"prod.tab": "Classes"})
    assert not app.exception
    assert not any("![m](" in part.value for part in [*app.caption, *app.markdown, *app.success])
