"""Suspect ages: those far from the ages of the faces that look most alike, by the shipped network's
embedding.

Neighbours are never copies of the picture nor the same person. The network was trained on UTKFace's
train part with its ages, so there neighbours agree with the given age more than they would
elsewhere (see `labels`). Score: the smaller of the given age and the neighbours' median over the
larger, five years added to both, because ten years mean more in a child.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from core import progress
from evaluation.quality.check import findings
from evaluation.quality.dataset import Context
from evaluation.quality.out_of_fold import together

NAME = "ages"
TITLE = "Suspect ages"
OPTIONS = {"neighbours": 10, "sigmas": 4.0, "years": 10.0}
"""sigmas: robust deviations of the (logarithmic) residual, and years: of difference, from which an
age is an issue.
"""
FEWEST = 50
SHARE = 5.0
"""Years added to both ages."""
WIDTH = 32
"""Principal components in which neighbours are searched: as good as all 256, and eight times as
fast.
"""
BLOCK = 1024


def run(context: Context) -> pa.Table:
    """One row for each suspect age. Figures: samples, suspects, mean_absolute_residual in years."""
    samples = context.samples
    known = np.flatnonzero(~np.isnan(samples.age))
    if len(known):
        known = known[np.abs(context.features.embedding[known]).sum(axis=1) > 0]
    if len(known) < FEWEST:
        note = {
            "samples": len(known),
            "note": f"expected {FEWEST} samples with an age, so nothing is said",
        }
        return findings([], note if len(known) else {})
    age = samples.age[known].astype(np.float64)
    typical = neighbours(
        context.features.embedding[known],
        age,
        together(context)[known],
        int(context.option(NAME, "neighbours")),
    )
    score = likeness(age, typical)
    off = np.log(score)
    limit = np.exp(-float(context.option(NAME, "sigmas")) * 1.4826 * np.median(np.abs(off)))
    issue = (score < limit) & (np.abs(age - typical) >= float(context.option(NAME, "years")))
    rows = [
        {
            "sample_id": samples.ids[known[k]],
            "split": context.split[known[k]],
            "score": float(score[k]),
            "action": "keep",
            "reason": f"age {age[k]:g}, but the faces most like it are {typical[k]:g} (median)",
        }
        for k in np.flatnonzero(issue).tolist()
    ]
    figures = {
        "samples": len(known),
        "suspects": int(issue.sum()),
        "mean_absolute_residual": float(np.abs(age - typical).mean()),
    }
    return findings(rows, figures)


def likeness(age: np.ndarray, typical: np.ndarray) -> np.ndarray:
    """How well two ages agree (N,): 1 where they are equal, towards 0."""
    return (np.minimum(age, typical) + SHARE) / (np.maximum(age, typical) + SHARE)


def neighbours(x: np.ndarray, age: np.ndarray, group: np.ndarray, k: int) -> np.ndarray:
    """Median age (N,) of the `k` nearest samples by features (N, D) that are not in the same group
    (N,); fewer where there are no more.
    """
    z = _components(x - x.mean(axis=0), WIDTH).astype(np.float32)
    square = (z**2).sum(axis=1)
    found = np.empty(len(z))
    spare = min(len(z), k + int(np.unique(group, return_counts=True)[1].max(initial=1)), k + 64)
    with progress.task("compare ages with neighbours", len(z)) as advance:
        for start in range(0, len(z), BLOCK):
            part = slice(start, start + BLOCK)
            distance = square[None, :] - 2 * z[part] @ z.T  # (B, N), up to a constant per row
            near = np.argpartition(distance, spare - 1, axis=1)[:, :spare]
            near = np.take_along_axis(
                near,
                np.take_along_axis(distance, near, axis=1).argsort(axis=1, kind="stable"),
                axis=1,
            )
            other = group[near] != group[part][:, None]
            chosen = other & (other.cumsum(axis=1) <= k)
            ages = np.where(chosen, age[near], np.nan)
            none = ~chosen.any(axis=1)
            ages[none, 0] = age[part][none]  # nobody else to compare with: nothing to say
            found[part] = np.nanmedian(ages, axis=1)
            advance(min(start + BLOCK, len(z)))
    return found


def _components(x: np.ndarray, width: int) -> np.ndarray:
    """The first principal components (N, width) of centred features (N, D)."""
    x = x.astype(np.float64)
    if x.shape[1] <= width:
        return x
    _, vectors = np.linalg.eigh(x.T @ x)
    return x @ vectors[:, -width:]
