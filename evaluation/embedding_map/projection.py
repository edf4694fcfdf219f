"""Projection of embeddings onto a plane, in seconds also for 100,000 samples.

t-SNE (van der Maaten and Hinton, JMLR 9, 2008) takes minutes for so many. It lays out a sample of
them, the landmarks; every other sample is placed among its nearest landmarks.
"""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

MAX_LANDMARKS = 3000
"""Samples that t-SNE lays out itself."""
COMPONENTS = 32
"""Principal components that t-SNE and the distances to landmarks see."""
NEIGHBOURS = 5
"""Landmarks among which another sample is placed."""
PERPLEXITY = 30.0
ITERATIONS = 500
MIN_SAMPLES = 10
"""Fewer samples are shown by their first two principal components."""


def project(embeddings: np.ndarray) -> np.ndarray:
    """Return positions of samples on a plane; samples with similar embeddings lie close.

    Embeddings are compared by their cosine, as neighbours are. The result is the same each time.

    Args:
        embeddings: finite float32 (N, D), N at least 1.

    Returns:
        float32 (N, 2) in [0, 1].
    """
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    directions = embeddings / np.where(norms > 0, norms, 1)
    # t-SNE's threads wait for each other at every step: with others at work, one is faster.
    with threadpool_limits(1):
        return _in_unit_square(_lay_out(directions))


def _lay_out(directions: np.ndarray) -> np.ndarray:
    """Return float32 (N, 2): positions of any scale. directions: float32 (N, D), of length 1."""
    components = _principal_components(directions)  # (N, K)
    n = len(components)
    if n < MIN_SAMPLES:
        return components[:, :2]
    landmarks = np.random.default_rng(0).permutation(n)[:MAX_LANDMARKS]
    landmarks.sort()
    places = TSNE(
        perplexity=min(PERPLEXITY, (len(landmarks) - 1) / 3),
        init=_small(components[landmarks, :2]),
        max_iter=ITERATIONS,
        random_state=0,
    ).fit_transform(components[landmarks])
    positions = _among(components, components[landmarks], places)
    positions[landmarks] = places
    return positions


def describe(n: int) -> str:
    """Return how `project` lays out `n` samples, in a sentence for readers."""
    if n < MIN_SAMPLES:
        return "The first two principal components of the embeddings."
    text = f"t-SNE of the embeddings (cosine, {COMPONENTS} principal components)"
    if n <= MAX_LANDMARKS:
        return f"{text}. Distances between far groups mean little."
    return (
        f"{text} of {MAX_LANDMARKS:,} samples; the others are placed among the {NEIGHBOURS} of "
        "these nearest to them. Distances between far groups mean little."
    )


def _principal_components(directions: np.ndarray) -> np.ndarray:
    """Return float32 (N, K), K at least 2: zeros where there are fewer components."""
    k = min(COMPONENTS, *directions.shape)
    components = np.zeros((len(directions), max(k, 2)), np.float32)
    if len(directions) > 1 and np.ptp(directions, axis=0).any():
        components[:, :k] = PCA(k, svd_solver="covariance_eigh").fit_transform(directions)
    return components


def _small(positions: np.ndarray) -> np.ndarray:
    """Return positions scaled as t-SNE starts (Kobak and Berens, 2019)."""
    spread = float(positions[:, 0].std())
    return (positions / (spread or 1) * 1e-4).astype(np.float32)


def _among(components: np.ndarray, landmarks: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return float32 (N, 2): means of the places of the nearest landmarks, nearer ones count more.

    Args:
        components: (N, K) of all samples.
        landmarks: (L, K) of the landmarks.
        places: (L, 2), where these are.
    """
    index = NearestNeighbors(n_neighbors=NEIGHBOURS, algorithm="brute").fit(landmarks)
    distances, nearest = index.kneighbors(components)  # (N, NEIGHBOURS)
    weights = 1 / np.maximum(distances, 1e-6) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    positions: np.ndarray = np.einsum("nk,nkd->nd", weights, places[nearest]).astype(np.float32)
    return positions


def _in_unit_square(positions: np.ndarray) -> np.ndarray:
    """Return float32 (N, 2) moved and scaled into [0, 1], in the same proportions, centred."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    scale = float((high - low).max()) or 1.0
    moved = (positions - (low + high) / 2) / scale + 0.5
    return np.asarray(np.clip(moved, 0, 1), np.float32)
