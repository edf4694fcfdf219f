"""Frozen parts keep weights and BatchNorm statistics, until the epoch in which they learn."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.errors import UserError
from tests.train.conftest import part_of
from train.batches.collate import collate
from train.batches.pool import gather
from train.loop.trainer import Trainer
from train.network.freeze import freeze
from train.recipe.override import override
from train.recipe.recipe import Recipe, load
from train.recipe.settings import Freeze

SMALL = [
    "model.options.stem=8",
    "model.options.stages=[(16,1)]",
    "amp=no",
    "batch=8",
    "optim.weight_decay=0.1",
]


def small(*more: str) -> Recipe:
    return override(load("mien_ferplus_utkface"), [*SMALL, *more])


def steps(run: Trainer, recipe: Recipe, count: int = 3) -> None:
    pool = gather([part_of(recipe, 24)], recipe)
    draw = run.start_epoch()
    for i in range(count):
        run.schedule.before_step(i, count, count)
        run.train_step(collate(pool.batch(torch.arange(8) + 8 * (i % 3)), recipe, draw))


def test_frozen_weights_and_batchnorm_statistics_stay(tmp_path: Path) -> None:
    recipe = small("freeze.parts=backbone")
    run = Trainer(recipe, tmp_path)
    before = {k: v.clone() for k, v in run.network.state_dict().items()}
    steps(run, recipe)
    after = run.network.state_dict()
    assert any("running_mean" in k for k in before)
    for k in before:
        assert torch.equal(before[k], after[k]) == k.startswith("backbone."), k
    assert (
        not any(m.training for m in run.network.backbone.modules()) and run.network.heads.training
    )


def test_without_freezing_all_learns(tmp_path: Path) -> None:
    recipe = small()
    run = Trainer(recipe, tmp_path)
    before = {k: v.clone() for k, v in run.network.state_dict().items()}
    steps(run, recipe)
    assert [k for k, v in run.network.state_dict().items() if torch.equal(before[k], v)] == []


def test_parts_wake_up_after_their_epochs(tmp_path: Path) -> None:
    recipe = small("freeze.parts=backbone", "freeze.epochs=1")
    run = Trainer(recipe, tmp_path)
    before = run.network.backbone[0].weight.detach().clone()
    steps(run, recipe)
    assert torch.equal(before, run.network.backbone[0].weight)
    run.epoch = 1
    steps(run, recipe)
    assert not torch.equal(before, run.network.backbone[0].weight)
    assert all(m.training for m in run.network.modules())


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(UserError, match=r"\['backbon'\].*backbone"):
        freeze(torch.nn.ModuleDict({"backbone": torch.nn.Linear(2, 2)}), Freeze(("backbon",)))
