"""The aligned cache: each picture is decoded, searched and cropped once; training then reads plain
uint8 arrays.

A cache is keyed by the data's fingerprint, the split, the InputSpec and the detector, so a change
of any makes a new one. Work is written in parts that are renamed when whole; an interrupted run
keeps its parts and the next one goes on from there. Arrays only, no pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

import core.image as images
from core import system
from core.artifacts.downloads import cache_dir
from core.data import Samples
from core.faces import STILL_SIDE, Detector, chip_face
from core.preprocess import InputSpec, crop_face
from core.types import Face

T = TypeVar("T")

PART = 2048
VERSION = 2
"""Raise it when detection or cropping changes what a crop holds."""

SEEN, NO_FACE, UNREADABLE = 1, 0, -1


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """crops: uint8 (N, size, size, channels), in the order of the samples, black where unreadable.
    found: int8 (N,): 1 a face was found and aligned, 0 none (the whole picture is the crop), -1 the
    file is unreadable.
    """

    crops: np.ndarray
    found: np.ndarray


def face_of(
    path: Path, detector: Detector, tight: bool = True
) -> tuple[np.ndarray, Face | None] | None:
    """A data set's file -> (RGB picture, its face, or None where the whole picture serves); None
    where it cannot be read.

    tight: the picture is one face that fills it (see `chip_face`); else its best detection is
    taken, as serving does.
    """
    try:
        picture = images.load(path)
    except images.ImageError:
        return None
    return picture, chip_face(picture, detector) if tight else next(
        iter(detector(picture, STILL_SIDE)), None
    )


def crop_of(
    path: Path, detector: Detector, spec: InputSpec, tight: bool = True
) -> tuple[np.ndarray, int]:
    """A data set's file -> (uint8 crop, SEEN | NO_FACE | UNREADABLE). What training and `evaluation
    predict` both see.
    """
    found = face_of(path, detector, tight)
    if found is None:
        return np.zeros((spec.size, spec.size, spec.channels), np.uint8), UNREADABLE
    return crop_face(*found, spec), NO_FACE if found[1] is None else SEEN


def each(
    paths: Sequence[Path], look: Callable[[Path], T], threads: int | None = None
) -> Iterator[T]:
    """`look` at every path, in order, on `threads` threads (default: one a usable processor)."""
    cv2.setNumThreads(1)  # our threads are one per core already
    with ThreadPoolExecutor(threads or system.usable_processors()) as pool:
        for start in range(
            0, len(paths), 256
        ):  # bounded: a pool's map would queue a million files at once
            yield from pool.map(look, paths[start : start + 256])


def stream(
    samples: Samples, detector: Detector, spec: InputSpec, threads: int | None = None
) -> Iterator[tuple[np.ndarray, int]]:
    """`crop_of` for every sample, in order."""
    return each(samples.paths, lambda path: crop_of(path, detector, spec, samples.tight), threads)


def prepare(
    samples: Samples,
    detector: Detector,
    spec: InputSpec,
    *,
    folder: Path | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Crops:
    """Crops of all samples, from the cache in `folder` (default: the user's cache) or made now.
    `progress` hears how many are done.
    """
    where = (
        folder or cache_dir() / "crops"
    ) / f"{samples.name}-{samples.split}-{key(samples, detector, spec)}"
    where.mkdir(parents=True, exist_ok=True)
    whole = where / "crops.npy", where / "found.npy"
    if not whole[1].is_file():  # written last
        _make(samples, detector, spec, where, progress)
    progress(len(samples))
    return Crops(
        np.load(whole[0], mmap_mode="r", allow_pickle=False), np.load(whole[1], allow_pickle=False)
    )


def key(samples: Samples, detector: Detector, spec: InputSpec) -> str:
    """16 hex digits that change with the pictures, which of them are taken, how faces are found or
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
    where: Path,
    progress: Callable[[int], None],
) -> None:
    parts = []
    for start in range(0, len(samples), PART):
        part = where / f"part-{start:08d}.npz"
        parts.append(part)
        stop = min(start + PART, len(samples))
        if not part.is_file():
            crops, found = [], []
            for crop, state in stream(samples.take(slice(start, stop)), detector, spec):
                crops.append(crop)
                found.append(state)
                progress(start + len(crops))
            _write(
                part,
                lambda f, c=crops, s=found: np.savez(
                    f, crops=np.stack(c), found=np.array(s, np.int8)
                ),
            )
        progress(stop)
    loaded = [np.load(p, allow_pickle=False) for p in parts]
    _write(where / "crops.npy", lambda f: np.save(f, np.concatenate([p["crops"] for p in loaded])))
    _write(where / "found.npy", lambda f: np.save(f, np.concatenate([p["found"] for p in loaded])))
    for part in parts:
        part.unlink()


def _write(path: Path, save: Callable) -> None:
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        save(file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
