"""One line of a file of counts: its fields, their limits, and the line as JSON text.

The demo writes such lines (`--monitor`), the studio's page *In production* reads them. A line holds
numbers only, beside its time, the model's name and names of classes and reasons. Every number of
faces is a multiple of `GROUP`; `core.monitoring.tally` says why.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeAlias, get_args

import numpy as np
from pydantic import AfterValidator, Field, Strict, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from core.errors import DataError
from core.schema import (
    FilledText,
    described,
    explain,
    only_fields,
    parse_json,
    validated,
)

Source: TypeAlias = Literal["live", "still"]
"""Where pictures come from: camera frames; uploaded pictures and those of the API. A video's
frames are read in groups, so they have no latency and are not counted; their faces are.
"""
FORMAT: Final = "mien.counts"
VERSION = 1
START = f'{{"format": "{FORMAT}"'
"""How every line begins."""
GROUP = 10
"""The fewest faces that any number stands for, and the step of all of them."""
CONFIDENCE_BINS = 10
"""Bins of equal width of the confidence in [0, 1]."""
R10 = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
"""Preferred numbers, ten a decade (ISO 3)."""
LATENCY_MS = (*(10.0**decade * step for decade in range(4) for step in R10), 10_000.0)
"""Upper ends of the bins of a picture's latency, in milliseconds; one more bin lies beyond."""
SOURCES: tuple[Source, ...] = get_args(Source)
MAX_COUNT = 2**40
"""So that sums over all lines that are read fit 64 bits."""
MAX_CLASSES, MAX_TASKS = 100, 20
"""Classes of a task, or reasons; tasks."""
MAX_LINE_BYTES = 262_144
"""Longest line that is read."""
MAX_SECONDS = 366 * 86_400
"""Longest interval."""


def _time(text: str) -> str:
    """Refuse what is no UTC time in whole seconds, such as `2026-11-29T08:00:00+00:00`."""
    try:
        is_time = datetime.fromisoformat(text).astimezone(UTC).isoformat("T", "seconds") == text
    except (ValueError, OverflowError):
        is_time = False
    if not is_time:
        raise PydanticCustomError("form", "to be a time in UTC")
    return text


# Without `described`, which is Python: a file has millions of these.
Count = Annotated[int, Strict(), Field(ge=0, le=MAX_COUNT)]
Faces = Annotated[int, Strict(), Field(ge=0, le=MAX_COUNT, multiple_of=GROUP)]
FacesByName = Annotated[dict[FilledText, Faces], Field(max_length=MAX_CLASSES)]
Time = Annotated[FilledText, AfterValidator(_time), described("a time in UTC, whole seconds")]
Seconds = Annotated[
    int, Strict(), Field(ge=1, le=MAX_SECONDS), described(f"whole seconds, 1 to {MAX_SECONDS}")
]


@validated
class TaskCounts:
    """Faces by the prediction of one task.

    Attributes:
        predicted: faces with a prediction.
        uncertain: those of them below the model's threshold.
        classes: faces by predicted class, by decade for age; without classes that have none.
        confidence: faces by bin of the confidence; empty for a task without one.
    """

    predicted: Faces
    uncertain: Faces
    classes: FacesByName
    confidence: tuple[Faces, ...]

    def __post_init__(self) -> None:
        if len(self.confidence) not in (0, CONFIDENCE_BINS):
            raise ValueError(
                f"Expected `confidence` to have {CONFIDENCE_BINS} numbers or none, got "
                f"{len(self.confidence)}."
            )


@validated
class CountsLine:
    """What a demo counted in one interval.

    Attributes:
        format, version: of the line.
        start: when the interval began, a time in UTC.
        seconds: how long it was.
        model: name and version of the model.
        generated: whether the numbers were made up, as those of a sample are.
        faces: faces that were counted; see `core.monitoring.tally` for which are.
        abstained: faces without a prediction, by reason.
        tasks: the predictions, by task.
        sad_neutral: faces whose two most probable emotions are sadness and neutral; None where the
            model does not know both.
        latency_ms: pictures by bin of LATENCY_MS, by source; pictures, not faces, so not in groups.
    """

    format: Literal["mien.counts"]
    version: Annotated[int, Strict()]
    start: Time
    seconds: Seconds
    model: FilledText
    generated: Annotated[bool, Strict()]
    faces: Faces
    abstained: FacesByName
    tasks: Annotated[
        dict[FilledText, Annotated[TaskCounts, only_fields(TaskCounts)]],
        Field(max_length=MAX_TASKS),
    ]
    sad_neutral: Faces | None
    latency_ms: dict[Source, tuple[Count, ...]]

    def __post_init__(self) -> None:
        if self.version != VERSION:
            raise ValueError(
                f"Expected version {VERSION} of the counts, got {self.version}; try the Mien that "
                "wrote the file."
            )
        bins = len(LATENCY_MS) + 1
        for source, pictures in self.latency_ms.items():
            if len(pictures) != bins:
                raise ValueError(
                    f"Expected `latency_ms.{source}` to have {bins} numbers, got {len(pictures)}."
                )

    @property
    def time(self) -> datetime:
        """When the interval began."""
        return datetime.fromisoformat(self.start)

    def to_json(self) -> str:
        """Return the line, without its end."""
        return json.dumps(asdict(self), ensure_ascii=True, allow_nan=False)


_CHECKED: TypeAdapter[CountsLine] = TypeAdapter(Annotated[CountsLine, only_fields(CountsLine)])


def parse(line: bytes) -> CountsLine:
    """Return a line of a file; it may hold anything.

    Raises:
        DataError: it is none, says what was expected.
    """
    if len(line) > MAX_LINE_BYTES:
        raise DataError(f"Expected a line of at most {MAX_LINE_BYTES:,} bytes, got more.")
    try:
        raw = parse_json(line)
    except ValueError:
        raise DataError("Expected a JSON object in UTF-8, got something else.") from None
    try:
        return _CHECKED.validate_python(raw)
    except ValidationError as error:
        raise DataError(explain(error, "the line")) from None


def percentile_ms(pictures: np.ndarray, share: float) -> float | None:
    """Return the latency that a share of the pictures stays below, in milliseconds.

    Within a bin it is interpolated on a logarithmic scale, so it is off by less than a bin's width,
    a quarter of the value.

    Args:
        pictures: by bin, (len(LATENCY_MS) + 1,).
        share: in (0, 1), such as 0.9.

    Returns:
        None without pictures; the last of LATENCY_MS where the bin beyond it is reached.
    """
    total = int(pictures.sum())
    if not total:
        return None
    rank, below = share * total, 0
    for i, count in enumerate(pictures.tolist()):
        if below + count >= rank and count:
            if i == len(LATENCY_MS):
                break
            high = LATENCY_MS[i]
            low = LATENCY_MS[i - 1] if i else high / R10[1]
            return low * math.exp(math.log(high / low) * (rank - below) / count)
        below += count
    return LATENCY_MS[-1]
