"""The cache of aligned crops: each picture is decoded, searched and cropped once.

A cache is keyed by the data's fingerprint, the split, the InputSpec and the detector, so a change
of any makes a new one. Work is written in parts; an interrupted run keeps its parts and the next
one goes on from there. Arrays only, no pickle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from core import image as images
from core import system
from core.artifacts.downloads import cache_dir
from core.data import Samples
from core.errors import ImageError
from core.faces import STILL_SIDE, Detector, chip_face
from core.files import atomic_file
from core.preprocess import InputSpec, crop_face
from core.types import Face

T = TypeVar("T")
File = TypeVar("File", Path, bytes)

PART_SAMPLES = 2048
QUEUED_FILES = 256
VERSION = 2
"""Raise it when detection or cropping changes what a crop holds."""

CROPS_FILE, STATE_FILE = "crops.npy", "found.npy"
ALIGNED, NO_FACE, UNREADABLE = 1, 0, -1


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Crops of N samples, in their order.

    Attributes:
        crops: uint8 (N, size, size, channels), black where unreadable.
        state: int8 (N,): `ALIGNED`, `NO_FACE` (the picture as a whole is the crop) or `UNREADABLE`.
    """

    crops: np.ndarray
    state: np.ndarray


def face_of(
    source: Path | bytes, detector: Detector, tight: bool = True
) -> tuple[np.ndarray, Face | None] | None:
    """Return the picture of a data set's file and its face.

    Args:
        source: the file, or its bytes.
        detector: finds the face.
        tight: the picture is one face that fills it (see `chip_face`); else its best detection is
            taken, as serving does.

    Returns:
        The picture, RGB uint8 (H, W, 3), and its face, None where the picture as a whole serves
        better; None instead of both where the file cannot be read.
    """
    try:
        picture = images.load(source)
    except ImageError:
        return None
    if tight:
        return picture, chip_face(picture, detector)
    return picture, next(iter(detector(picture, STILL_SIDE)), None)


def crop_of(
    path: Path, detector: Detector, spec: InputSpec, tight: bool = True
) -> tuple[np.ndarray, int]:
    """Return the crop of a data set's file, as training and `evaluation predict` take it.

    Args:
        path: the file.
        detector: finds the face.
        spec: of the network's input.
        tight: see `face_of`.

    Returns:
        uint8 (size, size, channels) and its state: `ALIGNED`, `NO_FACE` (the picture as a whole) or
        `UNREADABLE` (zeros).
    """
    picture_and_face = face_of(path, detector, tight)
    if picture_and_face is None:
        return np.zeros((spec.size, spec.size, spec.channels), np.uint8), UNREADABLE
    picture, face = picture_and_face
    return crop_face(picture, face, spec), NO_FACE if face is None else ALIGNED


def map_in_threads(
    files: Sequence[File], look: Callable[[File], T], threads: int | None = None
) -> Iterator[T]:
    """Yield `look(file)` for every file, in order.

    Args:
        files: of any number, as paths or bytes; only `QUEUED_FILES` are queued at once.
        look: called on several threads.
        threads: default: one for each usable processor.
    """
    cv2.setNumThreads(1)  # our threads are one per core already
    with ThreadPoolExecutor(threads or system.usable_processors()) as pool:
        # Bounded: a pool's map would queue a million files at once.
        for start in range(0, len(files), QUEUED_FILES):
            yield from pool.map(look, files[start : start + QUEUED_FILES])


def stream(
    samples: Samples, detector: Detector, spec: InputSpec, threads: int | None = None
) -> Iterator[tuple[np.ndarray, int]]:
    """Yield what `crop_of` returns for every sample, in order."""
    return map_in_threads(
        samples.paths, lambda path: crop_of(path, detector, spec, samples.tight), threads
    )


def prepare(
    samples: Samples,
    detector: Detector,
    spec: InputSpec,
    *,
    folder: Path | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Crops:
    """Return crops of all samples, from the cache or made now.

    Args:
        samples: of one data set and split.
        detector: finds the faces.
        spec: how they are cropped.
        folder: of the caches (default: in the user's cache).
        progress: called with how many are done.
    """
    name = f"{samples.name}-{samples.split}-{key(samples, detector, spec)}"
    cache = (folder or cache_dir() / "crops") / name
    cache.mkdir(parents=True, exist_ok=True)
    if not (cache / STATE_FILE).is_file():  # written last
        _make(samples, detector, spec, cache, progress)
    progress(len(samples))
    return Crops(
        np.load(cache / CROPS_FILE, mmap_mode="r", allow_pickle=False),
        np.load(cache / STATE_FILE, allow_pickle=False),
    )


def key(samples: Samples, detector: Detector, spec: InputSpec) -> str:
    """Return 16 hex digits that name a cache.

    They change with the pictures, with which of them are taken, with how faces are found and with
    how they are cropped.
    """
    # The normalisation happens after the cache, so a change of mean or std keeps it.
    shape = {k: v for k, v in spec.to_dict().items() if k not in ("mean", "std")}
    text = json.dumps(
        [VERSION, samples.fingerprint, samples.ids, detector.name, shape]
        + ([] if samples.tight else ["loose"])
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _make(
    samples: Samples,
    detector: Detector,
    spec: InputSpec,
    folder: Path,
    progress: Callable[[int], None],
) -> None:
    """Fill a folder with the crops of all samples, part by part, so that it can be resumed."""
    parts = []
    for start in range(0, len(samples), PART_SAMPLES):
        part = folder / f"part-{start:08d}.npz"
        parts.append(part)
        stop = min(start + PART_SAMPLES, len(samples))
        if not part.is_file():
            crops, states = [], []
            for crop, state in stream(samples.take(slice(start, stop)), detector, spec):
                crops.append(crop)
                states.append(state)
                progress(start + len(crops))
            with atomic_file(part) as path:
                np.savez(path, crops=np.stack(crops), found=np.array(states, np.int8))
        progress(stop)
    loaded = [np.load(p, allow_pickle=False) for p in parts]
    for name in (CROPS_FILE, STATE_FILE):
        with atomic_file(folder / name) as path:
            np.save(path, np.concatenate([p[name.removesuffix(".npy")] for p in loaded]))
    for part in parts:
        part.unlink()
