"""Recipes that build on others: the order, what is finished, and one with all that it builds on,
from nothing.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import UserError
from tests.train.conftest import SMALL_NET, part_of
from train import fit
from train.__main__ import main
from train.loop import run_state, teachers, trainer
from train.recipe.override import override
from train.recipe.recipe import Recipe, load
from train.runs import prerequisites, trained_weights


@pytest.fixture()
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of its own for runs/."""
    for module in (prerequisites, trained_weights, fit):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_comes_first() -> None:
    assert prerequisites.order("mien") == ("mien",)  # it starts from a release
    assert prerequisites.order("mien_0_4") == (
        "mien_first",
        "mien_second",
        "mien_third",
        "mien_emotion",
        "mien_fourth",
        "mien_strong",
        "mien_fine",
        "mien_again",
        "mien_0_4",
    )
    assert prerequisites.order("mobileone_s2_distill") == ("resnet50", "mobileone_s2_distill")
    assert prerequisites.order("fer_cnn_0") == ("fer_cnn_0",)
    assert (
        prerequisites.links(
            override(
                load("mien_0_4"), ["start=/elsewhere/mien_third", "distill.teachers=runs/unknown"]
            )
        )
        == ()
    )
    assert prerequisites.links(
        override(load("mien_first"), ["start=runs/mien_second,runs/mien_third"])
    ) == ("mien_second", "mien_third")


FIRST = load("mien_first")
CHAIN = ("mien_0_4", "--prerequisites")


def written(root: Path, recipe: Recipe = FIRST, **more: Any) -> None:
    """A summary of runs/mien_first."""
    folder = root / "runs" / "mien_first"
    folder.mkdir(parents=True, exist_ok=True)
    recipes = {
        "state": "finished",
        "recipe": recipe.to_dict(),
        "epochs": {"planned": recipe.epochs, "recipe": recipe.epochs},
    }
    (folder / "summary.json").write_text(json.dumps(recipes | more))


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"state": "finished"}'])
def test_a_folder_without_a_whole_summary_is_not_finished(root: Path, text: str | None) -> None:
    if text is not None:
        written(root)
        (root / "runs" / "mien_first" / "summary.json").write_text(text)
    assert not prerequisites.finished("mien_first", FIRST)


@pytest.mark.parametrize("state", ["finished", "stopped early", "unfinished"])
def test_finished_is_what_its_summary_says(root: Path, state: str) -> None:
    written(root, override(FIRST, ["source=elsewhere"]), state=state)
    assert prerequisites.finished("mien_first", FIRST) == (state != "unfinished")


@pytest.mark.parametrize(
    ("summary", "what"),
    [
        ({"recipe": override(FIRST, ["epochs=1"])}, "epochs"),
        ({"recipe": override(FIRST, ["optim.lr=1", "batch=2"])}, "optim, batch"),
        ({"limit": 300}, "--limit"),
        ({"limit": 300, "state": "unfinished"}, "--limit"),
        ({"epochs": {"planned": 1, "recipe": 24}}, "--budget"),
    ],
)
def test_a_toy_run_is_not_taken_for_the_real_one(
    root: Path, summary: dict[str, Any], what: str
) -> None:
    written(root, **summary)
    with pytest.raises(UserError, match=f"mien_first.* another {what}; move it away"):
        prerequisites.finished("mien_first", FIRST)


def test_a_toy_run_serves_toy_runs(root: Path) -> None:
    written(root, limit=300, epochs={"planned": 1, "recipe": 24})
    assert prerequisites.finished("mien_first", FIRST, limit=300, budgeted=True)


@pytest.mark.parametrize(
    ("start", "more", "message"),
    [
        ("mien_0_4/last.pt", [], "empty run folder.*--resume"),
        ("mien_third/summary.json", [], "mien_third.* another --limit"),
        (None, ["--set", "start=elsewhere"], "train mien_0_4 --set start=elsewhere"),
        (
            None,
            ["--set", "losses.gender.weight=2"],
            "gender",
        ),  # the teacher of emotions has no such loss
    ],
)
def test_what_cannot_end_well_is_refused_before_anything_is_trained(
    root: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    start: str | None,
    more: list[str],
    message: str,
) -> None:
    monkeypatch.setattr(fit, "train_and_export", lambda job, recipe: pytest.fail("trains"))
    if start:
        recipe = load(Path(start).parts[0])
        (root / "runs" / start).parent.mkdir(parents=True)
        written(root, recipe, limit=300)
        (root / "runs" / "mien_first" / "summary.json").rename(root / "runs" / start)
    assert main([*CHAIN, "--data", str(root), *more]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_budget_is_shared_by_those_left_to_train(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = {}
    monkeypatch.setattr(
        fit,
        "train_and_export",
        lambda job, recipe: called.update({job.recipe: job.budget_s}),
    )
    written(root, epochs={"planned": 3, "recipe": 24})
    assert main([*CHAIN, "--data", str(root), "--budget", "90m"]) == 0
    epochs = {
        name: load(name).epochs for name in prerequisites.order("mien_0_4") if name != "mien_first"
    }
    assert called == pytest.approx(
        {name: 5400 * n / sum(epochs.values()) for name, n in epochs.items()}
    )


def test_asking_the_teachers_is_inside_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, small = itertools.count(), [*SMALL_NET[1::2], "epochs=3", "batch=8"]
    recipe = override(FIRST, small)
    part = part_of(recipe, 16)

    def slow(*given: Any) -> dict[str, np.ndarray]:
        for _ in range(2000):
            next(clock)
        return {}

    for taught, done in ((lambda *given: {}, 3), (slow, 1)):
        monkeypatch.setattr(teachers, "teacher_targets", taught)
        for module in (trainer, run_state):
            monkeypatch.setattr(module, "monotonic", lambda: float(next(clock)))
        run = trainer.Trainer(recipe, tmp_path / str(done))
        run.train([part], [part], 1000.0)
        assert run.epoch == done


def test_prerequisites_are_trained_and_none_twice(
    root: Path, small_data: Path, capsys: pytest.CaptureFixture
) -> None:
    command = [
        "--data",
        str(small_data),
        "--epochs",
        "1",
        "--limit",
        "60",
        *SMALL_NET,
        "--set",
        "compile=false",
    ]
    assert main(["mien_third", *command]) == 2  # it does not train others by accident
    assert "runs/mien_second" in capsys.readouterr().err
    chain = ("mien_third", "--prerequisites")
    assert main([*chain, *command]) == 0
    message = capsys.readouterr().err
    assert message.index("mien_first, which comes first") < message.index(
        "mien_second, which comes first"
    )
    folders = {name: root / "runs" / name for name in prerequisites.order("mien_third")}
    assert all((folder / "bundle" / "model.onnx").is_file() for folder in folders.values())
    kept = json.loads((folders["mien_third"] / "recipe.json").read_text())
    assert kept["start"] == "runs/mien_second"
    assert kept["distill"]["teachers"] == ["runs/mien_first", "runs/mien_second"]
    before = (folders["mien_first"] / "last.pt").stat().st_mtime_ns
    assert json.loads((folders["mien_first"] / "summary.json").read_text())["limit"] == 60
    assert main([*chain, *command, "--resume"]) == 0
    assert (
        "comes first" not in capsys.readouterr().err
        and (folders["mien_first"] / "last.pt").stat().st_mtime_ns == before
    )
