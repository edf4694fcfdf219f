"""What was counted is what the lines say, in groups, and nothing else is in them."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings

from core.labels import FERPLUS8, GENDER2, SAD_NEUTRAL, age_decade
from core.monitoring.counts_line import GROUP, SOURCES, CountsLine, parse
from core.monitoring.tally import Tally, is_sad_or_neutral
from core.types import Distribution
from tests.core.monitoring.conftest import MINUTE, START, FacePrediction, intervals, prediction

KNOWN_WORDS = {
    *("format", "version", "start", "seconds", "model", "generated", "faces", "abstained"),
    *("tasks", "sad_neutral", "latency_ms", "predicted", "uncertain", "classes", "confidence"),
    *("emotion", "gender", "age", *SOURCES, *FERPLUS8.labels, *GENDER2.labels),
    *("too small", "turned away", *(age_decade(10 * i) for i in range(9))),
}


def lines_of(faces_by_interval: list[list[FacePrediction]]) -> list[CountsLine]:
    tally, lines, start = Tally("mien 1"), [], START
    for i, faces in enumerate(faces_by_interval, 1):
        for face in faces:
            tally.add_face(*face)
            tally.add_picture("live", 7.0)
        line = tally.take_line(start, START + i * MINUTE)
        if line is not None:
            lines.append(line)
            start = START + i * MINUTE
    return lines


def sums(lines: list[CountsLine]) -> Counter[tuple[str, ...]]:
    total: Counter[tuple[str, ...]] = Counter()
    for line in lines:
        total["faces",] += line.faces
        total["sad_neutral",] += line.sad_neutral or 0
        total.update({("abstained", reason): n for reason, n in line.abstained.items()})
        for task, counts in line.tasks.items():
            total[task, "predicted"] += counts.predicted
            total[task, "uncertain"] += counts.uncertain
            total.update({(task, label): n for label, n in counts.classes.items()})
            for i, n in enumerate(counts.confidence):
                total[task, "confidence", str(i)] += n
    return +total


def recorded(faces: list[FacePrediction]) -> Counter[tuple[str, ...]]:
    """The same numbers, counted face by face."""
    total: Counter[tuple[str, ...]] = Counter()
    for face, abstained in faces:
        total["faces",] += 1
        if abstained:
            total["abstained", abstained.split(":")[0]] += 1
            continue
        total["sad_neutral",] += {
            face.emotion.labels[i] for i in np.argsort(-face.emotion.p)[:2]
        } == set(SAD_NEUTRAL)
        for task, head in (("emotion", face.emotion), ("gender", face.gender)):
            total[task, "predicted"] += 1
            total[task, "uncertain"] += head.confidence < head.limit
            total[task, head.labels[head.p.argmax()]] += 1
            total[task, "confidence", str(min(9, int(10 * head.confidence)))] += 1
        total["age", "predicted"] += 1
        total["age", "uncertain"] += face.age.high - face.age.low > face.age.limit
        total["age", age_decade(face.age.value)] += 1
    return total


@settings(deadline=None)
@given(intervals)
def test_the_sums_are_what_was_counted_up_to_an_unfinished_group(faces_by_interval) -> None:
    done = 0
    lines = lines_of(faces_by_interval)
    for i, faces in enumerate(faces_by_interval, 1):  # those after the last line are still open
        if lines and lines[-1].time + MINUTE * (lines[-1].seconds // 60) >= START + i * MINUTE:
            done += len(faces)
    counted = recorded([face for faces in faces_by_interval for face in faces][:done])
    published = sums(lines)
    assert set(published) <= set(counted)
    for number, n in counted.items():
        assert published[number] == n - n % GROUP, number


@settings(deadline=None)
@given(intervals)
def test_no_number_stands_for_fewer_faces_than_a_group(faces_by_interval) -> None:
    lines, before = lines_of(faces_by_interval), START
    for line in lines:
        assert line.time == before, "intervals follow each other"
        before = line.time + MINUTE * (line.seconds // 60)
        assert line.faces >= GROUP
        own = sums([line])
        assert all(n % GROUP == 0 for n in own.values())
        pictures = sum(line.latency_ms["live"])
        assert pictures >= GROUP, "a line is of at least ten new faces, each in its own picture"


@settings(deadline=None)
@given(intervals)
def test_a_line_has_known_words_and_numbers_only(faces_by_interval) -> None:
    def check(value: object) -> None:
        if isinstance(value, dict):
            assert set(value) <= KNOWN_WORDS
            for inner in value.values():
                check(inner)
        elif isinstance(value, list):
            for inner in value:
                check(inner)
        else:
            assert isinstance(value, int) and value >= 0

    for line in lines_of(faces_by_interval):
        text = line.to_json()
        raw = json.loads(text)
        assert (raw.pop("format"), raw.pop("model")) == ("mien.counts", "mien 1")
        assert raw.pop("start").startswith("2026-11-29T08:") and raw.pop("generated") is False
        check(raw)
        assert parse(text.encode()) == line


@pytest.mark.parametrize("faces", [1, GROUP - 1])
def test_few_faces_make_no_line_until_others_come(faces: int) -> None:
    tally, face = Tally("m"), prediction(0)
    for _ in range(faces):
        tally.add_face(face, "blurred: hold still")
    assert tally.take_line(START, START + MINUTE) is None
    for _ in range(GROUP - faces):
        tally.add_face(face, "blurred: hold still")
    line = tally.take_line(START, START + 2 * MINUTE)
    assert line is not None and line.abstained == {"blurred": GROUP} and line.seconds == 120
    tally.add_face(face, None)
    assert tally.take_line(START, START + MINUTE) is None, "ten new ones each time"


def test_the_pair_needs_both_labels() -> None:
    sad, neutral = SAD_NEUTRAL
    p = np.array([0.5, 0.4, 0.1])
    assert is_sad_or_neutral(Distribution((sad, neutral, "x"), p))
    assert is_sad_or_neutral(Distribution((neutral, sad, "x"), p))
    assert not is_sad_or_neutral(Distribution((sad, "x", neutral), p))
    assert not is_sad_or_neutral(Distribution((sad,), np.ones(1)))
