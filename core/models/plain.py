"""A plain residual network for small crops.

Basic blocks (He et al., arXiv 1512.03385) with average-pooled shortcuts (ResNet-D, arXiv
1812.01187). From scratch, on about 45,000 crops, it learns several times faster per image than
mobile blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.artifacts.card import Head
from core.errors import UserError
from core.models.base.network import Network
from core.preprocess import InputSpec


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut: (N, inner, H, W) -> (N, outer, H / stride, W / stride).

    attention: a module after the second convolution. classic: He et al.'s own form, a strided
    shortcut and no start as identity.
    """

    def __init__(
        self,
        inner: int,
        outer: int,
        stride: int,
        attention: nn.Module | None = None,
        classic: bool = False,
    ) -> None:
        super().__init__()
        last = nn.BatchNorm2d(outer)
        self.body = nn.Sequential(
            nn.Conv2d(inner, outer, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outer),
            nn.ReLU(),
            nn.Conv2d(outer, outer, 3, 1, 1, bias=False),
            last,
        )
        if not classic:
            # The block starts as identity (Goyal et al., arXiv 1706.02677).
            nn.init.zeros_(last.weight)
        if attention:
            self.body.append(attention)
        pool = [] if classic else [nn.AvgPool2d(stride) if stride > 1 else nn.Identity()]
        project = (
            nn.Conv2d(inner, outer, 1, stride if classic else 1, bias=False)
            if stride > 1 or inner != outer
            else None
        )
        self.shortcut = (
            Shortcut(*pool, project, nn.BatchNorm2d(outer)) if project else nn.Identity()
        )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outer, H // stride, W // stride) of (N, inner, H, W)."""
        y: Tensor = self.relu(self.body(x) + self.shortcut(x))
        return y


class Shortcut(nn.Sequential):
    """A mean over S x S pixels, a 1x1 convolution and BatchNorm.

    (N, inner, H, W) -> (N, outer, H // stride, W // stride); without the mean at stride 1.
    """

    def fuse(self) -> nn.Conv2d:
        """Return one convolution with the same output in evaluation mode.

        A mean before a 1x1 convolution is an S x S one at stride S, each of its weights W / S^2;
        ONNX Runtime's INT8 mean costs more than the two convolutions beside it.
        """
        *pool, project, norm = self
        assert isinstance(project, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        joined = fuse_conv_bn_eval(project, norm)
        if not (pool and isinstance(pool[0], nn.AvgPool2d)):
            return joined
        side = int(pool[0].kernel_size)  # type: ignore[arg-type]  # always square here
        convolution = nn.Conv2d(joined.in_channels, joined.out_channels, side, side).to(
            joined.weight
        )
        convolution.load_state_dict(
            {"weight": joined.weight.expand(-1, -1, side, side) / side**2, "bias": joined.bias}
        )
        return convolution


def build(
    heads: Sequence[Head],
    spec: InputSpec,
    *,
    stem: int = 32,
    stem_stride: int = 1,
    stem_kernel: int = 3,
    stages: Sequence[tuple[int, int]] = ((64, 2), (128, 2), (256, 2)),
    without: Sequence[int] = (),
    dropout: float = 0.2,
    mirror: bool = False,
) -> Network:
    """Build the network.

    Args:
        heads: one output each.
        spec: its channels and size are the input's.
        stages: (channels, blocks); each stage halves the resolution in its first block.
        stem: channels of the first convolution.
        stem_kernel: pixels each way that the first convolution covers.
        stem_stride: its step. A kernel of 6 in steps of 2 costs next to nothing more than 3 in
            steps of 1 on half the side, and sees what that blurs.
        without: numbers, from 0, of blocks that are left out; the others keep their names, so that
            training can start from a network that has them all.
        dropout: before the heads.
        mirror: flip averaging, see `Network`.

    Raises:
        UserError: a block that is left out does not exist, or its stage cannot do without it.
    """
    layers: list[nn.Module] = [
        nn.Conv2d(
            spec.channels,
            stem,
            stem_kernel,
            stem_stride,
            (stem_kernel - stem_stride + 1) // 2,
            bias=False,
        ),
        nn.BatchNorm2d(stem),
        nn.ReLU(),
    ]
    inner, removable, number = stem, [], 0
    for outer, blocks in stages:
        for i in range(blocks):
            layers.append(
                nn.Identity()
                if number in without and i
                else Block(inner, outer, 2 if i == 0 else 1)
            )
            removable += [number] if i else []
            inner, number = outer, number + 1
    if unknown := set(without) - set(removable):
        raise UserError(
            f"Expected `without` to name blocks among {removable}, got {sorted(unknown)}."
        )
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return Network(nn.Sequential(*layers), inner, heads, dropout, mirror=mirror)
