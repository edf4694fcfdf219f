"""Runs in one process: stopped after an epoch and continued by new objects, they end at the same
weights; and warm starts.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.errors import UserError
from core.preprocess import to_input
from evaluation.training_runs.run_folder import LAST_CHECKPOINT
from tests.train.conftest import part_of
from train.loop.initialize import initialize
from train.loop.trainer import Trainer
from train.recipe.override import override
from train.recipe.recipe import Recipe, load
from train.runs import checkpoint

NAME = "mien_ferplus_utkface"
SMALL = [
    "model.options.stem=8",
    "model.options.stages=[(16,1)]",
    "model.options.dropout=0.3",
    "amp=no",
    "batch=8",
    "epochs=3",
    "ema=0.9",
]
WAYS = {
    "plateau": [
        "schedule.kind=plateau",
        "schedule.patience=0",
        "schedule.factor=0.1",
        "optim.lr=0.5",
    ],
    "restarts": ["schedule.kind=restarts", "schedule.period=1"],
    "one_cycle": ["schedule.kind=one_cycle", "accumulation=2"],
    "rest": ["accumulation=4"],  # of six batches: no epoch leaves a part of a step to the next
    "mix": ["mix.mixup=0.4", "mix.cutmix=1", "mix.probability=0.7"],
    "alternate": ["sampling.order=alternate"],
    "balanced": ["sampling.order=balanced", "augment.elastic=0.5"],
    "freeze": ["freeze.parts=backbone", "freeze.epochs=2"],
    "l2": ["optim.name=adam", "optim.weight_decay=0", "optim.l2={'backbone': 1e-3}"],
}


def parts(recipe: Recipe) -> list:
    return [
        part_of(recipe, 32, 1, "a", ("emotion",)),
        part_of(recipe, 16, 2, "b", ("gender", "age")),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_a_stopped_run_continues_exactly(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = override(load(NAME), [*SMALL, *WAYS[way]])
    full_run = Trainer(recipe, tmp_path / "whole")
    full_run.train(parts(recipe), parts(recipe))

    stopped = Trainer(recipe, tmp_path / "stopped")
    steps = iter(range(8))  # six batches an epoch: stops in the middle of the second

    def step(self: Trainer, *args: object) -> dict:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return whole_step(self, *args)

    whole_step = Trainer.train_step
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", step)
        with pytest.raises(KeyboardInterrupt):
            stopped.train(parts(recipe), parts(recipe))
    again = Trainer(recipe, tmp_path / "stopped")
    assert again.resume() and again.epoch == 1
    again.train(parts(recipe), parts(recipe))

    assert [row["lr"] for row in again.history] == [row["lr"] for row in full_run.history]
    expected, got = (
        checkpoint.load(tmp_path / name / LAST_CHECKPOINT) for name in ("whole", "stopped")
    )
    for kind in ("model", "ema"):
        assert all(torch.equal(expected[kind][k], got[kind][k]) for k in expected[kind]), kind
    if way == "plateau":
        assert (
            len({row["lr"] for row in full_run.history}) > 1
            or full_run.history[1]["val_loss"] < full_run.history[0]["val_loss"]
        )


@pytest.mark.parametrize(
    ("budget_s", "epochs"), [(60.0, 2), (None, 3), (1e9, 3), (1e-9, 1)], ids=str
)
def test_another_budget_changes_the_plan_of_a_resumed_run(
    budget_s: float | None, epochs: int, tmp_path: Path
) -> None:
    recipe = override(load(NAME), SMALL)
    short = Trainer(recipe, tmp_path)
    short.facts = replace(short.facts, budget_s=60.0)
    short.epoch, short.epochs, short.seconds = 1, 2, 30.0  # an epoch of 30 s: two of three fit
    checkpoint.save(tmp_path / LAST_CHECKPOINT, short.state_dict())
    again = Trainer(recipe, tmp_path)
    again.facts = replace(again.facts, budget_s=budget_s)
    assert again.resume() and (again.epoch, again.epochs) == (1, epochs)


def test_a_checkpoint_without_a_budget_keeps_its_plan(tmp_path: Path) -> None:
    recipe = override(load(NAME), SMALL)
    old = Trainer(recipe, tmp_path)
    old.epoch, old.epochs, old.seconds = 1, 2, 30.0
    state = {k: v for k, v in old.state_dict().items() if k != "budget_s"}
    checkpoint.save(tmp_path / LAST_CHECKPOINT, state)
    again = Trainer(recipe, tmp_path)
    again.facts = replace(again.facts, budget_s=1e9)
    assert again.resume() and again.epochs == 2


def test_keras_plateau_hears_the_penalty_of_the_validated_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = override(
        load(NAME),
        [*SMALL, *WAYS["l2"], "epochs=1", "schedule.kind=plateau", "schedule.counting=keras"],
    )
    run = Trainer(recipe, tmp_path)
    heard: list[tuple[float, float]] = []
    monkeypatch.setattr(run.schedule, "after_epoch", lambda *values: heard.append(values))
    run.train(parts(recipe), parts(recipe))
    kernels = (
        w
        for name, w in run.averaged.named_parameters()
        if name.startswith("backbone.") and w.ndim > 1
    )
    assert heard == [
        (
            run.history[0]["val_loss"],
            pytest.approx(1e-3 * sum(float(w.detach().square().sum()) for w in kernels)),
        )
    ]


def test_what_changes_no_weight_does_not_stop_a_resume(tmp_path: Path) -> None:
    recipe = override(load(NAME), [*SMALL, "epochs=1"])
    Trainer(recipe, tmp_path).train(parts(recipe), parts(recipe))
    assert Trainer(
        override(recipe, ["findings=('a word more',)", "source=elsewhere"]), tmp_path
    ).resume()
    with pytest.raises(UserError, match="other values of seed"):
        Trainer(override(recipe, ["seed=9"]), tmp_path).resume()


def test_a_run_on_fewer_samples_does_not_go_on_with_all(tmp_path: Path) -> None:
    recipe = override(load(NAME), [*SMALL, "epochs=1"])
    run = Trainer(recipe, tmp_path)
    run.facts = replace(run.facts, limit=32)
    run.train(parts(recipe), parts(recipe))
    full_run, again = Trainer(recipe, tmp_path), Trainer(recipe, tmp_path)
    again.facts = replace(again.facts, limit=32)
    with pytest.raises(UserError, match="with --limit 32, as it was begun, got no --limit"):
        full_run.resume()
    assert again.resume()


def test_patience_ends_a_run(tmp_path: Path) -> None:
    recipe = override(
        load(NAME), [*SMALL, "epochs=30", "patience=2", "min_delta=2"]
    )  # no epoch can gain 2 after the first
    run = Trainer(recipe, tmp_path)
    run.train(parts(recipe), parts(recipe))
    assert run.epoch == 3 and run.stale == 2


def test_a_warm_start_takes_what_fits(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    first = override(load(NAME), [*SMALL, "epochs=1"])
    run = Trainer(first, tmp_path / "first")
    run.train(parts(first), parts(first))
    second = override(load(NAME), [*SMALL, f"start={tmp_path / 'first'}", "seed=7"])
    four = load("fer_cnn_a").heads
    model = initialize(
        Recipe(
            heads=four,
            losses={"emotion": second.losses["emotion"]},
            data=("a",),
            model=second.model,
            start=second.start,
        )
    )
    theirs, mine = run.averaged.state_dict(), model.state_dict()
    assert all(torch.equal(theirs[k], mine[k]) for k in mine if k.startswith("backbone."))
    assert mine["heads.emotion.weight"].shape[0] == 4
    message = capsys.readouterr().err
    assert "new: heads.emotion.weight, heads.emotion.bias" in message.replace("\n", " ")
    with pytest.raises(UserError, match="none that fit"):
        initialize(override(load("fer_cnn_0"), [f"start={tmp_path / 'first'}"]))


def test_a_start_from_several_runs_is_the_mean_of_their_weights(tmp_path: Path) -> None:
    first = override(load(NAME), [*SMALL, "epochs=1"])
    runs = []
    for seed in (1, 2):
        run = Trainer(override(first, [f"seed={seed}"]), tmp_path / str(seed))
        run.train(parts(first), parts(first))
        runs.append(run.averaged.state_dict())
    mine = initialize(override(first, [f"start={tmp_path / '1'}, {tmp_path / '2'}"])).state_dict()
    for name, value in mine.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (runs[0][name] + runs[1][name]) / 2)
    assert not torch.equal(mine["heads.emotion.weight"], runs[0]["heads.emotion.weight"])

    other = override(first, ["model.options.stem=16"])
    Trainer(other, tmp_path / "3").train(parts(other), parts(other))
    with pytest.raises(UserError, match=r"weights of one network.* /.*3 than in .*1"):
        initialize(override(first, [f"start={tmp_path / '1'},{tmp_path / '3'}"]))
    with pytest.raises(UserError, match=r"at .*gone"):
        initialize(override(first, [f"start={tmp_path / '1'},{tmp_path / 'gone'}"]))


def test_a_start_with_finer_eyes_answers_as_before(tmp_path: Path) -> None:
    coarser = ["input.size=48", "model.options.stem_kernel=3", "model.options.stem_stride=1"]
    first = override(load(NAME), [*SMALL, *coarser, "epochs=1"])
    run = Trainer(first, tmp_path / "first")
    run.train(parts(first), parts(first))
    finer = [
        "input.size=96",
        "model.options.stem_kernel=6",
        "model.options.stem_stride=2",
        f"start={tmp_path / 'first'}",
    ]
    fine, coarse = initialize(override(first, finer)).eval(), run.averaged.eval()
    x = torch.randn(2, 1, 96, 96)
    theirs, mine = coarse(torch.nn.functional.avg_pool2d(x, 2)), fine(x)
    for name in theirs:
        torch.testing.assert_close(mine[name], theirs[name], rtol=1e-4, atol=1e-5)
    # each 2x2 pixels have mean 0
    checks = (torch.arange(96)[:, None] + torch.arange(96)) % 2 * 2.0 - 1
    with torch.no_grad():
        torch.testing.assert_close(
            fine(x + checks)["emotion"], mine["emotion"], rtol=1e-4, atol=1e-5
        )
        fine.backbone[0].weight[..., ::2, ::2] *= 1.5
    assert not torch.allclose(fine(x + checks)["emotion"], fine(x)["emotion"], atol=1e-4), (
        "it can learn to see what a mean hides"
    )


def test_a_start_in_colour_answers_as_on_the_grey_picture(tmp_path: Path) -> None:
    first = override(load(NAME), [*SMALL, "epochs=1"])
    run = Trainer(first, tmp_path / "first")
    run.train(parts(first), parts(first))
    changes = ["input.channels=3", f"start={tmp_path / 'first'}"]
    colour, grey = initialize(override(first, changes)).eval(), run.averaged.eval()
    pictures = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 3), np.uint8)
    pictures = pictures.repeat(16, 1).repeat(16, 2)
    grey_pictures = np.stack([cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)[..., None] for p in pictures])
    expected = grey(torch.from_numpy(to_input(grey_pictures, first.input)))
    spec = override(first, changes).input
    rgb, bgr = (
        colour(torch.from_numpy(to_input(np.ascontiguousarray(p), spec)))
        for p in (pictures, pictures[..., ::-1])
    )
    for name, values in expected.items():
        error = (rgb[name] - values).abs().max()  # grey pictures have whole levels
        assert error < 0.02 and error < (bgr[name] - values).abs().max() / 10


def test_history_has_figures_of_training_and_validation(tmp_path: Path) -> None:
    recipe = override(load(NAME), [*SMALL, "epochs=1"])
    run = Trainer(recipe, tmp_path)
    run.train(parts(recipe), parts(recipe))
    row = run.history[0]
    for side in ("train", "val"):
        assert {
            f"{side}_{k}" for k in ("loss", "emotion_accuracy", "gender_accuracy", "age_mae")
        } <= set(row)
        assert 0 <= row[f"{side}_emotion_accuracy"] <= 1 and row[f"{side}_age_mae"] > 0


def test_training_figures_count_known_samples_only() -> None:
    from train.loop.validate import batch_metric

    heads = {h.task: h for h in load(NAME).heads}
    out, target = torch.eye(8)[[0, 1, 2]], torch.eye(8)[[0, 1, 3]]
    assert batch_metric(out, target, torch.tensor([True, False, True]), heads["emotion"]) == (
        "emotion_accuracy",
        1.0,
        2,
    )
    years = load("agegendernet_ffhq").heads[0]
    name, total, n = batch_metric(
        torch.tensor([[30.0], [20.0]]),
        torch.tensor([25.0, 40.0]),
        torch.tensor([True, True]),
        years,
    )
    assert (name, total, n) == ("age_mae", 25.0, 2)
