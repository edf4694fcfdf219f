"""Open a model: one ONNX file with its card in the metadata.

Model files are untrusted. They are read as bytes, so that ONNX cannot reach for other files, and
never unpickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort

from core.artifacts.card import KEY, Card
from core.errors import ModelError

MODEL_FILE = "model.onnx"
MAX_BYTES = 512 * 1024 * 1024


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


def load(path: str | Path, threads: int = 1, sha256: Collection[str] = ()) -> Bundle:
    """Open and check a model.

    Args:
        path: a model file or its folder.
        threads: of ONNX Runtime for one call.
        sha256: digests that the file must have, checked before anything opens it.

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
    session = _session(data, threads, file)
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    if text is None:
        raise ModelError(
            f"Expected the metadata key {KEY!r} in {file}, got none; export it with "
            "`python -m train export`."
        )
    card = Card.from_json(text)
    _check(card, session, file)
    return Bundle(card, session, file, digest)


def _session(data: bytes, threads: int, file: Path) -> ort.InferenceSession:
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


def _check(card: Card, session: ort.InferenceSession, file: Path) -> None:
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
