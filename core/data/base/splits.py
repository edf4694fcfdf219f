"""Splits where the publishers have none, decided by a hash: the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

OURS = ("train", "val", "test", "all")


def share(key: str) -> float:
    """Return a fixed, evenly spread number in [0, 1) for `key`."""
    return int(hashlib.sha256(f"mien/{key}".encode()).hexdigest()[:8], 16) / 16**8


def split_of(key: str) -> str:
    """Return the split of `key`: 80 % train, 10 % val, 10 % test.

    It depends on nothing else, so it stays when other files come or go.
    """
    at = share(key)
    return "train" if at < 0.8 else "val" if at < 0.9 else "test"


def carve(split: str, key: str) -> str:
    """Return `split`, but a tenth of `train` becomes `val`.

    For publishers who give no validation split.
    """
    return "val" if split == "train" and split_of(key) == "val" else split


def by_subject(subjects: Iterable[str]) -> dict[str, str]:
    """Return the split of each subject, for sets of few people.

    By order of their hashes a tenth, at least one, goes to val, as many to test. Fewer than three
    people all go to train. A person who is added or removed can move another one.
    """
    ordered = sorted(set(subjects), key=lambda s: (share(s), s))
    part = max(1, round(len(ordered) / 10)) if len(ordered) >= 3 else 0
    return {
        s: "val" if i < part else "test" if i < 2 * part else "train" for i, s in enumerate(ordered)
    }
