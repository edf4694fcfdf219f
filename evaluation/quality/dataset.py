"""What a check may look at: the samples of all splits as one, the split of each, features, and its
options.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from core import progress, registry
from core.artifacts.downloads import cache_dir
from core.data import Problem, Samples
from core.errors import DataError, UserError
from core.faces import Detector
from evaluation.quality.features import Features

SPLITS = ("train", "val", "test")
"""In the order of protection: where a picture stands in two splits, the copy in the later one
stays, so that what is measured stays the same.
"""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """samples: those of all splits, `samples.split` is "all". split: (N,) strings. problems:
    (split, what the data set left out).

    fingerprint: of the data, see `fingerprint_of`; a plan carries it. options: by check. missing:
    splits that could not be loaded, and why: not there, or broken. Ids are relative to
    `samples.root`.
    """

    samples: Samples
    split: np.ndarray
    problems: tuple[tuple[str, Problem], ...]
    features: Features
    fingerprint: str
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that hold samples, in the order of SPLITS."""
        there = set(self.split.tolist())
        return tuple(s for s in SPLITS if s in there) + tuple(sorted(there - set(SPLITS)))

    def option(self, check: str, name: str) -> Any:
        """The value of a check's option: given, or the default in its OPTIONS."""
        return self.options.get(check, {}).get(
            name, registry.load("evaluation.quality.checks", check).OPTIONS[name]
        )

    def once(self, name: str, make: Callable[[], T]) -> T:
        """`make()`, remembered under `name`: what several checks need is computed once."""
        if name not in self.memo:
            self.memo[name] = make()
        return self.memo[name]

    def rank(self) -> np.ndarray:
        """int64 (N,): which of two copies stays: the higher. The later of SPLITS first, then the
        larger picture, then the first name.
        """
        order = {s: i for i, s in enumerate(self.splits)}
        seen = self.features.pixels
        area = seen["width"].astype(np.int64) * seen["height"]
        place = np.array([order[s] for s in self.split.tolist()])
        names = np.empty(len(self), np.int64)
        names[np.argsort(np.array(self.samples.ids, object))] = np.arange(len(self))[::-1]
        rank = np.empty(len(self), np.int64)
        rank[np.lexsort((names, area, place))] = np.arange(len(self))
        return rank


def fingerprint_of(parts: Mapping[str, Samples]) -> str:
    """SHA-256 over the splits' names, fingerprints and samples: changes with any picture, its split
    or which pictures are there.
    """
    total = hashlib.sha256()
    for split in sorted(parts):
        ids = hashlib.sha256("\0".join(parts[split].ids).encode()).hexdigest()
        total.update(f"{split}\0{parts[split].fingerprint}\0{ids}\n".encode())
    return total.hexdigest()


def load_splits(dataset: str, data: Path) -> tuple[dict[str, Samples], dict[str, str]]:
    """The splits of a data set that are there, in the order of SPLITS, and why each other one could
    not be loaded.

    Raises:
        DataError: none is there; says why.
    """
    module = registry.load("core.data", dataset)
    parts: dict[str, Samples] = {}
    lacking: dict[str, str] = {}
    first: DataError | None = None
    for split in [s for s in SPLITS if s in module.SPLITS] or module.SPLITS:
        try:
            parts[split] = module.load(data, split)
        except DataError as error:
            first = first or error
            lacking[split] = str(error)
        except OSError as error:  # a folder or table that may not be read
            raise DataError(
                f"Expected to read {data}, got: {error}; try to check its permissions."
            ) from error
    if not parts:
        assert first is not None
        raise first
    return parts, lacking


def join(
    parts: Mapping[str, Samples],
) -> tuple[Samples, np.ndarray, tuple[tuple[str, Problem], ...]]:
    """All splits as one, the split of each sample, and (split, problem) once each.

    A name that stands in two splits is kept in the first and is a problem in the other: it cannot
    be told apart.
    """
    problems: dict[tuple[str, str], tuple[str, Problem]] = {}
    kept: list[Samples] = []
    seen: set[str] = set()
    splits: list[str] = []
    for split, samples in parts.items():
        for problem in samples.problems:
            problems.setdefault((problem.file, problem.reason), (split, problem))
        fresh = [i for i, name in enumerate(samples.ids) if name not in seen]
        for name in set(samples.ids) & seen:
            problems[name, split] = (
                split,
                Problem(name, f"the same file stands in another split too, and in {split}"),
            )
        seen.update(samples.ids)
        kept.append(samples.take(np.array(fresh, np.int64)))
        splits += [split] * len(fresh)
    first = kept[0]
    groups = sorted({name for s in kept for name in s.groups})
    joined = replace(
        first,
        split="all",
        ids=sum((s.ids for s in kept), ()),
        paths=sum((s.paths for s in kept), ()),
        emotion_votes=np.concatenate([s.emotion_votes for s in kept]),
        emotion=np.concatenate([s.emotion for s in kept]),
        gender=np.concatenate([s.gender for s in kept]),
        age=np.concatenate([s.age for s in kept]),
        groups={
            name: np.concatenate([s.groups.get(name, np.full(len(s), "")) for s in kept])
            for name in groups
        },
        problems=tuple(p for _, p in problems.values()),
        tight=all(s.tight for s in kept),
    )
    return joined, np.array(splits), tuple(problems.values())


def open_context(
    dataset: str,
    data: Path,
    *,
    limit: int | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    cache: Path | bool | None = True,
    model: Path | None = None,
    detector: Detector | None = None,
) -> Context:
    """The context of a data set's folder. limit: only the first samples of each split. cache: a
    folder, True the user's, None nothing.

    Raises:
        DataError: the data set cannot be read, or holds nothing.
    """
    if limit is not None and limit < 1:
        raise UserError(f"Expected a limit of at least 1, got {limit}.")
    parts, lacking = load_splits(dataset, Path(data))
    for (
        name,
        why,
    ) in lacking.items():  # it may be broken, not absent, so it is never passed over in silence
        progress.say(f"no {name} split: {why}")
    mark = fingerprint_of(parts)
    if limit:
        parts = {split: s.take(slice(limit)) for split, s in parts.items()}
    samples, split, problems = join(parts)
    if cache is True:
        cache = (
            cache_dir()
            / "quality"
            / f"{dataset}-{hashlib.sha256(str(samples.root.resolve()).encode()).hexdigest()[:12]}"
        )
    return Context(
        samples,
        split,
        problems,
        Features(samples, cache or None, model, detector),
        mark,
        options or {},
        missing=lacking,
    )
