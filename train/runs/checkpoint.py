"""Atomic checkpoints: a file is either the old one or the new one, whole, also after `kill -9` in
the middle of a write.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from core.errors import ModelError, UserError

FORMAT = 1


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes tensors and plain values to a neighbour, flushes it to the disk and renames it.

    Raises:
        UserError: the disk is full or not writable; the previous checkpoint is untouched.
    """
    new = path.with_suffix(".new")
    try:
        with new.open("wb") as file:
            torch.save({"format": FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except (
        OSError,
        RuntimeError,
    ) as error:  # torch's zip writer turns a full disk into a RuntimeError
        new.unlink(missing_ok=True)
        kept = "the checkpoint before it is intact, free some space and --resume"
        raise UserError(f"Expected to write {path}, got: {error}; {kept}.") from error


def load(path: Path) -> dict[str, Any]:
    """What `save` wrote. Nothing but tensors and plain values is read (`weights_only`), so a
    hostile file cannot run code.

    Raises:
        ModelError: missing, damaged, or not a checkpoint of this version.
    """
    if not path.is_file():
        raise ModelError(f"Expected a checkpoint at {path}, got nothing there.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (
        RuntimeError,
        pickle.UnpicklingError,
        EOFError,
        zipfile.BadZipFile,
        ValueError,
        KeyError,
    ) as error:
        raise ModelError(
            f"Expected a checkpoint of `python -m train`, got {path}, which cannot be read: {str(error)[:200]}"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ModelError(f"Expected a checkpoint of format {FORMAT}, got {path}.")
    return state
