"""One figure of a model card, with its data, its interval and its number of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.artifacts.card import Card, MetricRow
from core.data import Samples
from evaluation.statistics.estimate import Estimate

DECIMALS = 5


@dataclass(frozen=True, slots=True)
class CardMetric:
    """One figure.

    Attributes:
        data: data set; several are joined by " + ".
        split: of the data sets.
        metric: name, such as `emotion_accuracy`.
        value: a share, or years; None where it is not known.
        ci95: low and high end of the 95 % interval; None where there is none.
        n: number of samples; 0 where the card does not say.
        group: such as `age: 20-29`; empty for all samples.
    """

    data: str
    split: str
    metric: str
    value: float | None
    ci95: tuple[float, float] | None = None
    n: int = 0
    group: str = ""

    def to_dict(self) -> MetricRow:
        """Return the row as a card's JSON has it."""
        row = MetricRow(data=self.data, split=self.split, metric=self.metric, value=self.value)
        row["ci95"] = None if self.ci95 is None else list(self.ci95)
        row["n"] = self.n
        if self.group:
            row["group"] = self.group
        return row

    @classmethod
    def of_dict(cls, row: Mapping[str, Any]) -> CardMetric:
        """Return the row that a card's JSON has."""
        ci95 = row.get("ci95")
        return cls(
            row["data"],
            row["split"],
            row["metric"],
            row["value"],
            (ci95[0], ci95[1]) if ci95 else None,
            row.get("n", 0),
            row.get("group", ""),
        )


def card_metrics(card: Card) -> list[CardMetric]:
    """Return the figures of a card."""
    return [CardMetric.of_dict(row) for row in card.metrics]


def card_metric(
    samples: Sequence[Samples], metric: str, estimate: Estimate, group: str = ""
) -> CardMetric:
    """Return a figure of several data sets together as a card has it, rounded.

    Args:
        samples: of the data sets.
        metric: name.
        estimate: with a value.
        group: such as `age: 20-29`; empty for all samples.

    Raises:
        ValueError: the estimate has no value.
    """
    if estimate.value is None:
        raise ValueError(f"Expected a value of {metric}, got {estimate}.")
    ci95 = None
    if estimate.low is not None and estimate.high is not None:
        ci95 = (round(estimate.low, DECIMALS), round(estimate.high, DECIMALS))
    return CardMetric(
        " + ".join(dict.fromkeys(s.name for s in samples)),
        " + ".join(dict.fromkeys(s.split for s in samples)),
        metric,
        round(estimate.value, DECIMALS),
        ci95,
        estimate.n,
        group,
    )
