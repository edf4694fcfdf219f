"""Out-of-fold probabilities: a model judges each sample that has seen neither it nor its copies."""

from __future__ import annotations

import numpy as np

from core import progress
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.duplicates import clusters

SUBJECT_GROUPS = ("subject", "person", "identity")
"""Names of groups that say who is in an image."""


def inseparable_groups(dataset: AuditDataset) -> np.ndarray:
    """Return int64 (N,): the same number for samples that must not be separated.

    These are near duplicates, and images of one person where the data set says who it is.
    """
    cluster = clusters.near_clusters(dataset).cluster
    groups = dataset.samples.groups
    subjects = [groups[name] for name in SUBJECT_GROUPS if name in groups]
    if not subjects:
        return cluster
    return merge_groupings(cluster, *(clusters.group_by_value(s, s != "") for s in subjects))


def merge_groupings(*groupings: np.ndarray) -> np.ndarray:
    """Return int64 (N,): samples that share a number in any grouping share one, transitively.

    Args:
        groupings: int (N,) each.
    """
    n_samples = len(groupings[0])
    if not n_samples:
        return np.zeros(0, np.int64)
    pairs = [clusters.chain_pairs(numbers) for numbers in groupings]
    return clusters.connected_components(n_samples, np.concatenate(pairs))


def out_of_fold_probabilities(
    features: np.ndarray,
    labels: np.ndarray,
    group: np.ndarray,
    *,
    folds: int = 5,
    c: float | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Return the class probabilities (N, K) of logistic regressions fitted on the other folds.

    Args:
        features: (N, D).
        labels: (N,), classes 0 to K - 1.
        group: (N,); samples of one group are in one fold.
        folds: number of folds; no more than there are groups.
        c: scikit-learn's inverse strength of regularisation. The default is 0.003, more for few
            samples: 1 learns flipped labels by heart.
        seed: of the shuffling.

    Raises:
        ValueError: fewer than two groups, or a fold without two classes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold
    from sklearn.preprocessing import StandardScaler

    x = StandardScaler().fit_transform(features.astype(np.float64))
    c = max(0.003, 10 / len(x)) if c is None else c
    probabilities = np.zeros((len(labels), int(labels.max()) + 1))
    n_folds = min(folds, len(np.unique(group)))
    with progress.task("judge labels", n_folds) as advance:
        splits = GroupKFold(n_folds, shuffle=True, random_state=seed).split(x, labels, group)
        for number, (fitted, judged) in enumerate(splits, 1):
            model = LogisticRegression(C=c, max_iter=200, tol=1e-3).fit(x[fitted], labels[fitted])
            probabilities[np.ix_(judged, model.classes_)] = model.predict_proba(x[judged])
            advance(number)
    return probabilities
