"""`train plan`: time and memory from measured steps."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.errors import UserError
from tests.train.loop.test_continue import SMALL
from train.__main__ import main
from train.loop import estimate as estimation
from train.loop.estimate import describe, estimate
from train.loop.profile import TrainingProfile
from train.recipe.override import override
from train.recipe.recipe import Recipe, load


def small() -> Recipe:
    return override(load("mien_ferplus_utkface"), SMALL)


def measured(recipe: Recipe, *_: object) -> TrainingProfile:
    return TrainingProfile(
        recipe.batch,
        recipe.amp,
        {"images_per_s": 300.0},
        {"images_per_s": 150.0},
        2.0,
        3.0,
        "",
        {"accelerator": None, "processor": "two cores"},
    )


def test_a_plan_is_measured_on_this_machine(capsys: pytest.CaptureFixture) -> None:
    sets = [word for change in SMALL for word in ("--set", change)]
    assert main(["plan", "fer_cnn_a", "--images", "500", "--json", *sets[6:], "--epochs", "4"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["images"] == 500 and plan["epochs"] == 4 and plan["batch"] == 8
    assert plan["total_s"] == pytest.approx(4 * 500 / plan["images_per_s"])
    assert 50 < plan["memory_mb"] < plan["available_mb"]


def test_loading_and_training_share_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimation, "profile", measured)
    plan = estimate(small(), 36_000)
    assert plan.images_per_s == pytest.approx(100) and plan.epoch_s == pytest.approx(360)
    text = describe("mien_ferplus_utkface", small(), plan)
    assert "an epoch of 36,000 images takes 6 min, all 3 18 min" in text
    assert "--budget" not in text
    longer = replace(plan, epochs=30, total_s=30 * plan.epoch_s)
    assert "enough for 10 epochs" in describe("mien_ferplus_utkface", small(), longer)


@pytest.mark.parametrize(("fits", "advice"), [(4, "batch=4 --set accumulation=2"), (8, "")])
def test_a_batch_that_does_not_fit_is_halved(
    fits: int, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(recipe: Recipe, *_: object) -> TrainingProfile:
        if recipe.batch > fits:
            raise RuntimeError("CUDA out of memory")
        return measured(recipe)

    monkeypatch.setattr(estimation, "profile", limited)
    plan = estimate(small(), 100)
    assert plan.batch == fits and advice in describe("mien_ferplus_utkface", small(), plan)
    assert ("do not fit" in describe("mien_ferplus_utkface", small(), plan)) == bool(advice)


def test_a_network_that_never_fits_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> TrainingProfile:
        raise MemoryError("full")

    monkeypatch.setattr(estimation, "profile", never)
    with pytest.raises(UserError, match="batch of 2 samples to fit into memory, got: full"):
        estimate(small(), 100)
