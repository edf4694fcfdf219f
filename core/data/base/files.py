"""The files of a data set: their names, whether the pictures open, one fingerprint of all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from core import image as images
from core.artifacts.downloads import cache_dir
from core.data.base.samples import Problem, digest, find_below
from core.errors import DataError, ImageError
from core.files import scratch_folder, write_text

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"))
VERSION = 1
"""Raise it when the check of a picture changes, so that remembered surveys are made again."""
SETTLED_S = 2.0
"""A file that changed this recently could change again without a new time stamp, so nothing is
remembered of it.
"""
IGNORED = ("__MACOSX", "Thumbs.db", "desktop.ini")


def files(root: Path) -> tuple[list[str], list[Problem]]:
    """Return relative names (with `/`) of all files below `root`, sorted.

    Hidden files and archive litter are left out; linked folders are followed, each once.

    Returns:
        The names, and problems with those that cannot be written in a table.
    """
    paths: list[str] = []
    problems: list[Problem] = []
    visited: set[tuple[int, int]] = set()

    def closed(error: OSError) -> None:
        problems.append(Problem(str(error.filename), f"cannot be opened: {error}"))

    for folder, inner, names in os.walk(root, onerror=closed, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in visited:
            inner.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        inner[:] = sorted(f for f in inner if not f.startswith(".") and f not in IGNORED)
        below = Path(folder).relative_to(root).as_posix()
        for name in names:
            if name.startswith(".") or name in IGNORED:
                continue
            path = name if below == "." else f"{below}/{name}"
            try:
                path.encode()
                paths.append(path)
            except UnicodeEncodeError:
                problems.append(
                    Problem(
                        path.encode(errors="backslashreplace").decode(),
                        "the name is not UTF-8; rename the file",
                    )
                )
    return sorted(paths), problems


def matching_files(
    root: Path, pattern: re.Pattern[str], form: str, suffixes: Collection[str] = SUFFIXES
) -> tuple[dict[str, re.Match[str]], list[Problem]]:
    """Return the pictures below `root` whose names have a form, and problems with the others.

    Args:
        root: the data folder.
        pattern: of the whole name without its folders.
        form: what a problem calls it.
        suffixes: of pictures, in lower case; other files are left out without a word.
    """
    names, problems = files(root)
    pictures = [name for name in names if suffix(name) in suffixes]
    matches = {name: pattern.fullmatch(PurePosixPath(name).name) for name in pictures}
    problems += [
        Problem(name, f"malformed name; expected {form}")
        for name, match in matches.items()
        if match is None
    ]
    return {name: match for name, match in matches.items() if match}, problems


def picture_folder(root: Path, names: Sequence[str], usual: Iterable[str] = ()) -> str:
    """Return the folder below `root`, with a `/` at its end, that a table's names start from.

    Args:
        root: the data folder.
        names: of pictures, as the table has them.
        usual: relative names of folders; the first that exists is taken where no folder holds any
            of the names.
    """
    looked_for = [name for name in names[:: max(1, len(names) // 20)] if name]

    def holds_pictures(folder: Path) -> bool:
        return any((folder / name).is_file() for name in looked_for)

    present = [root / name for name in usual if (root / name).is_dir()]
    folder = next(filter(holds_pictures, present), None) or find_below(root, holds_pictures)
    below = (folder or next(iter(present), root)).relative_to(root).as_posix()
    return "" if below == "." else f"{below}/"


def suffix(name: str) -> str:
    """Return the lower-case ending of a relative name, with its dot."""
    return PurePosixPath(name).suffix.lower()


def survey(
    root: Path, pictures: Sequence[str], tables: Iterable[str] = ()
) -> tuple[str, dict[str, str]]:
    """Return one fingerprint of the readable files, and why each other picture cannot be read.

    Only headers are decoded. The result is remembered under all names, sizes and time stamps: FFHQ
    alone has 90 GB to read.

    Args:
        root: the data folder.
        pictures: relative names.
        tables: relative names of other files that the fingerprint covers.
    """
    bad: dict[str, str] = {}
    listed, newest = [], 0.0
    kinds = {**dict.fromkeys(tables, False), **dict.fromkeys(pictures, True)}
    for name in sorted(kinds):
        try:
            if ".." in PurePosixPath(name).parts or name.startswith("/"):
                raise ValueError("outside the data folder")
            status = (root / name).stat()
        except FileNotFoundError:
            bad[name] = "no such picture"
        except (OSError, ValueError) as error:
            bad[name] = f"cannot be opened: {error}"
        else:
            listed.append((name, kinds[name], status.st_size, status.st_mtime_ns))
            newest = max(newest, status.st_mtime, status.st_ctime)
    key = hashlib.sha256(json.dumps([VERSION, str(root.resolve()), listed]).encode()).hexdigest()
    remembered = cache_dir() / "surveys" / f"{key[:32]}.json"
    with contextlib.suppress(OSError, ValueError, KeyError):
        survey_before = json.loads(remembered.read_bytes())
        return str(survey_before["fingerprint"]), bad | dict(survey_before["bad"])
    total, unreadable = hashlib.sha256(), {}
    with ThreadPoolExecutor() as pool:
        # in chunks: a pool's map would queue a million files at once
        for start in range(0, len(listed), 4096):
            chunk = listed[start : start + 4096]
            for (name, *_), (part, reason) in zip(
                chunk, pool.map(lambda f: _look(root, f[0], f[1]), chunk), strict=True
            ):
                total.update(part)
                if reason:
                    unreadable[name] = reason
    if time.time() - newest > SETTLED_S:
        with contextlib.suppress(OSError):  # it only saves time
            remembered.parent.mkdir(parents=True, exist_ok=True)
            write_text(
                remembered, json.dumps({"fingerprint": total.hexdigest(), "bad": unreadable})
            )
    return total.hexdigest(), bad | unreadable


def _look(root: Path, name: str, picture: bool) -> tuple[bytes, str | None]:
    try:
        data = (root / name).read_bytes()
        if picture:
            images.probe(data)
    except (OSError, ImageError) as error:
        return b"", f"cannot be read: {error}"
    return digest(name, data), None


def cached_folder(name: str, fill: Callable[[Path], None]) -> Path:
    """Return the folder `name` in the user's cache, filled by `fill` once.

    It appears complete, so an interruption leaves nothing behind.

    Raises:
        DataError: the disk is full or cannot be written.
    """
    folder = cache_dir() / "data" / name
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(folder) as temporary:
            fill(temporary)
            with contextlib.suppress(OSError):  # another process may have been first
                temporary.rename(folder)
        if not folder.is_dir():
            raise OSError("the folder could not be put in its place")
    except OSError as error:
        raise DataError(
            f"Expected to write pictures to {folder.parent}, got: {error}; try MIEN_CACHE=DIR "
            "elsewhere."
        ) from error
    return folder
