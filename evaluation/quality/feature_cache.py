"""A cache of what was computed of each file: keyed by content, and by name, size and time stamp to
save even the reading.

Parts are appended and appear whole, so an interruption keeps what was done and two processes do no
harm. Arrays only, no pickle. A cache that cannot be written is said once and done without.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from core import progress, system

PART = 4096
"""Files whose results are written at a time."""
SETTLED_S = 2.0
"""A file that changed this recently could change again under the same time stamp, so its time stamp
is not trusted.
"""
MANY = 16
"""Parts after which they are joined into one."""

Run = Callable[[Sequence[bytes], Sequence[Path]], np.ndarray]


class Store:
    """Records of `dtype` by file; `folder` None keeps nothing. `dtype` needs a field `readable`."""

    def __init__(self, folder: Path | None, dtype: np.dtype) -> None:
        self._folder = folder
        self.dtype = np.dtype(
            [("stat", "S16"), ("sha", "S32"), *((n, dtype[n]) for n in dtype.names or ())]
        )
        self.computed = self.read = 0
        """How many files were computed anew, and read at all, by the last `collect`."""

    def collect(self, name: str, ids: Sequence[str], paths: Sequence[Path], run: Run) -> np.ndarray:
        """Records (N,) in the order of `ids`: known ones from the cache, the others by `run(bytes
        of each file, paths)`.

        `sha` is the SHA-256 of the bytes. What cannot be opened has a record of zeros. An
        interruption keeps all that was done.
        """
        known = self._load()
        stats = np.array([_stat_key(i, p) for i, p in zip(ids, paths, strict=True)], "S16")
        found = np.zeros(len(ids), self.dtype)
        at = np.searchsorted(known["stat"], stats).clip(0, max(len(known) - 1, 0))
        there = (
            (known["stat"][at] == stats) & (stats != b"")
            if len(known)
            else np.zeros(len(ids), bool)
        )
        found[there] = known[at[there]]
        todo = np.flatnonzero(~there)
        self.computed = self.read = 0
        if not len(todo):
            return found
        by_content = dict(zip(known["sha"].tolist(), range(len(known)), strict=True))
        fresh: list[np.ndarray] = []
        with (
            ThreadPoolExecutor(system.usable_processors()) as pool,
            progress.task(name, len(todo)) as advance,
        ):
            try:
                for start in range(0, len(todo), 512):
                    some = todo[start : start + 512]
                    part = self._compute(some, stats, paths, by_content, known, run, pool)
                    found[some] = part
                    fresh.append(part[part["sha"] != b""])
                    if sum(map(len, fresh)) >= PART:
                        self._write(fresh)
                    advance(start + len(some))
            finally:
                self._write(fresh)
        return found

    def _compute(
        self,
        some: np.ndarray,
        stats: np.ndarray,
        paths: Sequence[Path],
        by_content: dict[bytes, int],
        known: np.ndarray,
        run: Run,
        pool: ThreadPoolExecutor,
    ) -> np.ndarray:
        part = np.zeros(len(some), self.dtype)
        data = list(pool.map(_read, (paths[i] for i in some)))
        new = []
        for k, content in enumerate(data):
            if content is None:
                continue
            sha = hashlib.sha256(content).digest()
            # numpy drops zero bytes at the end of what it gives out, and compares as if they were
            # there
            place = by_content.get(sha.rstrip(b"\0"))
            if place is not None:
                part[k] = known[place]
            else:
                new.append(k)
            part[k]["sha"] = sha
            # A key that no time stamp has, where the file's own cannot be trusted: its content is
            # still known the next time.
            part[k]["stat"] = stats[some[k]] or hashlib.blake2b(sha, digest_size=16).digest()
        self.read += sum(d is not None for d in data)
        if new:
            values = run([data[k] for k in new], [paths[some[k]] for k in new])  # type: ignore[misc]
            for field in values.dtype.names or ():
                part[field][new] = values[field]
            self.computed += len(new)
        return part

    def _load(self) -> np.ndarray:
        """All records, sorted by `stat`, the newest of each."""
        parts = []
        files = sorted(self._folder.glob("*.npy")) if self._folder and self._folder.is_dir() else []
        for file in files:
            try:
                part = np.load(file, allow_pickle=False)
            except (OSError, ValueError, EOFError):
                # another process joined it just now, or it is damaged: its files are read again
                continue
            if part.dtype == self.dtype:
                parts.append(part)
        if not parts:
            return np.zeros(0, self.dtype)
        joined = np.concatenate(parts)[::-1]
        known = joined[np.unique(joined["stat"], return_index=True)[1]]
        if len(files) > MANY and self._write([known]):
            for file in files:
                with contextlib.suppress(OSError):
                    file.unlink()
        return known

    def _write(self, fresh: list[np.ndarray]) -> bool:
        rows = np.concatenate(fresh) if fresh else np.zeros(0, self.dtype)
        fresh.clear()
        if self._folder is None or not len(rows):
            return False
        target = self._folder / f"{time.time_ns():020d}-{os.getpid()}.npy"
        part = target.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                np.save(file, rows, allow_pickle=False)
            part.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            progress.say(
                f"the cache cannot be written, so the next run computes again ({error}); try MIEN_CACHE=DIR elsewhere"
            )
            self._folder = None
            return False
        return True


def _stat_key(name: str, path: Path) -> bytes:
    """16 bytes for name, size and time stamp; empty where there is no such file or its time stamp
    cannot be trusted yet.
    """
    try:
        status = path.stat()
    except (OSError, ValueError):
        return b""
    if abs(time.time() - max(status.st_mtime, status.st_ctime)) < SETTLED_S:
        return b""
    text = f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
    return hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=16).digest()


def _read(path: Path) -> bytes | None:
    from core.image import MAX_BYTES

    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None
