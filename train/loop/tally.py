"""Sums over an epoch: losses, and the figures of the network as it trains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from torch import Tensor

from core.artifacts.card import Head
from train.batches.pool import Batch
from train.loop import distributed
from train.loop.validate import batch_metric


class EpochTally:
    """Losses, accuracies and errors of an epoch: augmented, mixed, under dropout."""

    def __init__(self, heads: Sequence[Head]) -> None:
        self.heads = heads
        self.losses: dict[str, float] = defaultdict(float)
        self.metrics: dict[str, float] = defaultdict(float)  # name -> sum over its samples
        self.samples: dict[str, float] = defaultdict(float)  # name -> their number

    def add(self, losses: Mapping[str, float], out: Mapping[str, Tensor], batch: Batch) -> None:
        """Add the losses of one batch, and the figures of its outputs (N, width)."""
        for name, value in losses.items():
            self.losses[name] += value
        for head in self.heads:
            logits, target, weight = (
                values[head.task].detach().float().cpu()
                for values in (out, batch.targets, batch.weights)
            )
            name, total, n = batch_metric(logits, target, weight > 0, head)
            self.metrics[name] += total
            self.samples[name] += n

    def means(self, n_batches: int) -> dict[str, float]:
        """Return the means over all processes, by their names in the history."""
        losses, totals, counts = map(
            distributed.sum_over_processes, (self.losses, self.metrics, self.samples)
        )
        means = {name: value / n_batches for name, value in losses.items()}
        means |= {name: totals[name] / n for name, n in counts.items() if n}
        return {f"train_{name}": value for name, value in means.items()}
