"""The order in which the values of a group are shown."""

from __future__ import annotations

from collections.abc import Iterable

from evaluation.composition.listing import natural
from evaluation.predictions.conditions import BINS


def in_order(values: Iterable[str]) -> tuple[str, ...]:
    """Return a group's values in the order of its bins, the sharpest first; others by number.

    >>> in_order(["blurred", "sharp", "soft"])
    ('sharp', 'soft', 'blurred')
    >>> in_order(["10-19", "80+", "0-9"]), in_order(["B", "A"])
    (('0-9', '10-19', '80+'), ('A', 'B'))
    """
    shown = tuple(values)
    for name, bins in BINS.items():
        names = (*(bins.names[::-1] if name == "blur" else bins.names), bins.unknown)
        if set(shown) <= set(names):
            return tuple(sorted(shown, key=names.index))
    return tuple(sorted(shown, key=natural))
