"""Which models do not differ: the bars of a critical-difference diagram."""

from __future__ import annotations

import numpy as np


def groups(differs: np.ndarray) -> list[tuple[int, ...]]:
    """Return all largest groups of models in which no two differ, by their first members.

    They are the bars of a critical-difference diagram (Demsar, JMLR 7, 2006, figure 1). Whether two
    models differ does not go by their places alone, so a group may pass over a model between two of
    its members. Found by inserting one differing pair after the other and absorbing what lies in a
    larger group (Piepho, Journal of Computational and Graphical Statistics 13, 2004).

    Args:
        differs: bool (models, models), symmetric, in the order of the ranking.

    >>> groups(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], bool))
    [(0, 1), (1, 2)]
    """
    largest = {frozenset(range(len(differs)))}
    for i, j in zip(*np.nonzero(np.triu(differs)), strict=True):
        split = {part for group in largest for part in _without_pair(group, int(i), int(j))}
        largest = {group for group in split if not any(group < other for other in split)}
    return sorted(tuple(sorted(group)) for group in largest)


def _without_pair(group: frozenset[int], i: int, j: int) -> list[frozenset[int]]:
    return [group - {i}, group - {j}] if {i, j} <= group else [group]
