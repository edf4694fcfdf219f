"""The data set that the checks look at: samples of all splits, features, options."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from core import progress, registry
from core.artifacts.downloads import cache_dir
from core.data import Problem, Samples
from core.errors import DataError, UserError
from core.faces import Detector
from evaluation.engines import Engine
from evaluation.quality.features import ImageFeatures

SPLITS = ("train", "val", "test")
"""In the order of protection: of an image in two splits the copy in the later split stays, so that
the data on which models are measured stay the same.
"""
CHECKS = "evaluation.quality.checks"
"""The package that holds the checks."""
Option = bool | int | float | str
Options = Mapping[str, Mapping[str, Option]]
"""Check -> option -> value."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class AuditDataset:
    """The samples of all splits, with what a check needs to know about them.

    Attributes:
        samples: those of all splits; `samples.split` is "all". Ids are relative to `samples.root`.
        split: (N,) strings, the split of each sample.
        problems: (split, what the data set left out).
        features: of the images, each computed when it is first asked for.
        fingerprint: see `data_fingerprint`; a repair plan carries it.
        options: values that differ from the checks' defaults.
        memo: what `compute_once` remembers.
        missing: splits that could not be loaded, and why: absent, or broken.
    """

    samples: Samples
    split: np.ndarray
    problems: tuple[tuple[str, Problem], ...]
    features: ImageFeatures
    fingerprint: str
    options: Options = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that hold samples, in the order of SPLITS."""
        names = set(self.split.tolist())
        return tuple(s for s in SPLITS if s in names) + tuple(sorted(names - set(SPLITS)))

    def option(self, check: str, name: str) -> Option:
        """Return the value of a check's option: as set, or the default in its OPTIONS."""
        values: Mapping[str, Option] = {
            **registry.load(CHECKS, check).OPTIONS,
            **self.options.get(check, {}),
        }
        return values[name]

    def compute_once(self, name: str, compute: Callable[[], T]) -> T:
        """Return `compute()`, remembered under `name`, for results that several checks need."""
        if name not in self.memo:
            self.memo[name] = compute()
        value: T = self.memo[name]
        return value

    def keep_priority(self) -> np.ndarray:
        """Return int64 (N,): of two copies the one with the higher number stays.

        That is the copy in the later split of SPLITS, then the larger image, then the first name.
        """
        split_order = {s: i for i, s in enumerate(self.splits)}
        images = self.features.images
        area = images["width"].astype(np.int64) * images["height"]
        split_rank = np.array([split_order[s] for s in self.split.tolist()])
        name_rank = np.empty(len(self), np.int64)
        name_rank[np.argsort(np.array(self.samples.ids, object))] = np.arange(len(self))[::-1]
        priority = np.empty(len(self), np.int64)
        priority[np.lexsort((name_rank, area, split_rank))] = np.arange(len(self))
        return priority


def data_fingerprint(samples_by_split: Mapping[str, Samples]) -> str:
    """Return a SHA-256 that changes with any image, its split, and which images there are."""
    total = hashlib.sha256()
    for split in sorted(samples_by_split):
        samples = samples_by_split[split]
        ids = hashlib.sha256("\0".join(samples.ids).encode()).hexdigest()
        total.update(f"{split}\0{samples.fingerprint}\0{ids}\n".encode())
    return total.hexdigest()


def load_splits(name: str, data: Path) -> tuple[dict[str, Samples], dict[str, str]]:
    """Return the splits of a data set in the order of SPLITS, and why others could not be loaded.

    Args:
        name: of a module of `core.data`.
        data: the data set's folder.

    Raises:
        DataError: no split can be loaded; says why.
    """
    module = registry.load("core.data", name)
    samples_by_split: dict[str, Samples] = {}
    missing: dict[str, str] = {}
    for split in [s for s in SPLITS if s in module.SPLITS] or module.SPLITS:
        try:
            samples_by_split[split] = module.load(data, split)
        except DataError as error:
            missing[split] = str(error)
        except OSError as error:  # a folder or table that may not be read
            raise DataError(
                f"Expected to read {data}, got: {error}; try to check its permissions."
            ) from error
    if not samples_by_split:
        raise DataError(next(iter(missing.values())))
    return samples_by_split, missing


