"""A model on disk: one ONNX file whose metadata key `mien.card` says how to feed it and what its
outputs mean.

Model files are untrusted. They are read as bytes (so that ONNX cannot reach for other files), never
unpickled, and every field is checked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import onnxruntime as ort

from core import age_intervals
from core.artifacts import metric_rows
from core.errors import ModelError
from core.preprocess import InputSpec

KEY = "mien.card"
MODEL_FILE = "model.onnx"
MAX_BYTES = 512 * 1024 * 1024

Kind = Literal["softmax", "sigmoid", "distribution", "regression"]
TASKS = ("emotion", "gender", "age")
PRECISIONS = ("fp32", "int8")
LABELS = {
    "softmax": (2, 1000),
    "sigmoid": (2, 2),
    "distribution": (2, int(age_intervals.OLDEST) + 1),
    "regression": (0, 0),
}
"""Least and largest number of labels, by kind."""
MAX_TEXT, MAX_LICENCE = 200, 50_000
"""Characters of a name, version, date or label, and of a licence, which an ensemble joins from its
members'.
"""
MAX_DEPTH = 32
"""Levels of a card's JSON; a recipe inside an ensemble's card has about ten."""


@dataclass(frozen=True, slots=True)
class Head:
    """One output of the network.

    kind: softmax (N, len(labels)) logits; sigmoid (N, 1) logit of labels[0] against labels[1];
    distribution (N, bins) logits over the ages in `labels` (years as text); regression (N, 1)
    years, no labels.

    Raises:
        ModelError: a field is none of these, or the labels are fewer or more than `LABELS` allows,
        alike, or no short texts.
    """

    task: str
    kind: Kind
    labels: tuple[str, ...]
    output: str

    def __post_init__(self) -> None:
        if self.task not in TASKS or self.kind not in get_args(Kind):
            raise ModelError(
                f"Expected a task of {TASKS} and a kind of {get_args(Kind)}, got {self.task!r:.80} and {self.kind!r:.80}."
            )
        if (self.task == "age") != (self.kind in ("distribution", "regression")):
            raise ModelError(
                f"Expected ages as a distribution or regression and all else as classes, got {self.task} as {self.kind}."
            )
        if not all(map(_is_text, (self.output, *self.labels))):
            raise ModelError(
                f"Expected the output and labels of {self.task} to be texts of at most {MAX_TEXT} printable characters, "
                f"got {self.output!r:.80} and {str(self.labels)[:200]}."
            )
        least, most = LABELS[self.kind]
        if not least <= len(self.labels) <= most or len(set(self.labels)) < len(self.labels):
            raise ModelError(
                f"Expected {least} to {most} different labels of a {self.kind}, got {len(self.labels)}: {str(self.labels)[:200]}."
            )
        if self.kind == "distribution" and self.labels != tuple(
            str(i) for i in range(len(self.labels))
        ):
            raise ModelError(
                f"Expected one-year bins 0, 1, 2 ... of an age distribution, got {self.labels[:5]}."
            )

    @property
    def width(self) -> int:
        """Columns of the output."""
        return 1 if self.kind in ("sigmoid", "regression") else len(self.labels)


@dataclass(frozen=True, slots=True)
class Card:
    """What a model says about itself.

    calibration: divides a head's logits (temperature), or for a regression is the half width of the
    80 % interval in years; its entries `age@Y` are the factors of `core.age_intervals`. thresholds:
    by task, the probability from which an answer is to be given (1: never), and for age the width
    of its interval in years over which it is uncertain. metrics: rows {data, split, metric, value,
    ci95, n, group?}. data: rows {name, split, n, fingerprint?}. precision: of the file that carries
    this card, whose inputs and outputs are float32 either way.

    Raises:
        ModelError: a field is not so, two heads have one task, or a text is too long.
    """

    name: str
    version: str
    input: InputSpec
    heads: tuple[Head, ...]
    calibration: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    data: tuple[Mapping[str, Any], ...] = ()
    metrics: tuple[Mapping[str, Any], ...] = ()
    licence: str = ""
    created: str = ""
    precision: str = "fp32"

    def __post_init__(self) -> None:
        for name in ("name", "version", "created"):
            if not _is_text(text := getattr(self, name)):
                raise ModelError(
                    f"Expected `{name}` to be a text of at most {MAX_TEXT} printable characters, got {text!r:.80}."
                )
        if not isinstance(self.licence, str) or len(self.licence) > MAX_LICENCE:
            raise ModelError(
                f"Expected `licence` to be a text of at most {MAX_LICENCE} characters, got {self.licence!r:.80}."
            )
        if len({h.task for h in self.heads}) < len(self.heads):
            raise ModelError(
                f"Expected one head for each task, got {[h.task for h in self.heads][:10]}."
            )
        if self.precision not in PRECISIONS:
            raise ModelError(f"Expected a precision of {PRECISIONS}, got {self.precision!r:.80}.")
        if any(
            k not in TASKS or not 0 < v <= (age_intervals.OLDEST if k == "age" else 1)
            for k, v in self.thresholds.items()
        ):
            raise ModelError(
                f"Expected thresholds of {TASKS}, above 0, at most 1 (age: {age_intervals.OLDEST:g} years), got {str(dict(self.thresholds))[:200]}."
            )
        age_intervals.factors(self.calibration)

    def head(self, task: str) -> Head | None:
        """The head for `task`, or None."""
        return next((h for h in self.heads if h.task == task), None)

    def to_json(self) -> str:
        """The value of the metadata key."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Card:
        """Raises ModelError where a field is missing or malformed."""
        try:
            raw = json.loads(text)
            if _deeper(raw, MAX_DEPTH):
                raise ValueError(f"JSON of more than {MAX_DEPTH} levels")
            heads, calibration, recipe = (
                tuple(map(_head, raw["heads"])),
                _numbers(raw, "calibration"),
                raw.get("recipe", {}),
            )
            if (
                not heads
                or any(not 0.01 <= v <= 100 for v in calibration.values())
                or not isinstance(recipe, dict)
            ):
                raise ValueError(
                    f"{len(heads)} heads, calibration {calibration} and recipe {recipe!r:.80}"
                )
            return cls(
                name=raw["name"],
                version=raw["version"],
                input=InputSpec.from_dict(raw["input"]),
                heads=heads,
                calibration=calibration,
                thresholds=_numbers(raw, "thresholds"),
                recipe=recipe,
                data=_data(raw.get("data", [])),
                metrics=metric_rows.checked(raw.get("metrics", ())),
                licence=raw.get("licence", ""),
                created=raw.get("created", ""),
                precision=raw.get("precision", "fp32"),
            )
        except (
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            got = f"no field {error}" if isinstance(error, KeyError) else str(error)[:600]
            raise ModelError(
                f"Expected a valid card under the model's metadata key {KEY!r}, as `python -m train export` writes it, got: {got}"
            ) from error


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable()


def _deeper(raw: object, levels: int) -> bool:
    """Whether lists and objects lie in each other more than `levels` deep; what writes a card again
    takes Python's stack for each.
    """
    inner = [raw]
    for _ in range(levels):
        inner = [
            v
            for one in inner
            if isinstance(one, (dict, list))
            for v in (one.values() if isinstance(one, dict) else one)
        ]
    return any(isinstance(one, (dict, list)) for one in inner)


def _head(raw: Mapping[str, Any]) -> Head:
    if not isinstance(raw["labels"], list):  # a text would pass for a list of letters
        raise TypeError(f"labels {raw['labels']!r:.80} that are no list")
    return Head(raw["task"], raw["kind"], tuple(raw["labels"]), raw["output"])


def _numbers(raw: Mapping[str, Any], name: str) -> dict[str, float]:
    values = raw.get(name, {})
    if any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in values.values()):
        raise TypeError(f"`{name}` with values that are no numbers: {values!r:.200}")
    return {k: float(v) for k, v in values.items()}


