"""Samples of a data set: where the pictures are, their labels, and what was left out and why."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict

import numpy as np

from core.errors import DataError

MAX_DEPTH = 3
"""Levels of folders that an archive may wrap around a data set."""
MAX_FOLDERS = 3_000


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that was left out, and why."""

    file: str
    reason: str


def most_frequent(problems: Sequence[Problem]) -> str:
    """Return the most frequent reason with an example, to be read after "got none".

    Reasons that differ in numbers and quoted texts alone count as one.
    """
    if not problems:
        return ""
    kinds = [re.sub(r"'[^']*'|\d+", "#", p.reason) for p in problems]
    kind, count = Counter(kinds).most_common(1)[0]
    example = problems[kinds.index(kind)]
    share = "" if count == len(problems) else f", {count} of them"
    return f" ({len(problems)} left out{share} such as {example.file!r}: {example.reason})"


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """N pictures with any of the targets; what is missing is masked in every loss and metric.

    Attributes:
        name: of the data set.
        split: of the samples.
        root: the folder that ids and relative paths refer to.
        ids: unique names.
        paths: files.
        emotion_votes: float32 (N, 8) in the order of FERPLUS8, rows sum to 1, or NaN rows where no
            votes are usable.
        emotion: int64 (N,) class index in FERPLUS8, -1 missing.
        gender: int64 (N,) index in GENDER2, -1 missing.
        age: float32 (N,) years, NaN missing.
        age_ranges: float32 (N, 2) youngest and oldest age that a label allows, where a data set has
            ranges, of which `age` is the middle; None where all ages are exact.
        groups: name -> (N,) strings, never trained on.
        fingerprint: SHA-256 of all names and bytes.
        problems: what was left out.
        tight: every picture is one face that fills it (FER2013, UTKFace); False where the face must
            be searched in a larger photograph.

    Raises:
        ValueError: a column has another shape.
        DataError: two samples have the same id.
    """

    name: str
    split: str
    root: Path
    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    emotion_votes: np.ndarray
    emotion: np.ndarray
    gender: np.ndarray
    age: np.ndarray
    age_ranges: np.ndarray | None = None
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    fingerprint: str = ""
    problems: tuple[Problem, ...] = ()
    tight: bool = True

    def __post_init__(self) -> None:
        n = len(self.ids)
        shapes = {
            "paths": (len(self.paths),),
            "emotion": self.emotion.shape,
            "gender": self.gender.shape,
            "age": self.age.shape,
        }
        shapes |= {f"group {k}": v.shape for k, v in self.groups.items()}
        wrong = {k: s for k, s in shapes.items() if s != (n,)}
        if self.age_ranges is not None and self.age_ranges.shape != (n, 2):
            wrong["age_ranges"] = self.age_ranges.shape
        if wrong or self.emotion_votes.shape != (n, 8):
            raise ValueError(
                f"Expected columns of {n} samples, got {wrong or self.emotion_votes.shape}."
            )
        if len(set(self.ids)) != n:
            raise DataError(
                f"Expected unique sample ids in {self.name}, got {n - len(set(self.ids))} repeated."
            )

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, index: np.ndarray | slice) -> Samples:
        """Return the samples at `index`, in that order.

        Args:
            index: int (n,) places, bool (N,), or a slice.
        """
        at = np.arange(len(self))[index]
        return replace(
            self,
            ids=tuple(self.ids[i] for i in at),
            paths=tuple(self.paths[i] for i in at),
            emotion_votes=self.emotion_votes[at],
            emotion=self.emotion[at],
            gender=self.gender[at],
            age=self.age[at],
            age_ranges=None if self.age_ranges is None else self.age_ranges[at],
            groups={k: v[at] for k, v in self.groups.items()},
        )

    @property
    def age_bounds(self) -> np.ndarray:
        """Youngest and oldest age (N, 2), equal where an age is exact, NaN where it is missing."""
        if self.age_ranges is not None:
            return self.age_ranges
        return np.stack([self.age, self.age], axis=1)

    def spread(self, n: int | None) -> Samples:
        """Return at most `n` samples (None: all), evenly from the list.

        The list is often sorted by label.
        """
        return (
            self
            if n is None or n >= len(self)
            else self.take(np.linspace(0, len(self) - 1, max(n, 0)).round().astype(np.int64))
        )


