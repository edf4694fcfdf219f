"""Open a model of faces, be it one network or an ensemble."""

from __future__ import annotations

from pathlib import Path

from core.artifacts.bundle import MODEL_FILE
from core.artifacts.ensemble_config import FILE
from core.ensemble import Ensemble
from core.errors import ModelError
from core.predictor import FaceModel, Predictor

__all__ = ["FaceModel", "open_model"]


def open_model(
    path: str | Path,
    threads: int = 1,
    *,
    operating_point: str | None = None,
    is_trusted: bool = False,
) -> FaceModel:
    """Open the model at `path`.

    Args:
        path: a bundle (its folder or file) or an ensemble (a folder with `ensemble.json`, or such
            a file).
        threads: of ONNX Runtime for one call.
        operating_point: name of one of the card's (None: the card's default).
        is_trusted: open files with operators or sizes that are not allowed, too; whoever gives them
            vouches for them.

    Raises:
        ModelError: neither is there, the folder holds both, or what is there cannot be used, or
            has no such operating point.
    """
    path = Path(path)
    if path.is_dir() and (path / FILE).is_file():
        if (path / MODEL_FILE).is_file():
            raise ModelError(
                f"Expected a bundle or an ensemble in {path}, got both; name the file, "
                f"{MODEL_FILE} or {FILE}."
            )
        path = path / FILE
    if path.suffix == ".json":
        return Ensemble(path, threads, operating_point=operating_point, is_trusted=is_trusted)
    return Predictor(path, threads, operating_point=operating_point, is_trusted=is_trusted)
