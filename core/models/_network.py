"""What all architectures share: one embedding, one linear layer per head, one dictionary out."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from core.bundle import Head


class Network(nn.Module):
    """backbone (N, C, H, W) -> (N, features), then one linear layer per head.

    Returns {task: (N, head.width) logits, ..., "embedding": (N, features)}.
    """

    def __init__(self, backbone: nn.Module, features: int, heads: Sequence[Head], dropout: float = 0.0) -> None:
        super().__init__()
        self.backbone, self.dropout = backbone, nn.Dropout(dropout)
        self.heads = nn.ModuleDict({h.task: nn.Linear(features, h.width) for h in heads})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        embedding = self.backbone(x)  # (N, features)
        dropped = self.dropout(embedding)
        return {task: layer(dropped) for task, layer in self.heads.items()} | {"embedding": embedding}


def parameter_counts(model: nn.Module) -> dict[str, int]:
    """total, trainable, non_trainable, by the Keras convention: BatchNorm's running mean and variance count as non-trainable."""
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    frozen = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    running = sum(b.numel() for n, b in model.named_buffers() if n.endswith(("running_mean", "running_var")))
    return {"total": trainable + frozen + running, "trainable": trainable, "non_trainable": frozen + running}

