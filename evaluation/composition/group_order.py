"""The order in which the values of a group are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from evaluation.predictions.conditions import BINS

WORD_SCALES = (
    ("none", "low", "medium", "high"),
    ("none", "little", "some", "much"),
    ("none", "mild", "moderate", "severe"),
    ("none", "weak", "medium", "strong"),
    ("tiny", "small", "medium", "large", "huge"),
    ("light", "medium", "dark"),
    ("dark", "dim", "medium", "bright"),
    ("short", "medium", "long"),
    ("slow", "medium", "fast"),
    ("near", "medium", "far"),
    ("easy", "medium", "hard"),
    ("bad", "poor", "fair", "good", "very good", "excellent"),
    ("never", "rarely", "sometimes", "often", "always"),
    ("baby", "infant", "child", "teenager", "adult", "senior"),
    ("young", "middle-aged", "old"),
)
"""Ordinary words for degrees, in their order."""


def in_order(values: Iterable[str]) -> tuple[str, ...]:
    """Return a group's values in the order of its bins or words, the sharpest first.

    Others by number, then by name.

    >>> in_order(["blurred", "sharp", "soft"]), in_order(["dark", "Light", "medium"])
    (('sharp', 'soft', 'blurred'), ('Light', 'medium', 'dark'))
    >>> in_order(["10-19", "80+", "0-9"]), in_order(["B", "A"])
    (('0-9', '10-19', '80+'), ('A', 'B'))
    """
    shown = tuple(values)
    for name, bins in BINS.items():
        names = (*(bins.names[::-1] if name == "blur" else bins.names), bins.unknown)
        if set(shown) <= set(names):
            return tuple(sorted(shown, key=names.index))
    for scale in WORD_SCALES:
        if {value.lower() for value in shown} <= set(scale):
            return tuple(sorted(shown, key=lambda value: (scale.index(value.lower()), value)))
    return tuple(sorted(shown, key=natural))


def natural(text: str) -> list[tuple[int, int, str]]:
    """Return a key by which texts sort with their numbers by value.

    >>> sorted(["10-19", "9", "a", "80+"], key=natural)
    ['9', '10-19', '80+', 'a']
    """
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+|[0-9]+", text)
    return [(0, int(p), p) if p.isascii() and p.isdigit() else (1, 0, p) for p in parts]
