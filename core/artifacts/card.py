"""The card inside a model file: how to feed the network and what its outputs mean.

A card comes from an untrusted file, so every field is checked, and texts are short.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, Field, PlainValidator, Strict, StrictFloat
from pydantic import StrictInt as Integer
from typing_extensions import TypedDict

from core import age_intervals, schema, vocabulary
from core.artifacts.input_spec import InputSpec
from core.errors import ModelError
from core.schema import Text, described, one_of, only_fields

KEY = "mien.card"
"""The key of a card in the metadata of an ONNX file."""
TASKS = tuple(vocabulary.TASKS)
PRECISIONS = ("fp32", "int8")
LABEL_COUNTS = {
    "softmax": (2, 1000),
    "sigmoid": (2, 2),
    "distribution": (2, int(age_intervals.OLDEST) + 1),
    "regression": (0, 0),
}
"""Smallest and largest number of labels, by kind of head."""
MAX_CARD_BYTES = 1_000_000
MAX_METRIC_ROWS = 2_000
MAX_DATA_ROWS = 500
MAX_LICENCE = 50_000
"""Characters of a licence, which an ensemble joins from its members'."""
MAX_ROW_TEXT = 500
"""Characters of a text in a row of metrics."""
MAX_NUMBER = 1e12

Kind = Literal["softmax", "sigmoid", "distribution", "regression"]
Task = Annotated[str, one_of(TASKS)]


def _within_max(value: float | None) -> float | None:
    if value is not None and abs(value) > MAX_NUMBER:
        raise ValueError("too large")
    return value


def _input_spec(value: Any) -> InputSpec:
    return value if isinstance(value, InputSpec) else InputSpec.from_dict(value)


def _calibration_key(key: str) -> str:
    if key not in TASKS and not key.startswith(age_intervals.PREFIX):
        raise ValueError(
            f"Expected keys {', '.join(TASKS)} or `{age_intervals.PREFIX}` and an age in "
            f"`calibration`, got {key!r:.80}."
        )
    return key


def _calibration_ages(calibration: dict[str, float]) -> dict[str, float]:
    age_intervals.factors(calibration)  # refuses keys that hold no age
    return calibration


def _threshold_ranges(thresholds: dict[str, float]) -> dict[str, float]:
    for task, value in thresholds.items():
        limit = age_intervals.OLDEST if task == "age" else 1
        if not 0 < value <= limit:
            raise ValueError(
                f"Expected `thresholds.{task}` to be a number above 0 and at most {limit:g}, "
                f"got {value!r:.80}."
            )
    return thresholds


