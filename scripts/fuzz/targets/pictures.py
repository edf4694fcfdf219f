"""Pictures as the decoder takes them: mutated files, and valid ones that ask for much."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from core import image
from scripts.fuzz import pictures
from scripts.fuzz.mutate import mutate

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")


def prepare(rng: np.random.Generator, folder: Path) -> Callable[[], object]:
    """Make one hostile file in memory and return its decoding."""
    data = _mutated(rng) if rng.integers(2) else _demanding(rng)
    return lambda: _decode(data)


def _decode(data: bytes) -> None:
    _, width, height = image.probe(data)
    array = image.load(data)
    if array.shape != (height, width, 3):
        raise AssertionError(f"probe says {width} x {height}, load {array.shape}")


def _mutated(rng: np.random.Generator) -> bytes:
    kind = FORMATS[int(rng.integers(len(FORMATS)))]
    mode = ("L", "RGB")[int(rng.integers(2))]
    options: dict[str, int] = {"progressive": 1} if kind == "JPEG" and rng.integers(2) else {}
    if kind in ("GIF", "WEBP", "PNG") and rng.integers(2):
        options["frames"] = 1
    return mutate(pictures.seed(kind, mode, **options), rng)


def _demanding(rng: np.random.Generator) -> bytes:
    data = pictures.MAKERS[int(rng.integers(len(pictures.MAKERS)))](rng)
    return mutate(data, rng) if rng.random() < 0.2 else data
