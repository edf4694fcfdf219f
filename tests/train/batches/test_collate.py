"""Batches made ahead are the same batches, and the input pipeline is at least three times as fast
as the fastest training.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import torch

from tests.train.conftest import part_of
from train.__main__ import main
from train.batches.collate import collate, prefetch
from train.batches.pool import Batch, gather
from train.loop.profile import MIN_RATIO, Clock, describe, profile
from train.recipe.override import override
from train.recipe.recipe import load


def test_batches_made_ahead_are_the_same() -> None:
    recipe = override(
        load("mien_ferplus_utkface"), ["mix.mixup=0.4", "mix.cutmix=1", "augment.elastic=0.5"]
    )
    pool = gather([part_of(recipe, 40)], recipe)
    order = list(torch.arange(40).chunk(5))
    prepared = []
    for wanted in (False, True):
        draw = torch.Generator().manual_seed(3)
        prepared.append(
            list(
                prefetch(
                    lambda index, draw=draw: collate(pool.batch(index), recipe, draw), order, wanted
                )
            )
        )
    for a, b in zip(*prepared, strict=True):
        assert torch.equal(a.x, b.x)
        assert all(
            torch.equal(a.targets[k], b.targets[k]) and torch.equal(a.weights[k], b.weights[k])
            for k in a.targets
        )


def test_the_next_batch_is_made_while_this_one_is_used() -> None:
    started = [threading.Event() for _ in range(3)]

    def make(index: torch.Tensor) -> Batch:
        started[int(index)].set()
        return Batch(index, {}, {})

    batches = prefetch(make, [torch.tensor(i) for i in range(3)], in_thread=True)
    assert int(next(batches).x) == 0
    assert started[1].wait(30) and not started[2].is_set()  # one ahead, not all
    assert [int(b.x) for b in batches] == [1, 2]


def test_a_failure_in_the_making_arrives() -> None:
    def make(index: torch.Tensor) -> Batch:
        raise OSError("a picture went away")

    with pytest.raises(OSError, match="went away"):
        list(prefetch(make, [torch.tensor(0)], in_thread=True))


def test_the_input_pipeline_keeps_up_with_the_fastest_recipe() -> None:
    recipe = load("fer_cnn_0")
    report = profile(recipe, [part_of(recipe, 512)], seconds=1)
    assert report.ratio >= MIN_RATIO and report.verdict == "keeps up", report
    assert report.loader["images_per_s"] / report.training["images_per_s"] == pytest.approx(
        report.ratio, rel=0.01
    )
    text = describe("fer_cnn_0", report)
    assert "keeps up" in text and f"{report.loader['images_per_s']:,.0f}" in text


def test_profile_prints_json_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    recipe = load("fer_cnn_0")
    monkeypatch.setattr("train.batches.data.load_parts", lambda *_: [part_of(recipe, 128)])
    monkeypatch.setattr("train.loop.profile.TURN_S", 5.0)  # one turn
    monkeypatch.setattr(
        Clock, "run", lambda clock, step, seconds: Clock.__init__(clock, step(), 0.5, 0.25)
    )
    assert (
        main(
            [
                "fer_cnn_0",
                "--data",
                str(tmp_path),
                "--out",
                str(tmp_path / "run"),
                "--profile",
                "--json",
            ]
        )
        == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert (
        report["recipe"] == "fer_cnn_0"
        and report["ratio"] == 1
        and report["verdict"] == "holds training up"
    )
    assert report["loader"] == {
        "images_per_s": 128,
        "images_per_cpu_s": 256,
        "images": 64,
        "seconds": 0.5,
    }
    assert not (tmp_path / "run").exists()


def test_the_profile_is_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("train.loop.distributed.world_size", lambda: 2)
    out = str(tmp_path / "run")
    assert main(["fer_cnn_0", "--data", str(tmp_path), "--out", out, "--profile"]) != 0
    assert "without torchrun" in capsys.readouterr().err
