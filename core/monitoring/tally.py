"""Faces into counts: what is kept of a face is that some numbers rise by one.

Privacy. Somebody who reads the counts and knows who stood before the camera must not learn what was
predicted of one person. A small number would tell: one face in an interval, or one class with one
face, is that person's prediction. Therefore

- a line is only made when at least `GROUP` faces were counted since the line before, so that an
  interval lasts longer where few people come by;
- every number of faces is rounded down to a multiple of `GROUP`, and the rest is added to the next
  interval (rounding to a base: Hundepool et al., Statistical Disclosure Control, Wiley 2012,
  chapter 5). A class with fewer than `GROUP` faces is merged with later ones until it has as many.
  Differences of numbers tell nothing of single faces either, such as all faces less those predicted
  male.

So the sum over all lines is what was counted, up to `GROUP - 1` for each number. The rests are in
memory only and end with the process. What this does not do: ten visits of one person are ten faces,
because nothing here can tell people apart.
"""

from __future__ import annotations

import operator
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from core.labels import SAD_NEUTRAL, age_decade
from core.monitoring.counts_line import (
    CONFIDENCE_BINS,
    FORMAT,
    GROUP,
    LATENCY_MS,
    MAX_SECONDS,
    SOURCES,
    VERSION,
    CountsLine,
    Source,
    TaskCounts,
)
from core.types import Distribution, Prediction

Number = tuple[str, ...]
"""Which number rises: `faces`, `sad_neutral`, `abstained` with its reason, or one of a task."""
FACES, SAD_OR_NEUTRAL = ("faces",), ("sad_neutral",)
OF_TASK = frozenset({"predicted", "uncertain", "class", "confidence"})


class Tally:
    """The numbers since the last line. Not thread-safe.

    Attributes:
        model: name and version of the model.
        is_generated: whether the numbers are made up.
        knows_pair: whether the model predicts both emotions of SAD_NEUTRAL.
        published: sums over all lines that were made.
        latency_ms: pictures by source and bin, over all time.
        total_ms: sum of the latencies by source, over all time.
    """

    def __init__(self, model: str, *, knows_pair: bool = True, is_generated: bool = False) -> None:
        self.model, self.is_generated, self.knows_pair = model, is_generated, knows_pair
        self.published: Counter[Number] = Counter()
        self.latency_ms = {source: [0] * (len(LATENCY_MS) + 1) for source in SOURCES}
        self.total_ms = dict.fromkeys(SOURCES, 0.0)
        self._waiting: Counter[Number] = Counter()
        self._new_faces = 0
        self._written_ms = {source: list(counts) for source, counts in self.latency_ms.items()}

    def add_picture(self, source: Source, latency_ms: float) -> None:
        """Count a picture of one of SOURCES, whoever is on it."""
        self.latency_ms[source][bisect_left(LATENCY_MS, latency_ms)] += 1
        self.total_ms[source] += latency_ms

    def add_face(self, prediction: Prediction, abstained: str | None) -> None:
        """Count a face.

        Args:
            prediction: of a single picture, not smoothed, as in validation.
            abstained: why the model abstained, then the prediction does not count; only what stands
                before the colon is kept.
        """
        self._new_faces += 1
        numbers = self._waiting
        numbers[FACES] += 1
        if abstained is not None:
            numbers["abstained", abstained.partition(":")[0]] += 1
            return
        for task, head in (("emotion", prediction.emotion), ("gender", prediction.given_gender)):
            if head is not None:
                numbers["predicted", task] += 1
                numbers["uncertain", task] += head.uncertain
                numbers["class", task, head.top] += 1
                numbers["confidence", task, str(confidence_bin(head.confidence))] += 1
        if prediction.emotion is not None:
            numbers[SAD_OR_NEUTRAL] += is_sad_or_neutral(prediction.emotion)
        if prediction.age is not None:
            numbers["predicted", "age"] += 1
            numbers["uncertain", "age"] += prediction.age.uncertain
            numbers["class", "age", age_decade(max(0.0, prediction.age.value))] += 1

    def take_line(self, start: datetime, end: datetime) -> CountsLine | None:
        """Return the line of the interval that ends now, and begin the next one.

        Args:
            start: when the interval began.
            end: now.

        Returns:
            None where too few faces came by: then the interval goes on.
        """
        if self._new_faces < GROUP:
            return None
        self._new_faces = 0
        groups = {n: count - count % GROUP for n, count in self._waiting.items() if count >= GROUP}
        self._waiting.subtract(groups)
        self.published.update(groups)
        latency_ms = {
            source: tuple(map(operator.sub, counts, self._written_ms[source]))
            for source, counts in self.latency_ms.items()
        }
        self._written_ms = {source: list(counts) for source, counts in self.latency_ms.items()}
        return CountsLine(
            format=FORMAT,
            version=VERSION,
            start=start.astimezone(UTC).isoformat("T", "seconds"),
            seconds=min(max(1, round((end - start).total_seconds())), MAX_SECONDS),
            model=self.model,
            generated=self.is_generated,
            faces=groups.get(FACES, 0),
            abstained={n[1]: count for n, count in sorted(groups.items()) if n[0] == "abstained"},
            tasks=tasks_of(groups),
            sad_neutral=groups.get(SAD_OR_NEUTRAL, 0) if self.knows_pair else None,
            latency_ms=latency_ms,
        )


def tasks_of(groups: Mapping[Number, int]) -> dict[str, TaskCounts]:
    """Return the numbers of each task that has any."""
    return {task: _task(groups, task) for task in sorted({n[1] for n in groups if n[0] in OF_TASK})}


def _task(groups: Mapping[Number, int], task: str) -> TaskCounts:
    bins = [groups.get(("confidence", task, str(i)), 0) for i in range(CONFIDENCE_BINS)]
    return TaskCounts(
        predicted=groups.get(("predicted", task), 0),
        uncertain=groups.get(("uncertain", task), 0),
        classes={n[2]: count for n, count in sorted(groups.items()) if n[:2] == ("class", task)},
        confidence=tuple(bins) if any(bins) else (),
    )


def confidence_bin(confidence: float) -> int:
    """Return the bin of a confidence in [0, 1]; its lower end belongs to it.

    >>> confidence_bin(0.0), confidence_bin(0.1), confidence_bin(1.0)
    (0, 1, 9)
    """
    return min(int(confidence * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)


def is_sad_or_neutral(emotion: Distribution) -> bool:
    """Return whether the two most probable emotions are sadness and neutral, in either order."""
    if len(emotion.labels) < 2:
        return False
    first, second = emotion.p.argsort()[-2:].tolist()
    return {emotion.labels[first], emotion.labels[second]} == set(SAD_NEUTRAL)
