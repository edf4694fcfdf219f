"""Counts as Prometheus reads them: its text format, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/

Faces are the sums of the lines that were made, in groups of at least ten: who asks every second
must not see one face arrive. Latencies are those of all pictures up to now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import accumulate

from core.monitoring.counts_line import CONFIDENCE_BINS, LATENCY_MS
from core.monitoring.tally import FACES, SAD_OR_NEUTRAL, Number, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[Mapping[str, str], float]
"""Labels and value."""


def exposition(tally: Tally) -> str:
    """Return the counts as text."""
    published = tally.published
    counters = _by_kind(published)
    parts = [
        _metric("mien_info", "gauge", "The model.", [({"model": tally.model}, 1)]),
        _metric(
            "mien_faces_total", "counter", "Faces, in groups of ten.", [({}, published[FACES])]
        ),
        _metric(
            "mien_faces_abstained_total",
            "counter",
            "Faces without a prediction, by reason.",
            [({"reason": n[1]}, count) for n, count in counters["abstained"]],
        ),
        _metric(
            "mien_predictions_total",
            "counter",
            "Faces by predicted class; ages by decade.",
            [({"task": n[1], "label": n[2]}, count) for n, count in counters["class"]],
        ),
        _metric(
            "mien_predictions_uncertain_total",
            "counter",
            "Faces whose prediction is below the model's threshold.",
            [({"task": n[1]}, count) for n, count in counters["uncertain"]],
        ),
        _metric(
            "mien_predictions_by_confidence_total",
            "counter",
            "Faces by confidence, from the lower end of each bin.",
            [
                ({"task": n[1], "from": f"{int(n[2]) / CONFIDENCE_BINS:g}"}, count)
                for n, count in counters["confidence"]
            ],
        ),
    ]
    if tally.knows_pair:
        parts.append(
            _metric(
                "mien_predictions_sad_neutral_total",
                "counter",
                "Faces whose two most probable emotions are sadness and neutral.",
                [({}, published[SAD_OR_NEUTRAL])],
            )
        )
    return "".join([*parts, _latency(tally)])


def _by_kind(published: Mapping[Number, int]) -> dict[str, list[tuple[Number, int]]]:
    by_kind = defaultdict(list)
    for number, count in sorted(published.items()):
        by_kind[number[0]].append((number, count))
    return by_kind


def _latency(tally: Tally) -> str:
    name = "mien_picture_seconds"
    ends = [*(f"{end / 1000:g}" for end in LATENCY_MS), "+Inf"]
    text = _head(name, "histogram", "From a picture's arrival to its answer.")
    for source, pictures in tally.latency_ms.items():
        below = list(accumulate(pictures))
        for end, count in zip(ends, below, strict=True):
            text += _sample(f"{name}_bucket", {"source": source, "le": end}, count)
        text += _sample(f"{name}_sum", {"source": source}, tally.total_ms[source] / 1000)
        text += _sample(f"{name}_count", {"source": source}, below[-1])
    return text


def _metric(name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> str:
    return _head(name, kind, help_text) + "".join(_sample(name, *sample) for sample in samples)


def _head(name: str, kind: str, help_text: str) -> str:
    return f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    listed = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{listed}}} {value:.15g}\n" if listed else f"{name} {value:.15g}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
