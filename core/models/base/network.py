"""What all architectures share: one embedding, one small head per task, one dictionary out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core.artifacts.card import Head

AGE_START = 35.0
"""Years that a fresh regression head predicts: about the mean of the data sets, which a head that
starts at 0 takes long to reach.
"""


class Network(nn.Module):
    """A backbone (N, C, H, W) -> (N, features), then one head per task.

    A head is a linear layer, or with `hidden` a linear layer of that width, BatchNorm, ReLU,
    dropout and a linear layer. Returns {task: (N, head.width) logits, ..., "embedding": (N,
    features)}.

    With `mirror`, in evaluation mode, all outputs are the mean over the picture and its mirror
    image (flip averaging), at twice the cost.
    """

    def __init__(
        self,
        backbone: nn.Module,
        features: int,
        heads: Sequence[Head],
        dropout: float = 0.0,
        hidden: int = 0,
        hidden_dropout: float = 0.0,
        mirror: bool = False,
    ) -> None:
        super().__init__()
        self.mirror = mirror
        self.backbone, self.dropout = backbone, nn.Dropout(dropout)
        self.heads = nn.ModuleDict(
            {h.task: _head(h, features, hidden, hidden_dropout) for h in heads}
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return raw outputs by task, and `embedding`, of normalised crops (N, C, H, W)."""
        if self.mirror and not self.training:
            outputs = self._once(torch.cat([x, x.flip(3)]))
            n = x.shape[0]  # not len(x), which the exporter would take for a constant
            return {name: (values[:n] + values[n:]) / 2 for name, values in outputs.items()}
        return self._once(x)

    def _once(self, x: Tensor) -> dict[str, Tensor]:
        embedding = self.backbone(x)  # (N, features)
        dropped = self.dropout(embedding)
        return {task: layer(dropped) for task, layer in self.heads.items()} | {
            "embedding": embedding
        }


def _head(head: Head, features: int, hidden: int, dropout: float) -> nn.Module:
    last = nn.Linear(hidden or features, head.width)
    if head.kind == "regression":
        nn.init.constant_(last.bias, AGE_START)
    if not hidden:
        return last
    return nn.Sequential(
        nn.Linear(features, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(dropout), last
    )


def parameter_counts(model: nn.Module) -> dict[str, int]:
    """Return total, trainable and non-trainable parameters, by the Keras convention.

    BatchNorm's running mean and variance count as non-trainable.
    """
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    frozen = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    running = sum(
        b.numel() for n, b in model.named_buffers() if n.endswith(("running_mean", "running_var"))
    )
    return {
        "total": trainable + frozen + running,
        "trainable": trainable,
        "non_trainable": frozen + running,
    }