def join_splits(
    samples_by_split: Mapping[str, Samples],
) -> tuple[Samples, np.ndarray, tuple[tuple[str, Problem], ...]]:
    """Return all splits as one, the split of each sample (N,), and (split, problem) once each.

    An id that stands in two splits is kept in the first of them and is a problem of the other,
    because the two samples cannot be told apart.
    """
    problems: dict[tuple[str, str], tuple[str, Problem]] = {}
    parts: list[Samples] = []
    ids: set[str] = set()
    splits: list[str] = []
    for split, samples in samples_by_split.items():
        for problem in samples.problems:
            problems.setdefault((problem.file, problem.reason), (split, problem))
        new = [i for i, name in enumerate(samples.ids) if name not in ids]
        for name in set(samples.ids) & ids:
            problems[name, split] = (
                split,
                Problem(name, f"the same file stands in another split too, and in {split}"),
            )
        ids.update(samples.ids)
        parts.append(samples.take(np.array(new, np.int64)))
        splits += [split] * len(new)
    groups = sorted({name for part in parts for name in part.groups})
    has_ranges = any(part.age_ranges is not None for part in parts)
    joined = replace(
        parts[0],
        split="all",
        ids=tuple(chain.from_iterable(part.ids for part in parts)),
        paths=tuple(chain.from_iterable(part.paths for part in parts)),
        emotion_votes=np.concatenate([part.emotion_votes for part in parts]),
        emotion=np.concatenate([part.emotion for part in parts]),
        gender=np.concatenate([part.gender for part in parts]),
        age=np.concatenate([part.age for part in parts]),
        age_ranges=np.concatenate([part.age_bounds for part in parts]) if has_ranges else None,
        groups={
            name: np.concatenate([p.groups.get(name, np.full(len(p), "")) for p in parts])
            for name in groups
        },
        problems=tuple(problem for _, problem in problems.values()),
        tight=all(part.tight for part in parts),
    )
    return joined, np.array(splits), tuple(problems.values())


def open_dataset(
    name: str,
    data: Path,
    *,
    limit: int | None = None,
    options: Options | None = None,
    cache: Path | bool | None = True,
    model: Path | None = None,
    is_trusted: bool = False,
    detector: Detector | None = None,
    engine: Engine | None = None,
) -> AuditDataset:
    """Open a data set for the checks.

    Args:
        name: of a module of `core.data`.
        data: the data set's folder.
        limit: use only the first samples of each split.
        options: values of the checks' options.
        cache: folder of computed features; True is the user's cache folder, None keeps nothing.
        model: whose embedding is taken; the shipped model by default.
        is_trusted: open a model with operators or sizes that are not allowed, too.
        detector: face detector; the best available one by default.
        engine: where features are computed; this process by default.

    Raises:
        UserError: the limit is below 1.
        DataError: the data set cannot be read, or holds nothing.
    """
    if limit is not None and limit < 1:
        raise UserError(f"Expected a limit of at least 1, got {limit}.")
    samples_by_split, missing = load_splits(name, Path(data))
    for absent_split, reason in missing.items():  # broken or absent, so it is always mentioned
        progress.say(f"no {absent_split} split: {reason}")
    fingerprint = data_fingerprint(samples_by_split)
    if limit:
        samples_by_split = {s: part.take(slice(limit)) for s, part in samples_by_split.items()}
    samples, split, problems = join_splits(samples_by_split)
    if cache is True:
        root_digest = hashlib.sha256(str(samples.root.resolve()).encode()).hexdigest()[:12]
        cache = cache_dir() / "quality" / f"{name}-{root_digest}"
    return AuditDataset(
        samples,
        split,
        problems,
        ImageFeatures(
            samples, cache or None, model, detector, engine=engine, is_trusted=is_trusted
        ),
        fingerprint,
        options or {},
        missing=missing,
    )
