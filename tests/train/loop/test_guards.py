"""What stops a run, with advice: another data set, divergence, memory that runs out; and what a
longer schedule does to the learning rate.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from evaluation.training_runs.run_folder import BEST_CHECKPOINT
from tests.train.conftest import part_of
from tests.train.loop.test_continue import SMALL
from train.loop import divergence, memory
from train.loop.setup import precision
from train.loop.trainer import Trainer
from train.loop.validate import WORST_AGE_MAE, age_of, class_of, outputs, validate
from train.recipe.override import override
from train.recipe.recipe import Recipe, load
from train.runs import checkpoint

DATA = {"a train": "1" * 64, "a val": "2" * 64}


def small(*changes: str) -> Recipe:
    return override(load("mien_ferplus_utkface"), [*SMALL, "ema=0", "epochs=2", *changes])


def trainer(recipe: Recipe, folder: Path, data: dict[str, str] | None = None) -> Trainer:
    run = Trainer(recipe, folder)
    run.facts = replace(run.facts, data=data)
    return run


def train(run: Trainer) -> None:
    parts = [part_of(run.recipe, 24)]
    run.train(parts, parts)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (DATA | {"a train": "3" * 64}, "a train"),
        (DATA | {"a train": "3" * 64, "a val": "4" * 64}, "a train, a val"),
        ({"a train": DATA["a train"]}, "a val"),
        (DATA | {"b train": "5" * 64}, "b train"),
    ],
)
def test_other_data_are_not_resumed(tmp_path: Path, data: dict[str, str], named: str) -> None:
    recipe = small("epochs=1")
    train(trainer(recipe, tmp_path, DATA))
    with pytest.raises(UserError, match=f"same data, got .* in {named};.*another --out"):
        trainer(recipe, tmp_path, data).resume()
    assert trainer(recipe, tmp_path, dict(DATA)).resume()


def test_older_checkpoints_without_fingerprints_are_resumed(tmp_path: Path) -> None:
    train(trainer(small("epochs=1"), tmp_path, None))
    assert trainer(small("epochs=1"), tmp_path, DATA).resume()


@pytest.mark.parametrize("kind", ["one_cycle", "cosine", "warmup_cosine"])
def test_a_longer_schedule_says_that_the_rate_jumps_and_can_keep_it(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture
) -> None:
    recipe = small(f"schedule.kind={kind}")
    run = trainer(recipe, tmp_path)
    train(run)
    last = run.history[-1]["lr"]
    longer = replace(recipe, epochs=8)
    jumping = trainer(longer, tmp_path)
    capfd.readouterr()
    jumping.resume()
    assert "raises the learning rate from" in capfd.readouterr().err
    keeping = trainer(longer, tmp_path)
    keeping.resume(keep_lr=True)
    assert "stays at" in capfd.readouterr().err
    train(keeping)
    assert {row["lr"] for row in keeping.history[2:]} == {last}
    again = trainer(longer, tmp_path)  # the choice is part of the checkpoint
    assert again.resume() and again.schedule.held_lr == last


@pytest.mark.parametrize("kind", ["constant", "restarts", "plateau"])
def test_schedules_that_do_not_depend_on_the_epochs_say_nothing(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture
) -> None:
    recipe = small(f"schedule.kind={kind}", "schedule.period=1")
    train(trainer(recipe, tmp_path))
    capfd.readouterr()
    trainer(replace(recipe, epochs=8), tmp_path).resume()
    assert "learning rate" not in capfd.readouterr().err


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 2.1e4])
def test_a_loss_beyond_all_bounds_is_refused(loss: float) -> None:
    with pytest.raises(UserError, match=r"at step 7.*optim.lr=0.1"):
        divergence.check_loss(loss, 2.0, 7, 0.3)
    divergence.check_loss(1.9e4, 2.0, 7, 0.3)
    divergence.check_loss(5.0, 0.0, 7, 0.3)  # a start of 0 says nothing


def test_a_run_that_diverges_stops_before_it_is_saved(tmp_path: Path) -> None:
    recipe = small("optim.name=sgd", "optim.lr=1e9", "optim.clip=0", "schedule.kind=constant")
    run = trainer(recipe, tmp_path)
    with pytest.raises(UserError, match=r"try --set optim.lr=3e\+08"):
        train(run)
    assert not (tmp_path / BEST_CHECKPOINT).exists()


@pytest.mark.parametrize("what", ["weight", "running_var"])
def test_weights_that_are_not_finite_stop_a_run(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trainer(small(), tmp_path)
    epoch = run.train_epoch

    def spoilt(*arguments: object) -> dict[str, float]:
        row = epoch(*arguments)
        state = run.network.state_dict()
        name = next(n for n in state if n.endswith(what))
        state[name].view(-1)[0] = float("nan")
        return row

    monkeypatch.setattr(run, "train_epoch", spoilt)
    with pytest.raises(UserError, match=f"finite weights after epoch 1, got .*{what}.*optim.lr="):
        train(run)
    assert not (tmp_path / BEST_CHECKPOINT).exists()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
)
@pytest.mark.parametrize(("fits", "advice"), [(3, "batch=2 --set accumulation=8"), (1, "not even")])
def test_running_out_of_memory_names_what_fits(
    tmp_path: Path, error: Exception, fits: int, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trainer(small("accumulation=2"), tmp_path)
    step = run.train_step

    def limited(batch: object, update: bool = True) -> dict[str, float]:
        if len(batch) > fits:
            raise error
        return step(batch, update)

    monkeypatch.setattr(run, "train_step", limited)
    with pytest.raises(UserError, match=f"batches of 8 samples.*{advice}"):
        train(run)


def test_other_errors_are_not_taken_for_memory() -> None:
    assert not memory.is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
    assert not memory.is_out_of_memory(OSError("out of memory"))


@pytest.mark.parametrize(
    ("amp", "has_cuda", "has_bf16", "expected"),
    [
        ("fp16", False, False, "bf16"),
        ("fp16", True, True, "fp16"),
        ("bf16", True, True, "bf16"),
        ("bf16", True, False, "fp16"),
        ("bf16", False, False, "bf16"),
        ("no", True, False, "no"),
    ],
)
def test_precision_is_what_the_device_can_do(
    amp: str, has_cuda: bool, has_bf16: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    assert precision(amp) == expected


@pytest.mark.parametrize("monitor", ["loss", "emotion_accuracy", "gender_accuracy", "age_mae"])
def test_the_best_epoch_is_selected_by_what_the_recipe_monitors(
    tmp_path: Path, monitor: str
) -> None:
    recipe = small(f"monitor={monitor}", "epochs=4", "optim.lr=0.05")
    run = trainer(recipe, tmp_path)
    train(run)
    values = [row[f"val_{monitor}"] for row in run.history]
    best = min(values) if monitor in ("loss", "age_mae") else max(values)
    epoch = checkpoint.load(tmp_path / BEST_CHECKPOINT)["epoch"]
    if monitor != "age_mae" or best < WORST_AGE_MAE:
        assert values[epoch - 1] == best


def test_a_figure_that_the_heads_do_not_have_is_not_monitored() -> None:
    with pytest.raises(UserError, match="monitor to be score, loss or emotion_accuracy, got 'age"):
        override(load("fer_cnn_a"), ["monitor=age_mae"])


def test_validation_has_the_spread_of_age_errors_and_sad_against_neutral(tmp_path: Path) -> None:
    recipe = small()
    part = part_of(recipe, 64)
    network = trainer(recipe, tmp_path).network
    figures = validate(network, [part], recipe)
    out = outputs(network, part.crops, recipe.input)
    heads = {head.task: head for head in recipe.heads}
    errors = np.abs(age_of(out["age"], heads["age"]) - part.samples.age)
    errors = errors[~np.isnan(errors)]
    assert figures["age_error_sd"] == pytest.approx(float(errors.std()), rel=1e-5)
    labels = heads["emotion"].labels
    sad, neutral = labels.index("sadness"), labels.index("neutral")
    predicted = class_of(out["emotion"], heads["emotion"])
    for name, a, b in (("sadness_as_neutral", sad, neutral), ("neutral_as_sadness", neutral, sad)):
        rows = part.samples.emotion == a
        assert figures[name] == (predicted[rows] == b).mean()
