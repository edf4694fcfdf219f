from __future__ import annotations

import numpy as np
import torch

from train.augment import augment
from train.recipe import Augment

NONE = Augment(flip=0, rotate=0, zoom=0, shift=0, light=0, lowres=0, blur=0, noise=0, jpeg=0, erase=0)


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
    changes = {"rotate": 10, "zoom": 0.12, "shift": 0.07, "light": 0.3, "lowres": 1, "blur": 1, "noise": 1, "jpeg": 1, "erase": 1}
    for field, value in changes.items():
        y = run(x, Augment(**{**NONE.__dict__, field: value}))
        difference = (y.int() - x.int()).abs().float().mean().item()
        assert 0.05 < difference < 60, (field, difference)