class TargetColumns(TypedDict):
    """The target columns of N samples, by the names of the fields of `Samples`.

    Attributes:
        emotion_votes: float32 (N, 8).
        emotion: int64 (N,).
        gender: int64 (N,).
        age: float32 (N,).
    """

    emotion_votes: np.ndarray
    emotion: np.ndarray
    gender: np.ndarray
    age: np.ndarray


def missing(n: int) -> TargetColumns:
    """Return target columns for `n` samples without labels."""
    return {
        "emotion_votes": np.full((n, 8), np.nan, np.float32),
        "emotion": np.full(n, -1, np.int64),
        "gender": np.full(n, -1, np.int64),
        "age": np.full(n, np.nan, np.float32),
    }


def one_hot(emotion: np.ndarray) -> np.ndarray:
    """Return class indices as votes (N, 8) float32 with all weight on the class.

    Args:
        emotion: indices in FERPLUS8 (N,); -1, missing, gives a row of NaN.
    """
    votes = np.full((len(emotion), 8), np.nan, np.float32)
    labelled = np.flatnonzero(emotion >= 0)
    votes[labelled] = 0
    votes[labelled, emotion[labelled]] = 1
    return votes


def check_split(split: str, splits: Sequence[str]) -> None:
    """Refuse a split that the data set does not have.

    Raises:
        DataError: it is not one of `splits`.
    """
    if split not in splits:
        raise DataError(f"Expected a split of {tuple(splits)}, got {split!r}.")


def locate(root: str | Path, name: str, marks: Iterable[str] = ()) -> Path:
    """Return the data set's own folder.

    It is `root` itself where it holds one of `marks`; else `root/name`, in any spelling such as
    `UTKFace` or `RAF-DB`, where that exists; else `root`. Below that, archives often wrap the
    folder in others: the first folder that holds one of `marks` is taken.

    Raises:
        DataError: there is no such folder.
    """
    root, marks = Path(root), tuple(marks)
    if not root.is_dir():
        raise DataError(
            f"Expected the folder of {name} at {root}, got nothing there; try --data DIR."
        )
    if any((root / mark).exists() for mark in marks):
        return root
    named = root / name
    if not named.is_dir():
        named = next(
            (
                p
                for p in _subfolders(root)
                if _letters_and_digits(p.name) == _letters_and_digits(name)
            ),
            root,
        )
    return find_below(named, lambda folder: any((folder / m).exists() for m in marks)) or named


def find_below(root: Path, matches: Callable[[Path], bool]) -> Path | None:
    """Return the first folder for which `matches` is true, nearest first, or None.

    Looks at `root` and `MAX_DEPTH` levels below it, at `MAX_FOLDERS` folders at most.
    """
    level = [root]
    looked_at = 0
    for _ in range(MAX_DEPTH + 1):
        for folder in level:
            if matches(folder):
                return folder
        looked_at += len(level)
        level = [inner for folder in level for inner in _subfolders(folder)]
        level = level[: MAX_FOLDERS - looked_at]
    return None


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if e.is_dir() and not e.name.startswith((".", "__"))]
    except OSError:  # whoever reads the pictures says so
        return []
    return [folder / name for name in sorted(names)]


def _letters_and_digits(name: str) -> str:
    """Return the small letters and digits alone: `oulucasia` of `Oulu-CASIA` and `oulu_casia`."""
    return "".join(c for c in name.lower() if c.isalnum())


def digest(name: str, data: bytes) -> bytes:
    """Return one file's share of a fingerprint."""
    return name.encode() + b"\0" + hashlib.sha256(data).digest()
