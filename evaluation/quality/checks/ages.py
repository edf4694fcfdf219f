"""Suspect ages: those far from the ages of the faces that look most alike.

Faces are compared by the shipped network's embedding. Neighbours are never copies of the image nor
images of the same person. The network was trained on the ages of UTKFace's train part, so there
neighbours agree with the labelled age more than they would elsewhere. Score: the smaller of the
labelled age and the neighbours' median over the larger, five years added to both, because ten
years mean more for a child.
"""

from __future__ import annotations

import numpy as np

from core import progress
from evaluation.quality.check import Findings, make_findings
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.out_of_fold import inseparable_groups

NAME = "ages"
TITLE = "Suspect ages"
OPTIONS = {"neighbours": 10, "sigmas": 4.0, "years": 10.0}
"""neighbours: faces to compare with. An age is an issue from `sigmas` robust deviations of the
(logarithmic) residual and `years` of difference.
"""
MIN_SAMPLES = 50
ADDED_YEARS = 5.0
"""Added to both ages before they are compared."""
N_COMPONENTS = 32
"""Principal components in which neighbours are searched: as good as all 256, and eight times as
fast.
"""
MAX_EXTRA_NEIGHBOURS = 64
"""Samples of the same group that may stand among the nearest."""


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each suspect age.

    Figures: samples, suspects, mean_absolute_residual in years.
    """
    samples = dataset.samples
    at = np.flatnonzero(~np.isnan(samples.age))
    if len(at):
        at = at[np.abs(dataset.features.embedding[at]).sum(axis=1) > 0]
    if len(at) < MIN_SAMPLES:
        note = f"expected {MIN_SAMPLES} samples with an age, so nothing is said"
        return make_findings([], {"samples": len(at), "note": note} if len(at) else {})
    age = samples.age[at].astype(np.float64)
    typical = neighbour_ages(
        dataset.features.embedding[at],
        age,
        inseparable_groups(dataset)[at],
        int(dataset.option(NAME, "neighbours")),
    )
    score = age_agreement(age, typical)
    log_ratio = np.log(score)
    sigmas = float(dataset.option(NAME, "sigmas"))
    min_score = np.exp(-sigmas * 1.4826 * np.median(np.abs(log_ratio)))
    min_years = float(dataset.option(NAME, "years"))
    is_issue = (score < min_score) & (np.abs(age - typical) >= min_years)
    rows = [
        {
            "sample_id": samples.ids[at[k]],
            "split": dataset.split[at[k]],
            "score": float(score[k]),
            "action": "keep",
            "reason": f"age {age[k]:g}, but the faces most like it are {typical[k]:g} (median)",
        }
        for k in np.flatnonzero(is_issue).tolist()
    ]
    figures = {
        "samples": len(at),
        "suspects": int(is_issue.sum()),
        "mean_absolute_residual": float(np.abs(age - typical).mean()),
    }
    return make_findings(rows, figures)


def age_agreement(age: np.ndarray, typical: np.ndarray) -> np.ndarray:
    """Return how well two ages agree.

    Args:
        age: years (N,).
        typical: years (N,).

    Returns:
        (N,), in (0, 1]: 1 where they are equal.
    """
    return np.asarray(
        (np.minimum(age, typical) + ADDED_YEARS) / (np.maximum(age, typical) + ADDED_YEARS)
    )


def neighbour_ages(features: np.ndarray, age: np.ndarray, group: np.ndarray, k: int) -> np.ndarray:
    """Return the median age (N,) of the nearest samples of other groups.

    Args:
        features: (N, D).
        age: (N,), in years.
        group: (N,); samples of one group are not compared.
        k: number of neighbours; fewer where there are no more, the own age where there are none.
    """
    from sklearn.decomposition import PCA
    from sklearn.neighbors import NearestNeighbors

    n_components = min(N_COMPONENTS, *features.shape)
    z = PCA(n_components, svd_solver="covariance_eigh").fit_transform(features.astype(np.float64))
    largest_group = int(np.unique(group, return_counts=True)[1].max(initial=1))
    n_nearest = min(len(z) - 1, k + largest_group, k + MAX_EXTRA_NEIGHBOURS)
    with progress.task("compare ages with neighbours"):  # none is its own neighbour
        search = NearestNeighbors(n_neighbors=n_nearest, algorithm="brute").fit(z)
        nearest = search.kneighbors(return_distance=False)  # (N, n_nearest)
    is_other = group[nearest] != group[:, None]
    chosen = is_other & (is_other.cumsum(axis=1) <= k)
    ages = np.where(chosen, age[nearest], np.nan)
    alone = ~chosen.any(axis=1)
    ages[alone, 0] = age[alone]
    return np.asarray(np.nanmedian(ages, axis=1))
