"""Sums over an epoch: losses, and the figures of the network as it trains."""

from __future__ import annotations

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
        self.losses: dict[str, float] = {}
        self.metrics: dict[
            str, tuple[float, int]
        ] = {}  # name -> sum over its samples, their number

    def add_losses(self, losses: Mapping[str, float]) -> None:
        """Add the losses of one batch, by name."""
        for name, value in losses.items():
            self.losses[name] = self.losses.get(name, 0.0) + value

    def add_outputs(self, out: Mapping[str, Tensor], batch: Batch) -> None:
        """Add the figures of one batch's outputs by task, (N, width) each."""
        for head in self.heads:
            logits, target, weight = (
                values[head.task].detach().float().cpu()
                for values in (out, batch.targets, batch.weights)
            )
            name, total, n = batch_metric(logits, target, weight > 0, head)
            total_before, n_before = self.metrics.get(name, (0.0, 0))
            self.metrics[name] = (total_before + total, n_before + n)

    def means(self, n_batches: int) -> dict[str, float]:
        """Return the means over all processes, by their names in the history."""
        losses = distributed.sum_over_processes(self.losses)
        totals = distributed.sum_over_processes(
            {k: total for k, (total, _) in self.metrics.items()}
        )
        counts = distributed.sum_over_processes({k: float(n) for k, (_, n) in self.metrics.items()})
        row = {f"train_{name}": value / n_batches for name, value in losses.items()}
        for name, n in counts.items():
            if n:
                row[f"train_{name}"] = totals[name] / n
        return row
