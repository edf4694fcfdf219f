"""Distillation losses (Hinton et al., arXiv 1503.02531).

Heads: classes by KL at a temperature, ages as distributions by KL, years by their distance.
Features: the similarities of a batch's samples to each other (Tung & Mori, arXiv 1907.09682), which
need no layer between embeddings of different widths. What the teachers predict is in
`train.loop.teachers`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from core.artifacts.card import Head

FEATURES = "embedding"
"""The name of the embedding among a network's outputs and a teacher's predictions."""
AGE_L1_WEIGHT = 0.1
"""Weight of the distance of expectations in years beside the divergence of age distributions.

As in losses/age_distribution.
"""


def distillation_loss(
    logits: Tensor, predictions: Tensor, head: Head, temperature: float = 1.0
) -> Tensor:
    """Return one value per sample (N,).

    Classes: T^2 KL(teachers || student), both at temperature T, in nats. Age distribution: KL at
    temperature 1, plus `AGE_L1_WEIGHT` times the distance of the expectations in years. Regression:
    that distance.

    Args:
        logits: (N, width) of the student's head.
        predictions: of the teachers; probabilities (N, K), or years (N,).
        head: of the student.
        temperature: of classes, over 0.
    """
    if head.kind == "regression":
        return (logits[:, 0] - predictions).abs()
    if head.kind == "sigmoid":
        logits = two_logits(logits)
    temperature = 1.0 if head.kind == "distribution" else temperature
    log_p = (logits / temperature).log_softmax(dim=1)
    log_q = (predictions.clamp(min=1e-8).log() / temperature).log_softmax(dim=1)
    divergence = temperature**2 * (log_q.exp() * (log_q - log_p)).sum(dim=1)
    if head.kind == "distribution":
        ages = torch.arange(logits.shape[1], device=logits.device, dtype=logits.dtype)
        difference = (log_p.exp() - log_q.exp()) @ ages  # (N,) years
        divergence = divergence + AGE_L1_WEIGHT * difference.abs()
    return divergence


def similarity_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return how differently two networks see the similarities of a batch's samples, a scalar.

    It is the mean squared difference of the similarity matrices, each of whose rows has length 1,
    times N (arXiv 1907.09682, equation 4).

    Args:
        student: (N, F) embeddings.
        teacher: (N, G) embeddings.
    """
    a, b = (F.normalize(v @ v.T, dim=1) for v in (student.float(), teacher.float()))  # (N, N)
    squares: Tensor = (a - b) ** 2
    return squares.sum() / len(student)


def two_logits(logits: Tensor) -> Tensor:
    """Return the outputs (N, 1) of a sigmoid head as those of a softmax head (N, 2)."""
    return torch.cat([logits, torch.zeros_like(logits)], dim=1)
