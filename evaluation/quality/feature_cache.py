"""A cache of records computed from files, keyed by content, and by name, size and time stamp.

The second key saves even reading the file. The cache is a folder of parts, each written whole, so
that an interruption keeps what was done and two processes do no harm. It holds arrays only, no
pickle. A cache that cannot be written is reported once; the run goes on without it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from core import progress
from core.data.base.object_store import absolute, content
from core.files import atomic_file
from core.image import MAX_BYTES
from evaluation.engines import Engine
from evaluation.engines.local import Local

FILES_PER_PART = 4096
FILES_PER_BATCH = 256
MIN_AGE_SECONDS = 2.0
"""A file that changed more recently could change again under the same time stamp, so its time
stamp is not trusted.
"""
MAX_PARTS = 16
"""Parts after which they are joined into one."""

Compute = Callable[[Sequence[bytes]], np.ndarray]
"""The bytes of files -> records (N,)."""


def read_records(
    paths: Sequence[Path],
    compute: Compute,
    cached_sha: AbstractSet[bytes],
    dtype: np.dtype,
    threads: int,
) -> np.ndarray:
    """Return records (N,) of files; an engine calls it, here or in another process.

    Args:
        paths: of the files (N,).
        compute: returns the records.
        cached_sha: SHA-256 of contents that the cache holds, without zero bytes at the end.
        dtype: of a record.
        threads: that read.

    Returns:
        Records; of a file that the cache holds nothing but `sha`, of one that cannot be opened
        zeros.
    """
    records = np.zeros(len(paths), dtype)
    new: dict[int, bytes] = {}
    with ThreadPoolExecutor(threads) as pool:
        for k, data in enumerate(pool.map(_read, paths)):
            if data is None:
                continue
            sha = hashlib.sha256(data).digest()
            records[k]["sha"] = sha
            if sha.rstrip(b"\0") not in cached_sha:
                new[k] = data
    if new:
        values = compute(list(new.values()))
        for field in values.dtype.names or ():
            records[field][list(new)] = values[field]
    return records


class FeatureCache:
    """Records of files.

    Args:
        folder: of the parts; None keeps nothing.
        dtype: of a record; needs a field `readable`.
        engine: where records are computed.
    """

    def __init__(self, folder: Path | None, dtype: np.dtype, engine: Engine | None = None) -> None:
        self._folder, self._engine = folder, engine or Local()
        self.dtype = np.dtype(
            [("stat", "S16"), ("sha", "S32"), *((n, dtype[n]) for n in dtype.names or ())]
        )

    def collect(
        self, name: str, ids: Sequence[str], paths: Sequence[Path], compute: Compute
    ) -> np.ndarray:
        """Return one record per file, from the cache or computed; an interruption keeps the rest.

        Args:
            name: what the progress bar is called.
            ids: of the samples (N,).
            paths: of their files (N,).
            compute: returns records for files that the cache does not hold.

        Returns:
            Structured array (N,), `sha` being the SHA-256 of the bytes. A file that cannot be
            opened has a record of zeros.
        """
        cached = self._load()
        stats = np.array([_stat_key(i, p) for i, p in zip(ids, paths, strict=True)], "S16")
        records, is_cached = self._look_up(cached, stats)
        todo = np.flatnonzero(~is_cached)
        if not len(todo):
            return records
        # numpy drops zero bytes at the end of what it gives out, and compares as if they were still
        # there.
        row_of_sha = dict(zip(cached["sha"].tolist(), range(len(cached)), strict=True))
        read = partial(
            read_records,
            compute=compute,
            cached_sha=frozenset(row_of_sha),
            dtype=self.dtype,
            threads=self._engine.threads,
        )
        batches = [
            todo[start : start + FILES_PER_BATCH] for start in range(0, len(todo), FILES_PER_BATCH)
        ]
        batch_paths = ([absolute(paths[i]) for i in batch] for batch in batches)
        unsaved: list[np.ndarray] = []
        done = 0
        with progress.task(name, len(todo)) as advance:
            try:
                for index, part in self._engine.map(read, batch_paths):
                    batch = batches[index]
                    self._fill_cached(part, cached, row_of_sha)
                    for k in np.flatnonzero(part["sha"] != b""):
                        # Without a trusted time stamp the key is one that no time stamp has: the
                        # content is still known the next time.
                        part["stat"][k] = (
                            stats[batch[k]]
                            or hashlib.blake2b(part["sha"][k], digest_size=16).digest()
                        )
                    records[batch] = part
                    unsaved.append(part[part["sha"] != b""])
                    if sum(map(len, unsaved)) >= FILES_PER_PART:
                        self._write(unsaved)
                    done += len(batch)
                    advance(done)
            finally:
                self._write(unsaved)
        return records

    def _look_up(self, cached: np.ndarray, stats: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the records (N,) of files by their `stat`, and which of them the cache has."""
        records = np.zeros(len(stats), self.dtype)
        if not len(cached):
            return records, np.zeros(len(stats), bool)
        at = np.searchsorted(cached["stat"], stats).clip(max=len(cached) - 1)
        is_cached = (cached["stat"][at] == stats) & (stats != b"")
        records[is_cached] = cached[at[is_cached]]
        return records, is_cached

    def _fill_cached(
        self, part: np.ndarray, cached: np.ndarray, row_of_sha: Mapping[bytes, int]
    ) -> None:
        """Fill in the records of files whose content the cache knows."""
        for k in np.flatnonzero(part["sha"] != b""):
            sha = part[k]["sha"]
            row = row_of_sha.get(sha)
            if row is not None:
                part[k] = cached[row]
                part[k]["sha"] = sha

    def _load(self) -> np.ndarray:
        """Return all records, sorted by `stat`, the newest of each; join the parts if many."""
        parts = []
        files = sorted(self._folder.glob("*.npy")) if self._folder and self._folder.is_dir() else []
        files = [file for file in files if not file.name.startswith(".")]
        for file in files:
            try:
                part = np.load(file, allow_pickle=False)
            except (OSError, ValueError, EOFError):
                continue  # joined by another process just now, or damaged: its files are read again
            if part.dtype == self.dtype:
                parts.append(part)
        if not parts:
            return np.zeros(0, self.dtype)
        joined = np.concatenate(parts)[::-1]
        records = joined[np.unique(joined["stat"], return_index=True)[1]]
        if len(files) > MAX_PARTS and self._write([records]):
            for file in files:
                with contextlib.suppress(OSError):
                    file.unlink()
        return records

    def _write(self, unsaved: list[np.ndarray]) -> bool:
        """Write and empty `unsaved`; return whether something was written."""
        records = np.concatenate(unsaved) if unsaved else np.zeros(0, self.dtype)
        unsaved.clear()
        if self._folder is None or not len(records):
            return False
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = self._folder / f"{time.time_ns():020d}-{os.getpid()}.npy"
            with atomic_file(part) as temporary, temporary.open("wb") as file:
                np.save(file, records, allow_pickle=False)
        except OSError as error:
            progress.say(
                f"the cache cannot be written, so the next run computes again ({error}); "
                "try MIEN_CACHE=DIR elsewhere"
            )
            self._folder = None
            return False
        return True


def _stat_key(name: str, path: Path) -> bytes:
    """Return 16 bytes for name, size and time stamp; empty without a file or a trusted stamp."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return b""
    if abs(time.time() - max(status.st_mtime, status.st_ctime)) < MIN_AGE_SECONDS:
        return b""
    text = f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
    return hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=16).digest()


def _read(path: Path) -> bytes | None:
    try:
        stored = content(path)
        if isinstance(stored, bytes):
            return stored if 0 < len(stored) <= MAX_BYTES else None
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None
