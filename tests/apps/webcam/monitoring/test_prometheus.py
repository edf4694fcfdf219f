"""`/metrics` is what Prometheus reads."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from apps.webcam.monitoring.prometheus import exposition
from core.monitoring.counts_line import GROUP
from core.monitoring.tally import Tally
from tests.core.monitoring.conftest import MINUTE, START, faces

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL},?)*)\}})? (\S+)")
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(text: str) -> tuple[dict[str, str], Samples]:
    """Return the types by name, and the samples, by the grammar of the text format 0.0.4."""
    types: dict[str, str] = {}
    samples: Samples = {}
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types
            types[name] = kind
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            base = re.sub(r"_(bucket|sum|count)$", "", match[1])
            assert match[1] in types or types.get(base) == "histogram", "its type comes first"
            key = (match[1], tuple(re.findall(LABEL, match[2] or "")))
            assert key not in samples
            samples[key] = float(match[5])
    return types, samples


@pytest.fixture
def tally() -> Tally:
    counted = Tally('mi"en\\ 1')
    for i, (face, abstained) in enumerate(faces(500, 1)):
        counted.add_face(face, abstained)
        counted.add_picture("live", 0.5 * i)
    counted.take_line(START, START + MINUTE)
    return counted


def test_faces_are_in_groups(tally: Tally) -> None:
    types, samples = parsed(exposition(tally))
    assert samples["mien_faces_total", ()] == 500
    assert samples["mien_info", (("model", r"mi\"en\\ 1"),)] == 1
    counters = {name for name, kind in types.items() if kind == "counter"}
    values = [value for (name, _), value in samples.items() if name in counters]
    assert len(values) > 20 and all(value % GROUP == 0 for value in values)


def test_nothing_that_is_not_in_a_line_shows(tally: Tally) -> None:
    before = parsed(exposition(tally))[1]
    for face, abstained in faces(50, 2):
        tally.add_face(face, abstained)
    assert parsed(exposition(tally))[1] == before


def test_the_histogram_adds_up(tally: Tally) -> None:
    _, samples = parsed(exposition(tally))
    buckets = defaultdict(list)
    for (name, labels), value in samples.items():
        if name == "mien_picture_seconds_bucket":
            buckets[dict(labels)["source"]].append((float(dict(labels)["le"]), value))
    assert set(buckets) == {"live", "still"}
    for source, ends in buckets.items():
        assert ends == sorted(ends) and ends[-1][0] == float("inf")
        assert [value for _, value in ends] == sorted(value for _, value in ends)
        assert ends[-1][1] == samples["mien_picture_seconds_count", (("source", source),)]
    live = (("source", "live"),)
    assert samples["mien_picture_seconds_sum", live] == pytest.approx(0.5 * 499 * 500 / 2 / 1000)
    assert dict(buckets["live"])[0.1] == 201, "0 to 100 ms, the end included"


def test_prometheus_itself_reads_it(tally: Tally) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    families = {f.name: f for f in parser.text_string_to_metric_families(exposition(tally))}
    assert families["mien_picture_seconds"].type == "histogram"
    assert families["mien_faces"].samples[0].value == 500
