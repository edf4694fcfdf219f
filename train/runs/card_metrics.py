"""Validation figures of a model card, pooled over its data sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.artifacts.card import Card

CARD_METRICS = {
    "emotion_accuracy": "emotion_accuracy",
    "gender_accuracy": "gender_accuracy",
    "age_mae": "age_mean_absolute_error_years",
}
"""A figure's name in a run's history (without `val_`) -> on the card."""


@dataclass(frozen=True, slots=True)
class DataUse:
    """One split of a data set that a run trains or validates on.

    Attributes:
        name: of the data set.
        split: "train" or "val".
        fingerprint: SHA-256 of the samples' names and bytes.
        n: number of samples.
    """

    name: str
    split: str
    fingerprint: str
    n: int


@dataclass(frozen=True, slots=True)
class PooledMetric:
    """A figure over all validation parts that have it, with its 95 % interval.

    Attributes:
        value, low, high: shares, or years.
        n: samples of all parts together.
        on: the parts.
    """

    value: float
    low: float
    high: float
    n: int
    on: tuple[DataUse, ...]


def pooled_metric(card: Card, name: str) -> PooledMetric | None:
    """Return a figure of a card over all its data sets, each sample counting once.

    The parts' intervals are combined as those of independent samples (Zou and Donner, Stat. Med.
    2008, doi:10.1002/sim.3095); that of one part alone stays as it is.

    Args:
        card: of a bundle.
        name: a key of `CARD_METRICS`.

    Returns:
        None where the card has no such figure, or one without an interval.
    """
    rows = [
        m
        for m in card.metrics
        if m["metric"] == CARD_METRICS[name] and not m.get("group") and m["value"] is not None
    ]
    if not rows or not all(m.get("ci95") for m in rows):
        return None
    n, values = (np.array([m[k] for m in rows], float) for k in ("n", "value"))
    low, high = np.array([m["ci95"] for m in rows], float).T
    share = n / n.sum()
    value = float(share @ values)
    below, above = (float(np.sqrt(((share * d) ** 2).sum())) for d in (values - low, high - values))
    fingerprints = {(d["name"], d["split"]): d["fingerprint"] for d in card.data}
    on = tuple(
        DataUse(m["data"], m["split"], fingerprints.get((m["data"], m["split"]), ""), int(m["n"]))
        for m in rows
    )
    return PooledMetric(value, value - below, value + above, int(n.sum()), on)


def data_uses(card: Card) -> tuple[DataUse, ...]:
    """Return what a card's model was trained and validated on."""
    return tuple(DataUse(d["name"], d["split"], d["fingerprint"], d["n"]) for d in card.data)
