"""Checkpoints: written atomically, read without running any code that they hold."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from core import files
from core.errors import ModelError, UserError

FORMAT = 1


def save(path: Path, state: Mapping[str, object]) -> None:
    """Write tensors and plain values; a killed process leaves the old file or the new one.

    Raises:
        UserError: the disk is full or not writable; the previous checkpoint is untouched.
    """
    try:
        with files.atomic_file(path) as temporary, temporary.open("wb") as file:
            torch.save({"format": FORMAT, **state}, file)
    except (OSError, RuntimeError) as error:  # torch's zip writer turns a full disk into the latter
        raise UserError(
            f"Expected to write {path}, got: {error}; the checkpoint before it is intact, free "
            "some space and --resume."
        ) from error


NESTED = ("recipe", "model", "optim")
"""Entries that hold others by name."""


def load(path: Path, entries: Collection[str] = ()) -> dict[str, Any]:
    """Return what `save` wrote.

    Only tensors and plain values are read (`weights_only`), so a hostile file cannot run code.

    Args:
        path: the checkpoint.
        entries: names of what has to be in it.

    Raises:
        ModelError: missing, damaged, not a checkpoint of this version, or without an entry.
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
            f"Expected a checkpoint of `python -m train`, got {path}, which cannot be read: "
            f"{str(error)[:200]}"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ModelError(f"Expected a checkpoint of format {FORMAT}, got {path}.")
    for name in entries:
        if name not in state or (name in NESTED and not isinstance(state[name], Mapping)):
            raise ModelError(
                f"Expected `{name}` in the checkpoint {path}, got none; it is incomplete: take one "
                "that `python -m train` wrote."
            )
    return state