def _data(raw: object) -> tuple[dict[str, Any], ...]:
    if not isinstance(raw, list) or not all(map(_is_data_row, raw)):
        raise ModelError(
            f"Expected `data` to be a list of objects with name, split, n (a count) and maybe fingerprint, got {raw!r:.200}."
        )
    return tuple(raw)


def _is_data_row(row: object) -> bool:
    if not isinstance(row, dict) or set(row) - {"fingerprint"} != {"name", "split", "n"}:
        return False
    return (
        type(row["n"]) is int
        and 0 <= row["n"] <= metric_rows.MAX_NUMBER
        and all(_is_text(v) for k, v in row.items() if k != "n")
    )


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened model: its card, its ONNX Runtime session, where it came from, and the SHA-256 of
    the bytes that were opened.
    """

    card: Card
    session: ort.InferenceSession
    path: Path
    sha256: str


def model_path(path: str | Path) -> Path:
    """`path` itself, or the model file inside the folder `path`.

    Raises:
        ModelError: there is none; says how to make one.
    """
    path = Path(path)
    file = path / MODEL_FILE if path.is_dir() else path
    if not file.is_file():
        raise ModelError(
            f"Expected a model at {file}, got nothing; try `python -m train export CHECKPOINT --out {path}`."
        )
    return file


def load(path: str | Path, threads: int = 1, sha256: Collection[str] = ()) -> Bundle:
    """Opens and checks a model. `threads`: of ONNX Runtime for one call. `sha256`: what the file
    must have, before anything opens it.

    Raises:
        ModelError: missing, too large, changed, damaged, or without a valid card.
    """
    file = model_path(path)
    if (size := file.stat().st_size) > MAX_BYTES:
        raise ModelError(f"Expected a model of at most {MAX_BYTES} bytes, got {size}: {file}.")
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if others := set(sha256) - {digest}:
        raise ModelError(
            f"Expected {file} to have SHA-256 {min(others)}, got {digest}; it was changed."
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    # Spinning threads win microseconds for one visitor and take the core away from all others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own unrelated types for damaged files
        raise ModelError(
            f"Expected an ONNX model, got {file}, which ONNX Runtime refuses: {str(error)[:300]}"
        ) from error
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    if text is None:
        raise ModelError(
            f"Expected the metadata key {KEY!r} in {file}, got none; export it with `python -m train export`."
        )
    card = Card.from_json(text)
    _check(card, session, file)
    return Bundle(card, session, file, digest)


def _check(card: Card, session: ort.InferenceSession, file: Path) -> None:
    inputs = session.get_inputs()
    expected = [card.input.channels, card.input.size, card.input.size]
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or inputs[0].shape[1:] != expected:
        raise ModelError(
            f"Expected one float input (N, {expected}) as the card says, got {[(i.type, i.shape) for i in inputs]}: {file}."
        )
    outputs = {o.name: o.shape for o in session.get_outputs()}
    for head in card.heads:
        if head.output not in outputs or list(outputs[head.output][1:]) != [head.width]:
            raise ModelError(
                f"Expected output {head.output!r} of shape (N, {head.width}), got outputs {outputs}: {file}."
            )
