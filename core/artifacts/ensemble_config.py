"""`ensemble.json`: which models predict together, and how much each counts.

An untrusted file, as models are: every field is checked, and members lie in the file's own folder
or below it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated

from pydantic import Field, Strict

from core import schema
from core.artifacts import bundle
from core.artifacts.card_rows import MetricRows
from core.artifacts.operating_point import Calibration, Task, Thresholds
from core.errors import ModelError
from core.labels import SPACES
from core.schema import FilledText, Text, described, one_of, only_fields

FILE = "ensemble.json"
MAX_FILE_BYTES = 1 << 20
MAX_MEMBERS = 16
MAX_WEIGHT = 1e6

Weight = Annotated[
    float,
    Strict(),
    Field(ge=0, le=MAX_WEIGHT),
    described(f"a number from 0 to {MAX_WEIGHT:g}"),
]


@schema.validated
class EnsembleMember:
    """One model of an ensemble.

    Attributes:
        model: a bundle, its folder or file, from the folder of `ensemble.json`.
        weight: its share in every task; 0 keeps it out, and only ratios count.
        weights: its share in single tasks instead.
        sha256: of its model file, checked where it is there.
        flip: predict on the mirrored crop too, and take the mean of both predictions.
    """

    model: FilledText
    weight: Weight = 1.0
    weights: dict[Task, Weight] = field(default_factory=dict)
    sha256: Annotated[
        str, Strict(), Field(pattern=r"^([0-9a-f]{64})?$"), described("64 hexadecimal digits")
    ] = ""
    flip: Annotated[bool, Strict(), described("true or false")] = False

    def share(self, task: str) -> float:
        """Return its weight in a task."""
        return self.weights.get(task, self.weight)


@schema.validated
class EnsembleConfig:
    """The content of `ensemble.json`.

    Attributes:
        name: the ensemble's name.
        members: its models.
        labels: `emotion` -> a space of `core.labels` that all members are mapped to (default: the
            smallest of theirs).
        calibration: of the ensemble's own predictions, as in a card; `core.ensemble` says how it
            is used.
        thresholds: as in a card.
        metrics: as in a card.
        created: date and time.
    """

    name: FilledText
    members: Annotated[
        tuple[Annotated[EnsembleMember, only_fields(EnsembleMember)], ...],
        Field(min_length=1, max_length=MAX_MEMBERS),
    ]
    labels: dict[
        Annotated[str, one_of(("emotion",))],
        Annotated[str, Strict(), one_of(SPACES), described(f"one of {', '.join(SPACES)}")],
    ] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=dict)
    thresholds: Thresholds = field(default_factory=dict)
    metrics: MetricRows = ()
    created: Text = ""

    def to_json(self) -> str:
        """Return the file's text; members' fields that say nothing are left out."""
        raw = asdict(self) | {
            "members": [
                {k: v for k, v in asdict(m).items() if v or k == "weight"} for m in self.members
            ]
        }
        return (
            json.dumps(
                {k: v for k, v in raw.items() if v not in ("", {}, ())}, indent=1, allow_nan=False
            )
            + "\n"
        )

    @classmethod
    def from_json(cls, text: str) -> EnsembleConfig:
        """Return the ensemble that the file's text describes.

        Raises:
            ModelError: a field is missing, unknown or malformed.
        """
        return schema.read_json(cls, text, FILE, only_known=True)


def read(path: Path) -> EnsembleConfig:
    """Return the content of the file at `path`.

    Raises:
        ModelError: none there, too large, not text, or malformed.
    """
    if not path.is_file():
        raise ModelError(
            f"Expected an ensemble's file at {path}, got nothing; try "
            "`python -m train ensemble A B --data DIR --out DIR`."
        )
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ModelError(f"Expected at most {MAX_FILE_BYTES} bytes in {path}, got more.")
    try:
        return EnsembleConfig.from_json(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ModelError(f"Expected text in {path}, got other bytes.") from error
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def member_path(folder: Path, model: str) -> Path:
    """Return the model file of a member, inside `folder`.

    Raises:
        ModelError: it leads out of `folder`, or there is no such file.
    """
    relative = PurePosixPath(model)
    leads_out = (
        relative.is_absolute()
        or ".." in relative.parts
        or bool(PureWindowsPath(model).anchor)
        or "\\" in model
    )
    path = folder / relative
    try:
        file = path / bundle.MODEL_FILE if path.is_dir() else path
        if leads_out or not file.resolve().is_relative_to(folder.resolve()):
            raise ModelError(
                f"Expected `model` to lie in the folder of {FILE}, got {model!r}; try to copy the "
                "bundle there."
            )
        return bundle.model_path(file)
    except (OSError, RuntimeError) as error:  # a name too long for the disk, a link to itself
        raise ModelError(f"Expected a model at {model!r}, got: {error}") from error
