"""Out-of-fold probabilities: each sample is judged by a model that was fitted without its label and
without those of its duplicates.
"""

from __future__ import annotations

import numpy as np

from core import progress
from evaluation.quality.dataset import Context
from evaluation.quality.duplicates import clusters

PEOPLE = ("subject", "person", "identity")
"""Names of groups that say who is in a picture."""


def together(context: Context) -> np.ndarray:
    """int64 (N,): the same number for samples that must not be separated: near duplicates, and one
    person where the data say who it is.
    """
    cluster = clusters.near_clusters(context).cluster
    people = [context.samples.groups[name] for name in PEOPLE if name in context.samples.groups]
    return (
        union(cluster, *(clusters.by_value(who, who != "") for who in people))
        if people
        else cluster
    )


def union(*groupings: np.ndarray) -> np.ndarray:
    """Groupings int (N,) -> int64 (N,): those that share a number in any of them have the same
    number, transitively.
    """
    n = len(groupings[0])
    pairs = []
    for numbers in groupings:
        order = np.argsort(numbers, kind="stable")
        same = np.flatnonzero(numbers[order[1:]] == numbers[order[:-1]])
        pairs.append(np.stack([order[same], order[same + 1]], axis=1))
    return clusters.connected(n, np.concatenate(pairs)) if n else np.zeros(0, np.int64)


def standard(x: np.ndarray) -> np.ndarray:
    """Columns of (N, D) with mean 0 and deviation 1, float64."""
    x = x.astype(np.float64)
    return (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6)


def out_of_fold(
    x: np.ndarray,
    y: np.ndarray,
    group: np.ndarray,
    *,
    folds: int = 5,
    c: float | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Features (N, D), classes (N,) 0 to K - 1, and groups (N,) that stay together -> probabilities
    (N, K) of a logistic regression.

    c: scikit-learn's inverse strength of regularisation. The default is 0.003, more for few
    samples: 1 learns flipped labels by heart.

    Raises:
        ValueError: fewer than two groups, or a fold without two classes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    x = standard(x)
    c = max(0.003, 10 / len(x)) if c is None else c
    p = np.zeros((len(y), int(y.max()) + 1))
    count = min(folds, len(np.unique(group)))
    with progress.task("judge labels", count) as advance:
        for done, (fit, judge) in enumerate(
            GroupKFold(count, shuffle=True, random_state=seed).split(x, y, group), 1
        ):
            model = LogisticRegression(C=c, max_iter=200, tol=1e-3).fit(x[fit], y[fit])
            p[np.ix_(judge, model.classes_)] = model.predict_proba(x[judge])
            advance(done)
    return p
