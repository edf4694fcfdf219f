"""A model on disk: one ONNX file whose metadata key `mien.card` says how to feed it and what its outputs mean.

Model files are untrusted. They are read as bytes (so that ONNX cannot reach for other files), never unpickled, and every field is checked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import onnxruntime as ort

from core import ages, metric_rows
from core.errors import ModelError
from core.preprocess import InputSpec

KEY = "mien.card"
MODEL_FILE = "model.onnx"
MAX_BYTES = 512 * 1024 * 1024

Kind = Literal["softmax", "sigmoid", "distribution", "regression"]
TASKS = ("emotion", "gender", "age")
PRECISIONS = ("fp32", "int8")


@dataclass(frozen=True, slots=True)
class Head:
    """One output of the network.

    kind: softmax (N, len(labels)) logits; sigmoid (N, 1) logit of labels[0] against labels[1]; distribution (N, bins) logits over the ages
    in `labels` (years as text); regression (N, 1) years.
    """

    task: str
    kind: Kind
    labels: tuple[str, ...]
    output: str

    def __post_init__(self) -> None:
        if self.task not in TASKS or self.kind not in get_args(Kind):
            raise ModelError(f"Expected a task of {TASKS} and a kind of {get_args(Kind)}, got {self.task!r} and {self.kind!r}.")
        if (self.task == "age") != (self.kind in ("distribution", "regression")):
            raise ModelError(f"Expected ages as a distribution or regression and all else as classes, got {self.task} as {self.kind}.")
        if self.kind == "distribution" and self.labels != tuple(str(i) for i in range(len(self.labels))):
            raise ModelError(f"Expected one-year bins 0, 1, 2 ... of an age distribution, got {self.labels[:5]}.")

    @property
    def width(self) -> int:
        """Columns of the output."""
        return 1 if self.kind in ("sigmoid", "regression") else len(self.labels)


@dataclass(frozen=True, slots=True)
class Card:
    """What a model says about itself.

    calibration: divides a head's logits (temperature), or for a regression is the half width of the 80 % interval in years; its entries
    `age@Y` are the factors of `core.ages`. thresholds: by task, the probability from which an answer is to be given (1: never), and for age
    the width of its interval in years over which it is uncertain. metrics: rows {data, split, metric, value, ci95, n, group?}. data: rows
    {name, fingerprint, split sizes}. precision: of the file that carries this card, whose inputs and outputs are float32 either way.
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
        if self.precision not in PRECISIONS:
            raise ModelError(f"Expected a precision of {PRECISIONS}, got {self.precision!r}.")
        if any(k not in TASKS or not 0 < v <= (ages.OLDEST if k == "age" else 1) for k, v in self.thresholds.items()):
            raise ModelError(
                f"Expected thresholds of {TASKS}, above 0, at most 1 (age: {ages.OLDEST:g} years), got {str(dict(self.thresholds))[:200]}."
            )
        ages.factors(self.calibration)

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
            heads = tuple(Head(h["task"], h["kind"], tuple(map(str, h["labels"])), str(h["output"])) for h in raw["heads"])
            calibration = {str(k): float(v) for k, v in raw.get("calibration", {}).items()}
            if not heads or any(not 0.01 <= v <= 100 for v in calibration.values()):
                raise ValueError(f"{len(heads)} heads and calibration {calibration}")
            return cls(
                name=str(raw["name"]), version=str(raw["version"]), input=InputSpec.from_dict(raw["input"]), heads=heads,
                calibration=calibration, thresholds={str(k): float(v) for k, v in raw.get("thresholds", {}).items()},
                recipe=dict(raw.get("recipe", {})), data=tuple(raw.get("data", ())), metrics=metric_rows.checked(raw.get("metrics", ())),
                licence=str(raw.get("licence", "")), created=str(raw.get("created", "")), precision=str(raw.get("precision", "fp32")),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"Expected a valid card under the model's metadata key {KEY!r}, got: {error}") from error


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened model: its card, its ONNX Runtime session, where it came from, and the SHA-256 of the bytes that were opened."""

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
        raise ModelError(f"Expected a model at {file}, got nothing; try `python -m train export CHECKPOINT --out {path}`.")
    return file


def load(path: str | Path, threads: int = 1, sha256: Collection[str] = ()) -> Bundle:
    """Opens and checks a model. `threads`: of ONNX Runtime for one call. `sha256`: what the file must have, before anything opens it.

    Raises:
        ModelError: missing, too large, changed, damaged, or without a valid card.
    """
    file = model_path(path)
    if (size := file.stat().st_size) > MAX_BYTES:
        raise ModelError(f"Expected a model of at most {MAX_BYTES} bytes, got {size}: {file}.")
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if others := set(sha256) - {digest}:
        raise ModelError(f"Expected {file} to have SHA-256 {min(others)}, got {digest}; it was changed.")
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    # Spinning threads win microseconds for one visitor and take the core away from all others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own unrelated types for damaged files
        raise ModelError(f"Expected an ONNX model, got {file}, which ONNX Runtime refuses: {str(error)[:300]}") from error
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    if text is None:
        raise ModelError(f"Expected the metadata key {KEY!r} in {file}, got none; export it with `python -m train export`.")
    card = Card.from_json(text)
    _check(card, session, file)
    return Bundle(card, session, file, digest)


def _check(card: Card, session: ort.InferenceSession, file: Path) -> None:
    inputs = session.get_inputs()
    expected = [card.input.channels, card.input.size, card.input.size]
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or inputs[0].shape[1:] != expected:
        raise ModelError(f"Expected one float input (N, {expected}) as the card says, got {[(i.type, i.shape) for i in inputs]}: {file}.")
    outputs = {o.name: o.shape for o in session.get_outputs()}
    for head in card.heads:
        if head.output not in outputs or list(outputs[head.output][1:]) != [head.width]:
            raise ModelError(f"Expected output {head.output!r} of shape (N, {head.width}), got outputs {outputs}: {file}.")
