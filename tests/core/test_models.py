"""Architectures against what their papers and the reference implementations say of their size."""

from __future__ import annotations

import pytest
import torch

from core.artifacts.card import Head
from core.errors import UserError
from core.labels import FERPLUS8
from core.models import mobilenet_v1, plain, vgg13
from core.models.base.network import parameter_counts
from core.preprocess import InputSpec

EMOTION = (Head("emotion", "softmax", FERPLUS8.labels, "emotion"),)


def test_vgg13_of_the_fer_plus_paper() -> None:
    model = vgg13.build(EMOTION, InputSpec(size=64)).eval()
    assert round(parameter_counts(model)["total"] / 1e6, 2) == 8.76, (
        "about 8.75 million, says the paper"
    )
    assert sum(isinstance(m, torch.nn.Conv2d) for m in model.modules()) == 10
    out = model(torch.zeros(3, 1, 64, 64))
    assert out["emotion"].shape == (3, 8) and out["embedding"].shape == (3, 1024)


def test_mobilenet_v1_at_a_quarter() -> None:
    spec = InputSpec(size=96, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
    model = mobilenet_v1.build(EMOTION, spec).eval()
    assert parameter_counts(model.backbone) == {
        "total": 218_544,
        "trainable": 213_072,
        "non_trainable": 5_472,
    }, "as Keras counts it"
    out = model(torch.zeros(2, 3, 96, 96))
    assert out["emotion"].shape == (2, 8) and out["embedding"].shape == (2, 256)
    assert model.backbone[:-2](torch.zeros(1, 3, 96, 96)).shape == (1, 256, 3, 3), (
        "a thirty-second of the side"
    )


@pytest.mark.parametrize(
    ("stride", "inner", "side"), [(2, 4, 12), (2, 4, 9), (3, 4, 9), (1, 4, 12)]
)
def test_a_pooled_shortcut_is_one_convolution(stride: int, inner: int, side: int) -> None:
    block = plain.Block(inner, 8, stride).double().eval()
    norm = block.shortcut[-1]
    for value in (norm.weight, norm.bias, norm.running_mean):
        torch.nn.init.normal_(value.data)
    norm.running_var.uniform_(0.5, 2)
    folded = block.shortcut.fuse()
    assert isinstance(folded, torch.nn.Conv2d) and folded.kernel_size == folded.stride == (
        stride,
        stride,
    )
    x = torch.randn(2, inner, side, side, dtype=torch.float64)
    torch.testing.assert_close(folded(x), block.shortcut(x), rtol=1e-9, atol=1e-9)


def test_a_strided_shortcut_is_one_convolution() -> None:
    block = plain.Block(4, 8, 2, classic=True).double().eval()
    block.shortcut[-1].running_var.uniform_(0.5, 2)
    x = torch.randn(2, 4, 10, 10, dtype=torch.float64)
    torch.testing.assert_close(block.shortcut.fuse()(x), block.shortcut(x), rtol=1e-9, atol=1e-9)


def test_blocks_are_left_out_and_the_others_keep_their_names() -> None:
    stages, spec = [(8, 2), (12, 3)], InputSpec(size=24)
    full, short = (
        plain.build(EMOTION, spec, stem=4, stages=stages, without=without).eval()
        for without in ((), (1, 3))
    )
    names = set(full.state_dict()) - set(short.state_dict())
    assert {name.split(".")[1] for name in names} == {"4", "6"} and set(short.state_dict()) < set(
        full.state_dict()
    )
    short.load_state_dict({name: full.state_dict()[name] for name in short.state_dict()})
    x = torch.randn(2, 1, 24, 24)
    torch.testing.assert_close(
        short(x)["embedding"], full(x)["embedding"]
    )  # fresh blocks change nothing
    for wrong in (0, 2, 5):
        with pytest.raises(UserError, match=r"among \[1, 3, 4\], got"):
            plain.build(EMOTION, spec, stem=4, stages=stages, without=(wrong,))
