"""Statistics of scores in bins: what a bootstrap of counts needs.

Counts are float (..., 2 * bins): of bin i, place 2 * i holds the negative samples (or wrong
predictions) and place 2 * i + 1 the positive (or correct) ones; bins rise with the score.
"""

from __future__ import annotations

import numpy as np

LOGIT_REACH = 16.0
"""Probabilities are binned by their logit from -LOGIT_REACH to LOGIT_REACH, so that those near 0
and 1 stay distinct; 1e-7 is what single precision keeps there.
"""
TINY_PROBABILITY = 1e-7


def logit_bins(p: np.ndarray, bins: int) -> np.ndarray:
    """Return the bin of each probability, of `bins` bins of equal width of the logit.

    Probabilities are rounded to single precision first, in which a store keeps them.

    Args:
        p: probabilities (N,).
        bins: number of bins.

    Returns:
        int64 (N,) in [0, bins).
    """
    p = p.astype(np.float32).astype(np.float64)
    logit = np.log(np.maximum(p, TINY_PROBABILITY) / np.maximum(1 - p, TINY_PROBABILITY))
    place = np.floor((logit + LOGIT_REACH) * (bins / (2 * LOGIT_REACH))).astype(np.int64)
    return np.asarray(np.clip(place, 0, bins - 1))


def logit_bins_sql(p: str, bins: int) -> str:
    """Return `logit_bins` as SQL of a probability's expression `p`."""
    odds = f"greatest({p}, {TINY_PROBABILITY}) / greatest(1 - {p}, {TINY_PROBABILITY})"
    place = f"floor((ln({odds}) + {LOGIT_REACH}) * {bins / (2 * LOGIT_REACH)})::INT"
    return f"least(greatest({place}, 0), {bins - 1:d})"


def split(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the negative and the positive samples of each bin, highest score first.

    Args:
        counts: (..., 2 * bins), see the module.

    Returns:
        Two arrays (..., bins).
    """
    return counts[..., ::2][..., ::-1], counts[..., 1::2][..., ::-1]


def risk_area(counts: np.ndarray) -> np.ndarray:
    """Return the area under the risk-coverage curve.

    The risk at each sample's own confidence, averaged over samples (Geifman et al., ICLR 2019).

    Args:
        counts: (..., 2 * bins), see the module.

    Returns:
        (...), in [0, 1].
    """
    wrong, correct = split(counts)
    n = wrong + correct
    risk = np.nan_to_num(wrong.cumsum(axis=-1) / n.cumsum(axis=-1))
    return np.asarray((risk * n).sum(axis=-1) / n.sum(axis=-1))


def auroc(counts: np.ndarray) -> np.ndarray:
    """Return the chance that a positive sample scores above a negative one; ties count half.

    Args:
        counts: (..., 2 * bins), see the module.

    Returns:
        (...), in [0, 1].
    """
    negative, positive = split(counts)
    above = positive.cumsum(axis=-1) - positive / 2
    pairs = negative.sum(axis=-1) * positive.sum(axis=-1)
    return np.asarray((negative * above).sum(axis=-1) / pairs)


def average_precision(counts: np.ndarray) -> np.ndarray:
    """Return the precision at each score, averaged over the positive samples.

    Args:
        counts: (..., 2 * bins), see the module.

    Returns:
        (...), in [0, 1].
    """
    negative, positive = split(counts)
    hits = positive.cumsum(axis=-1)
    precision = np.nan_to_num(hits / (hits + negative.cumsum(axis=-1)))
    return np.asarray((precision * positive).sum(axis=-1) / positive.sum(axis=-1))


def calibration_error(counts: np.ndarray, confidence: np.ndarray, bins: int) -> np.ndarray:
    """Return the expected calibration error over `bins` bins.

    Args:
        counts: (..., cells), several cells a bin, the bins' cells in order; see the module.
        confidence: float (cells,) mean confidence in each cell.
        bins: number of bins.

    Returns:
        (...), in [0, 1].
    """
    correct = np.tile([0.0, 1.0], counts.shape[-1] // 2)
    gap = counts * (correct - confidence)
    cells = gap.shape[-1] // bins
    by_bin = gap.reshape(*gap.shape[:-1], bins, cells).sum(axis=-1)
    return np.asarray(np.abs(by_bin).sum(axis=-1) / counts.sum(axis=-1))