Count = Annotated[Integer, Field(ge=0, le=int(MAX_NUMBER)), described("a count")]
Number = Annotated[float, Strict(), described("a number")]
"""Integers count as numbers, truth values and texts do not."""
Figure = Annotated[
    Integer | StrictFloat | None, AfterValidator(_within_max), described("a number or null")
]
"""NaN too: a figure of too few samples."""
Calibration = Annotated[
    dict[
        Annotated[str, AfterValidator(_calibration_key)],
        Annotated[float, Strict(), Field(ge=0.01, le=100), described("a number from 0.01 to 100")],
    ],
    AfterValidator(_calibration_ages),
]
Thresholds = Annotated[dict[Task, Number], AfterValidator(_threshold_ranges)]
RowText = Annotated[
    str,
    Strict(),
    Field(max_length=MAX_ROW_TEXT),
    AfterValidator(schema.printable),
    described(f"a text of at most {MAX_ROW_TEXT} printable characters"),
]
Licence = Annotated[
    str,
    Strict(),
    Field(max_length=MAX_LICENCE),
    described(f"a text of at most {MAX_LICENCE} characters"),
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


@schema.validated
class Head:
    """One output of the network.

    Attributes:
        task: `emotion`, `gender` or `age`.
        kind: `softmax`: logits (N, len(labels)); `sigmoid`: the logit (N, 1) of labels[0] against
            labels[1]; `distribution`: logits (N, bins) over the ages in `labels`, years as text;
            `regression`: years (N, 1), without labels.
        labels: names of the classes or bins, in the order of the columns.
        output: name of the output in the ONNX file.

    Raises:
        ModelError: a field is none of these, or the labels are fewer or more than `LABEL_COUNTS`
            allows, or alike.
    """

    task: Task
    kind: Kind
    labels: tuple[Text, ...]
    output: Text

    def __post_init__(self) -> None:
        if (self.task == "age") != (self.kind in ("distribution", "regression")):
            raise ModelError(
                "Expected ages as a distribution or regression and all else as classes, got "
                f"{self.task} as {self.kind}."
            )
        low, high = LABEL_COUNTS[self.kind]
        if not low <= len(self.labels) <= high or len(set(self.labels)) < len(self.labels):
            raise ModelError(
                f"Expected {low} to {high} different labels of a {self.kind}, got "
                f"{len(self.labels)}: {str(self.labels)[:200]}."
            )
        years = tuple(str(year) for year in range(len(self.labels)))
        if self.kind == "distribution" and self.labels != years:
            raise ModelError(
                "Expected one-year bins 0, 1, 2 ... of an age distribution, got "
                f"{str(self.labels[:5])[:200]}."
            )

    @property
    def width(self) -> int:
        """Columns of the output."""
        return 1 if self.kind in ("sigmoid", "regression") else len(self.labels)


@schema.validated
class Card:
    """What a model file states about itself.

    Attributes:
        name: the model's name.
        version: the model's version.
        input: how a face is cropped and normalised.
        heads: at least one, each of another task.
        calibration: by task, the temperature that divides a head's logits, or for a regression the
            half width of the 80 % interval in years; keys `age@Y` hold the factors of
            `core.age_intervals`.
        thresholds: by task, the probability from which a prediction is shown (1: never), and for
            age the width of its interval in years above which it is uncertain.
        recipe: how the model was trained.
        data: what it was trained and validated on.
        metrics: how good it is.
        licence: licences of the training data, text of any length up to `MAX_LICENCE`.
        created: date and time.
        precision: of the weights; inputs and outputs are float32 either way.

    Raises:
        ModelError: a field is not so.
    """

    name: Text
    version: Text
    input: Annotated[InputSpec, PlainValidator(_input_spec)]
    heads: Annotated[tuple[Head, ...], Field(min_length=1)]
    calibration: Calibration = field(default_factory=dict)
    thresholds: Thresholds = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    data: DataRows = ()
    metrics: MetricRows = ()
    licence: Licence = ""
    created: Text = ""
    precision: Annotated[str, one_of(PRECISIONS)] = "fp32"

    def __post_init__(self) -> None:
        tasks = [head.task for head in self.heads]
        if len(set(tasks)) < len(tasks):
            raise ModelError(f"Expected one head for each task, got {tasks[:10]}.")

    def head(self, task: str) -> Head | None:
        """Return the head of `task`, None where the model has none."""
        return next((head for head in self.heads if head.task == task), None)

    def labels(self, task: str) -> tuple[str, ...]:
        """Return the labels of `task`, empty where the model has no such head."""
        head = self.head(task)
        return head.labels if head else ()

    def to_json(self) -> str:
        """Return the value of the metadata key."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes | memoryview) -> Card:
        """Return the card that `text`, the value of the metadata key, describes.

        Raises:
            ModelError: it is longer than MAX_CARD_BYTES, or a field is missing or malformed.
        """
        if len(text) > MAX_CARD_BYTES:
            raise ModelError(
                f"Expected a card of at most {MAX_CARD_BYTES:,} bytes under the model's metadata "
                f"key {KEY!r}, got {len(text):,}."
            )
        try:
            content = text if isinstance(text, str) else bytes(text).decode("utf-8")
            return schema.read_json(cls, content, "card")
        except UnicodeDecodeError as error:
            raise ModelError(f"Expected the card to be UTF-8, got: {error}") from None
        except ModelError as error:
            raise ModelError(
                f"Expected a valid card under the model's metadata key {KEY!r}, as "
                f"`python -m train export` writes it, got: {str(error)[:600]}"
            ) from error
