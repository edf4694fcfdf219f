"""The shares of the splits against those that are expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.quality.dataset import SPLITS
from evaluation.quality.repair.restratify import SPLIT_NAMES, parse_shares

TOLERANCE = 0.02
"""Difference of a share that is no issue, as in the check `split_shares`."""


@dataclass(frozen=True, slots=True)
class SplitShare:
    """One split.

    Attributes:
        split: its name.
        n: samples in it.
        share: of all samples. It is counted, not estimated, so it has no interval.
        expected: share that it should have.
    """

    split: str
    n: int
    share: float
    expected: float

    @property
    def difference(self) -> float:
        """The share less the expected one."""
        return self.share - self.expected

    @property
    def is_expected(self) -> bool:
        """Whether the difference is within TOLERANCE."""
        return abs(self.difference) <= TOLERANCE + 1e-12


def expected_shares(text: str) -> dict[str, float]:
    """Return split -> share of `80/10/10` (train, val, test) or `90/10` (train, val).

    Raises:
        UserError: other numbers.
    """
    shares = parse_shares(text)
    return dict(zip(SPLIT_NAMES[len(shares)], shares, strict=True))


def split_shares(sizes: Mapping[str, int], expected: Mapping[str, float]) -> list[SplitShare]:
    """Return each split that is expected or occurs, in the order train, val, test, others.

    Args:
        sizes: split -> number of samples, not all 0.
        expected: split -> share.
    """
    names = [s for s in SPLITS if s in sizes or s in expected]
    names += [s for s in sizes if s not in SPLITS]
    total = sum(sizes.values())
    return [
        SplitShare(s, sizes.get(s, 0), sizes.get(s, 0) / total, expected.get(s, 0.0)) for s in names
    ]
