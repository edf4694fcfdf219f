"""Open a model: one ONNX file with its card in the metadata.

Model files are untrusted. They are read as bytes, so that ONNX cannot reach for other files, and
never unpickled. Before ONNX Runtime sees one, `core.artifacts.onnx_check` decides what it may hold
and take; then it is run once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import numpy as np
import onnxruntime as ort

from core.artifacts.card import KEY, Card
from core.artifacts.onnx_check.graph import read_graph, read_metadata
from core.artifacts.onnx_check.limits import check_cost
from core.errors import ModelError

MODEL_FILE = "model.onnx"
CARD_FILE = "card.md"
"""Stands beside the model, for people."""
MAX_BYTES = 512 * 1024 * 1024
MAX_TRIAL_SECONDS = 20.0
"""Time in which a network has to predict its first face."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened model.

    Attributes:
        card: what the model states about itself.
        session: of ONNX Runtime, on the processor.
        path: the model file.
        sha256: of the bytes that were opened.
    """

    card: Card
    session: ort.InferenceSession
    path: Path
    sha256: str


def model_path(path: str | Path) -> Path:
    """Return `path` itself, or the model file inside the folder `path`.

    Raises:
        ModelError: there is none; says how to make one.
    """
    path = Path(path)
    file = path / MODEL_FILE if path.is_dir() else path
    if not file.is_file():
        raise ModelError(
            f"Expected a model at {file}, got nothing; try "
            f"`python -m train export CHECKPOINT --out {path}`."
        )
    return file


def load(
    path: str | Path,
    threads: int = 1,
    sha256: Collection[str] = (),
    *,
    is_trusted: bool = False,
) -> Bundle:
    """Open and check a model.

    Args:
        path: a model file or its folder.
        threads: of ONNX Runtime for one call.
        sha256: digests that the file must have, checked before anything opens it.
        is_trusted: leave out `core.artifacts.onnx_check`: whoever gives the file vouches for it.

    Raises:
        ModelError: missing, too large, changed, damaged, without a valid card, or with operators
            or sizes that are not allowed.
    """
    file = model_path(path)
    data = _read(file)
    digest = hashlib.sha256(data).hexdigest()
    if others := set(sha256) - {digest}:
        raise ModelError(
            f"Expected {file} to have SHA-256 {min(others)}, got {digest}; it was changed."
        )
    card = _card(data, file)
    if not is_trusted:
        _check_graph(data, file)
    session = open_session(data, threads, file)
    _check_form(card, session, file)
    _try(card, session, file)
    return Bundle(card, session, file, digest)


def load_card(path: str | Path) -> Card:
    """Return the card of a model; the network itself is not opened.

    Args:
        path: a model file or its folder.

    Raises:
        ModelError: missing, too large, damaged, or without a valid card.
    """
    file = model_path(path)
    return _card(_read(file), file)


def _read(file: Path) -> bytes:
    if (size := file.stat().st_size) > MAX_BYTES:
        raise ModelError(f"Expected a model of at most {MAX_BYTES} bytes, got {size}: {file}.")
    return file.read_bytes()


def _card(data: bytes, file: Path) -> Card:
    try:
        text = read_metadata(data).get(KEY)
    except ModelError as error:
        raise ModelError(f"Expected an ONNX model in {file}. {error}") from None
    if text is None:
        raise ModelError(
            f"Expected the metadata key {KEY!r} in {file}, got none; export it with "
            "`python -m train export`."
        )
    return Card.from_json(text)


def _check_graph(data: bytes, file: Path) -> None:
    try:
        check_cost(read_graph(data))
    except ModelError as error:
        raise ModelError(
            f"{str(error)[:400]} So {file} is not opened; if you know who made it, try --trust."
        ) from None


def open_session(data: bytes, threads: int, file: Path) -> ort.InferenceSession:
    """Return a session of ONNX Runtime on the processor.

    Raises:
        ModelError: ONNX Runtime refuses the file.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    # Spinning threads win microseconds for one visitor and take the core away from all others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own unrelated types for damaged files
        raise ModelError(
            f"Expected an ONNX model, got {file}, which ONNX Runtime refuses: {str(error)[:300]}"
        ) from error


def _check_form(card: Card, session: ort.InferenceSession, file: Path) -> None:
    """Refuse a network whose inputs and outputs are not those of its card."""
    inputs = session.get_inputs()
    expected = [card.input.channels, card.input.size, card.input.size]
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or inputs[0].shape[1:] != expected:
        raise ModelError(
            f"Expected one float input (N, {expected}) as the card says, got "
            f"{[(i.type, i.shape) for i in inputs]}: {file}."
        )
    outputs = {o.name: o.shape for o in session.get_outputs()}
    for head in card.heads:
        if head.output not in outputs or list(outputs[head.output][1:]) != [head.width]:
            raise ModelError(
                f"Expected output {head.output!r} of shape (N, {head.width}), got outputs "
                f"{outputs}: {file}."
            )


def _try(card: Card, session: ort.InferenceSession, file: Path) -> None:
    """Predict one black face, and refuse a network that cannot, or not in MAX_TRIAL_SECONDS."""
    spec, names = card.input, [head.output for head in card.heads]
    options = ort.RunOptions()
    timer = Timer(MAX_TRIAL_SECONDS, setattr, (options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        face = np.zeros((1, spec.channels, spec.size, spec.size), np.float32)
        outputs = session.run(names, {session.get_inputs()[0].name: face}, options)
    except Exception as error:  # ONNX Runtime's own unrelated types
        raise ModelError(
            f"Expected a network that predicts a face in {MAX_TRIAL_SECONDS:g} seconds, got "
            f"{file}, at which ONNX Runtime stops: {str(error)[:300]}"
        ) from error
    finally:
        timer.cancel()
    for head, values in zip(card.heads, outputs, strict=True):
        if np.shape(values) != (1, head.width) or values.dtype != np.float32:
            raise ModelError(
                f"Expected output {head.output!r} of shape (1, {head.width}), got "
                f"{np.shape(values)}: {file}."
            )
