"""Rows of a card: its figures, and the data that a model was trained and validated on."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import AfterValidator, Field, Strict, StrictFloat
from pydantic import StrictInt as Integer
from typing_extensions import TypedDict

from core import schema
from core.schema import Text, described, only_fields

MAX_METRIC_ROWS = 2_000
MAX_DATA_ROWS = 500
MAX_ROW_TEXT = 500
"""Characters of a text in a row of metrics."""
MAX_NUMBER = 1e12


def _within_max(value: float | None) -> float | None:
    if value is not None and abs(value) > MAX_NUMBER:
        raise ValueError("too large")
    return value


Count = Annotated[Integer, Field(ge=0, le=int(MAX_NUMBER)), described("a count")]
Figure = Annotated[
    Integer | StrictFloat | None, AfterValidator(_within_max), described("a number or null")
]
"""NaN too: a figure of too few samples."""
RowText = Annotated[
    str,
    Strict(),
    Field(max_length=MAX_ROW_TEXT),
    AfterValidator(schema.printable),
    described(f"a text of at most {MAX_ROW_TEXT} printable characters"),
]


class MetricRow(TypedDict):
    """One metric of a model on one part of a data set, or on one group of it."""

    data: RowText
    split: RowText
    metric: RowText
    value: Figure
    ci95: NotRequired[
        Annotated[
            list[Figure] | None,
            Field(min_length=2, max_length=2),
            described("two numbers or null"),
        ]
    ]
    n: NotRequired[Count]
    group: NotRequired[RowText]


class DataRow(TypedDict):
    """One part of a data set that a model was trained or validated on."""

    name: Text
    split: Text
    n: Count
    fingerprint: NotRequired[Text]


MetricRows = Annotated[
    tuple[Annotated[MetricRow, only_fields(MetricRow)], ...], Field(max_length=MAX_METRIC_ROWS)
]
DataRows = Annotated[
    tuple[Annotated[DataRow, only_fields(DataRow)], ...], Field(max_length=MAX_DATA_ROWS)
]
