"""The loss of one training step: all heads of the recipe, labels and teachers together."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from core import registry
from train.batches.pool import TEACHER_PREFIX, Batch
from train.loop.distill import FEATURES, distillation_loss, similarity_loss
from train.losses import masked_mean
from train.recipe.recipe import Recipe


class StepLoss:
    """The weighted sum of a recipe's losses."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.heads = {head.task: head for head in recipe.heads}
        self.functions = {
            task: registry.load("train.losses", loss.name).loss
            for task, loss in recipe.losses.items()
        }

    def __call__(
        self, out: Mapping[str, Tensor], batch: Batch, global_weights: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the loss to minimise, and its unweighted parts by task.

        Args:
            out: the network's outputs by task, (N, width) each.
            batch: this process's share of the batch, on the device.
            global_weights: of all processes' shares, by whose labelled samples sums are divided; so
                the losses of all shares add up to the batch's.
        """
        distill = self.recipe.distill
        total = batch.x.new_zeros(())
        parts: dict[str, float] = {}
        for task, loss in self.recipe.losses.items():
            logits, weights = out[task].float(), batch.weights[task]
            values = self.functions[task](logits, batch.targets[task], **loss.options)  # (N,)
            value = masked_mean(values, weights, global_weights[task])
            teacher = TEACHER_PREFIX + task
            if teacher in batch.targets:
                values = distillation_loss(
                    logits, batch.targets[teacher], self.heads[task], distill.temperature
                )
                imitation = masked_mean(values, batch.weights[teacher], global_weights[teacher])
                value = (1 - distill.share) * value + distill.share * imitation
            total = total + loss.weight * value
            parts[task] = float(value.detach())
        teacher = TEACHER_PREFIX + FEATURES
        if teacher in batch.targets:
            value = similarity_loss(out[FEATURES], batch.targets[teacher])
            total = total + distill.features * value
            parts["features"] = float(value.detach())
        return total, parts
