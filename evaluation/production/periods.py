"""Counts over time: lines merged into hours, days or weeks, and the shares of each.

Faces are taken as independent of each other: the demo counts each once, a second after it appeared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from core.monitoring.counts_line import (
    CONFIDENCE_BINS,
    GROUP,
    LATENCY_MS,
    SOURCES,
    CountsLine,
    Source,
    TaskCounts,
    percentile_ms,
)
from evaluation.statistics import intervals
from evaluation.statistics.estimate import Estimate

MAX_AUTOMATIC = 60
"""Steps that a chart begins with, at the most."""


def _hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0)


def _day(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0)


def _week(time: datetime) -> datetime:
    return _day(time) - timedelta(days=time.weekday())


ROUNDING_VARIANCE = (GROUP**2 - 1) / 6
"""Variance of a number of faces in a period: it has the rest of the period before, and lacks its
own, both evenly distributed from 0 to `GROUP - 1`.
"""
STEPS: Mapping[str, Callable[[datetime], datetime]] = {"hour": _hour, "day": _day, "week": _week}
"""Time -> the beginning of its hour, day or week (from Monday), in UTC."""


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """The sums of some lines.

    Attributes:
        start: of the period, UTC.
        seconds: of its lines.
        faces: counted faces.
        abstained: faces without a prediction, by reason.
        tasks: predictions by task.
        sad_neutral: faces whose two most probable emotions are sadness and neutral; None where the
            model does not know both.
        latency: pictures by source and bin of LATENCY_MS.
    """

    start: datetime
    seconds: int
    faces: int
    abstained: Mapping[str, int]
    tasks: Mapping[str, TaskCounts]
    sad_neutral: int | None
    latency: Mapping[Source, np.ndarray]

    @property
    def abstained_share(self) -> Estimate:
        """Share of the faces without a prediction."""
        return rounded_share(sum(self.abstained.values()), self.faces)

    @property
    def sad_neutral_share(self) -> Estimate:
        """Share of the predicted emotions between sadness and neutral."""
        emotion = self.tasks.get("emotion")
        return rounded_share(self.sad_neutral or 0, emotion.predicted if emotion else 0)

    def uncertain_share(self, task: str) -> Estimate:
        """Share of a task's predictions that are uncertain."""
        counts = self.tasks.get(task)
        return rounded_share(counts.uncertain, counts.predicted) if counts else rounded_share(0, 0)

    def classes(self, task: str, labels: Sequence[str]) -> np.ndarray:
        """Return the faces by predicted class, int64 (len(labels),)."""
        counts = self.tasks.get(task)
        by_label = counts.classes if counts else {}
        return np.array([by_label.get(label, 0) for label in labels], np.int64)

    def confidence(self, task: str) -> np.ndarray:
        """Return the faces by bin of the confidence, int64 (CONFIDENCE_BINS,)."""
        counts = self.tasks.get(task)
        return np.array((counts and counts.confidence) or [0] * CONFIDENCE_BINS, np.int64)

    def percentile_ms(self, source: Source, share: float) -> float | None:
        """Return the latency that a share of a source's pictures stays below; None without any."""
        return percentile_ms(self.latency[source], share)


def rounded_share(hits: int, n: int) -> Estimate:
    """Return a share with Wilson's interval, widened for what rounding adds to chance."""
    if not n:
        return Estimate(None, None, None, 0)
    hits = min(hits, n)  # both are rounded, so they may be ahead of n by a group
    p = (hits + 2) / (n + 4)  # not 0 or 1, where nothing would seem to vary
    variance = n * p * (1 - p)
    weight = variance / (variance + ROUNDING_VARIANCE)
    return Estimate.of(hits / n, intervals.wilson(hits * weight, n * weight), n)


def merged(lines: Sequence[CountsLine], start: datetime | None = None) -> Period:
    """Return the sums of lines, at least one.

    Args:
        lines: in any order.
        start: of the period; the first line's where None.
    """
    latency = {source: np.zeros(len(LATENCY_MS) + 1, np.int64) for source in SOURCES}
    for line in lines:
        for source, pictures in line.latency_ms.items():
            latency[source] += np.array(pictures)
    sad_neutral = [line.sad_neutral for line in lines if line.sad_neutral is not None]
    tasks = sorted({task for line in lines for task in line.tasks})
    return Period(
        start=min(line.time for line in lines) if start is None else start,
        seconds=sum(line.seconds for line in lines),
        faces=sum(line.faces for line in lines),
        abstained=_sums(line.abstained for line in lines),
        tasks={t: _task([line.tasks[t] for line in lines if t in line.tasks]) for t in tasks},
        sad_neutral=sum(sad_neutral) if sad_neutral else None,
        latency=latency,
    )


def _sums(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def _task(parts: Sequence[TaskCounts]) -> TaskCounts:
    bins = [part.confidence for part in parts if part.confidence]
    return TaskCounts(
        predicted=sum(part.predicted for part in parts),
        uncertain=sum(part.uncertain for part in parts),
        classes=_sums(part.classes for part in parts),
        confidence=tuple(map(sum, zip(*bins, strict=True))),
    )


def by_step(lines: Iterable[CountsLine], step: str) -> list[Period]:
    """Return a period for each hour, day or week in which a line began, the earliest first."""
    groups: dict[datetime, list[CountsLine]] = {}
    for line in lines:
        groups.setdefault(STEPS[step](line.time), []).append(line)
    return [merged(group, start) for start, group in sorted(groups.items())]


def usual_step(lines: Sequence[CountsLine]) -> str:
    """Return the shortest step that makes at most MAX_AUTOMATIC periods of the lines."""
    for step, begin in STEPS.items():
        if len({begin(line.time) for line in lines}) <= MAX_AUTOMATIC:
            return step
    return "week"
