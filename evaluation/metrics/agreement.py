"""Emotion against what several people voted.

`votes` is float (N, k): counts or shares per class; a row without votes gives NaN.

Ties: a sample whose most voted classes are several has all of them as its majority, so any of them
counts as right.
"""

from __future__ import annotations

import numpy as np

from evaluation.metrics.calibration import TINY

SLACK = 1e-6
"""Shares that were stored in single precision still reach their limit."""


def shares(votes: np.ndarray) -> np.ndarray:
    """Return the share of each class in the votes.

    Args:
        votes: float (N, k), counts or shares.

    Returns:
        float64 (N, k), rows that sum to 1; NaN rows where there is no vote.

    Raises:
        ValueError: another number of dimensions, or a number below 0.
    """
    if votes.ndim != 2 or (votes < 0).any():
        raise ValueError(
            f"Expected `votes` to be (N, k) and at least 0, got shape {votes.shape} and "
            f"{np.nanmin(votes, initial=0)}."
        )
    total = votes.sum(axis=1, keepdims=True, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, votes / total, np.nan)


def agrees_with_votes(
    votes: np.ndarray, pred: np.ndarray, share: float | None = None
) -> np.ndarray:
    """Return where the predicted class has enough of the votes.

    Args:
        votes: float (N, k), counts or shares.
        pred: int (N,), the predicted classes.
        share: of the votes that is enough, in (0, 1]; None for the majority.

    Returns:
        float64 (N,): 1 where it has, else 0; NaN without votes.

    Raises:
        ValueError: `share` lies outside (0, 1], or as `shares`.
    """
    s = shares(votes)
    if share is not None and not 0 < share <= 1:
        raise ValueError(f"Expected `share` in (0, 1], got {share}.")
    limit = s.max(axis=1, initial=0) if share is None else share
    has_enough = (s[np.arange(len(s)), pred] >= limit - SLACK).astype(float)
    return np.where(np.isnan(s).any(axis=1), np.nan, has_enough)


def kl(votes: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the KL divergence of votes from probabilities, in nats; NaN without votes.

    Args:
        votes: float (N, k), counts or shares.
        p: float (N, k), probabilities; 0 counts as 1e-12.

    Returns:
        float64 (N,).
    """
    s = shares(votes)
    result: np.ndarray = np.where(
        s > 0, s * (np.log(np.maximum(s, TINY)) - np.log(np.maximum(p, TINY))), 0 * s
    ).sum(axis=1)
    return result


def ceiling(votes: np.ndarray) -> np.ndarray:
    """Return the human ceiling of each sample: the share of the class with most votes.

    It is the best chance that a prediction equals a vote drawn at random: no model that names one
    class can agree with single voters more often than its mean.

    Args:
        votes: float (N, k), counts or shares.

    Returns:
        float64 (N,) in (0, 1]; NaN without votes.
    """
    return np.asarray(shares(votes).max(axis=1, initial=0))
