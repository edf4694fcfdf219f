"""Augmentation: the same draw for the same seed, and each change does something within bounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from train.batches.augment import augment
from train.batches.geometry import CHANGES
from train.recipe.settings import NO_AUGMENT as NONE
from train.recipe.settings import Augment


def crops(portrait: np.ndarray, n: int = 32) -> torch.Tensor:
    grey = torch.from_numpy(portrait[64:160:2, 180:276:2].mean(axis=2).astype(np.uint8))
    return grey.expand(n, 1, 48, 48).clone()


def run(x: torch.Tensor, how: Augment, seed: int = 0) -> torch.Tensor:
    return augment(x, how, torch.Generator().manual_seed(seed))


def test_without_changes_nothing_changes(portrait: np.ndarray) -> None:
    x = crops(portrait)
    assert torch.equal(run(x, NONE), x)


def test_same_seed_same_draw_and_input_untouched(portrait: np.ndarray) -> None:
    x = crops(portrait)
    kept = x.clone()
    a, b = run(x, Augment(), 3), run(x, Augment(), 3)
    assert torch.equal(a, b) and torch.equal(x, kept)
    assert a.dtype == torch.uint8 and a.shape == x.shape
    assert not torch.equal(a, run(x, Augment(), 4))
    assert len({row.numpy().tobytes() for row in a}) == len(a)  # each sample has its own draw


def test_flip_mirrors_exactly(portrait: np.ndarray) -> None:
    x = crops(portrait)
    assert torch.equal(run(x, Augment(**{**NONE.__dict__, "flip": 1.0})), x.flip(-1))


def test_each_change_does_something_bounded(portrait: np.ndarray) -> None:
    x = crops(portrait)
    changes = {
        "rotate": 10,
        "zoom": 0.12,
        "shift": 0.07,
        "light": 0.3,
        "lowres": 1,
        "blur": 1,
        "noise": 1,
        "jpeg": 1,
        "erase": 1,
    }
    for field, value in changes.items():
        y = run(x, Augment(**{**NONE.__dict__, field: value}))
        difference = (y.int() - x.int()).abs().float().mean().item()
        assert 0.05 < difference < 60, (field, difference)


def test_a_blur_is_as_wide_as_it_says() -> None:
    x = torch.zeros(64, 1, 33, 33, dtype=torch.uint8)
    x[..., 16] = 255
    widest = 0.0
    for seed in range(20):
        rows = run(x, Augment(**{**NONE.__dict__, "blur": 1.0, "blur_max": 3.0}), seed)[
            :, 0, 16
        ].double()
        rows = rows / rows.sum(dim=1, keepdim=True)
        widest = max(widest, float((rows * (torch.arange(33.0) - 16) ** 2).sum(dim=1).sqrt().max()))
    assert 2.4 < widest < 3.0, (
        "a Gaussian of sigma 3, cut at two sigmas, has a standard deviation of 2.6"
    )


@pytest.mark.parametrize("name", CHANGES)
def test_each_distortion_does_something_bounded(name: str, portrait: np.ndarray) -> None:
    """On colour of two sizes and on grey; each sample has its own draw, and a grey picture has no
    colour to change.
    """
    colour = torch.from_numpy(portrait[64:160, 180:276].copy()).permute(2, 0, 1)
    for x in (
        colour.expand(6, 3, 96, 96).clone(),
        colour[:, ::2, ::2].expand(6, 3, 48, 48).clone(),
        crops(portrait, 6),
    ):
        how = Augment(**{**NONE.__dict__, name: 1.0})
        y = run(x.clone(), how)
        assert y.dtype == torch.uint8 and y.shape == x.shape
        assert torch.equal(y, run(x.clone(), how))
        drawn = name not in ("equalise", "median") and not (
            x.shape[1] == 1 and name in ("hue", "saturation")
        )
        assert drawn != torch.equal(y, run(x.clone(), how, 1))
        difference = (y.int() - x.int()).abs().float().mean().item()
        if x.shape[1] == 1 and name in ("hue", "saturation"):
            assert difference == 0
        else:
            assert 0.02 < difference < 60, (name, difference)


def test_changes_that_are_off_leave_the_others_draws_alone(portrait: np.ndarray) -> None:
    """Or a resumed run of an older recipe would see other pictures."""
    x = crops(portrait)
    draw = torch.Generator().manual_seed(0)
    augment(x, Augment(), draw)
    again = torch.Generator().manual_seed(0)
    augment(x, Augment(**{f: v for f, v in Augment().__dict__.items() if f not in CHANGES}), again)
    assert torch.equal(draw.get_state(), again.get_state())
