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
    assert prerequisites.order("mien_student") == ("mien_teacher", "mien_student")
    assert prerequisites.order("agegendernet_wiki") == ("agegendernet_utkface", "agegendernet_wiki")
    assert prerequisites.order("fer_cnn_0") == ("fer_cnn_0",)
    unknown = ["start=/elsewhere/mien_teacher", "distill.teachers=runs/unknown"]
    assert prerequisites.links(override(load("mien_student"), unknown)) == ()
    several = override(load("fer_cnn_0"), ["start=runs/fer_cnn_a,runs/fer_cnn_b"])
    assert prerequisites.links(several) == ("fer_cnn_a", "fer_cnn_b")


def test_a_recipe_comes_after_all_that_it_builds_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    builds_on = {"last": ("left", "right"), "left": ("first",), "right": ("first", "other")}
    chain = {
        name: override(
            load("fer_cnn_0"),
            [f"distill.teachers={','.join(f'runs/{n}' for n in builds_on.get(name, ()))}"],
        )
        for name in ("first", "left", "right", "other", "last")
    }
    monkeypatch.setattr(prerequisites, "load", chain.__getitem__)
    monkeypatch.setattr(prerequisites.registry, "names", lambda _: tuple(chain))
    assert prerequisites.order("last") == ("first", "left", "other", "right", "last")


FIRST = load("mien_teacher")
TWO_SETS = (
    *("--set", "data=('ferplus','utkface')"),
    *("--set", "validation=()"),
    *("--set", "sampling.order=shuffle"),
)


def written(root: Path, recipe: Recipe = FIRST, **more: Any) -> None:
    """A summary of runs/mien_teacher."""
    folder = root / "runs" / "mien_teacher"
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
        (root / "runs" / "mien_teacher" / "summary.json").write_text(text)
    assert not prerequisites.finished("mien_teacher", FIRST)


@pytest.mark.parametrize("state", ["finished", "stopped early", "unfinished"])
def test_finished_is_what_its_summary_says(root: Path, state: str) -> None:
    written(root, override(FIRST, ["source=elsewhere"]), state=state)
    assert prerequisites.finished("mien_teacher", FIRST) == (state != "unfinished")


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
    with pytest.raises(UserError, match=f"mien_teacher.* another {what}; move it away"):
        prerequisites.finished("mien_teacher", FIRST)


def test_a_toy_run_serves_toy_runs(root: Path) -> None:
    written(root, limit=300, epochs={"planned": 1, "recipe": 24})
    assert prerequisites.finished("mien_teacher", FIRST, limit=300, budgeted=True)


@pytest.mark.parametrize(
    ("start", "arguments", "message"),
    [
        ("mien_student/last.pt", ["mien_student"], "empty run folder.*--resume"),
        ("mien_teacher/summary.json", ["mien_student"], "mien_teacher.* another --limit"),
        (
            None,
            ["mien_student", "--set", "start=elsewhere"],
            "train mien_student --set start=elsewhere",
        ),
        # what it builds on has no such loss
        (
            None,
            ["agegendernet_emotion_frozen", "--set", "losses.emotion.weight=2"],
            "got .emotion. in --set",
        ),
    ],
)
def test_what_cannot_end_well_is_refused_before_anything_is_trained(
    root: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    start: str | None,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setattr(fit, "train_and_export", lambda job, recipe: pytest.fail("trains"))
    if start:
        recipe = load(Path(start).parts[0])
        (root / "runs" / start).parent.mkdir(parents=True)
        written(root, recipe, limit=300)
        (root / "runs" / "mien_teacher" / "summary.json").rename(root / "runs" / start)
    assert main([*arguments, "--prerequisites", "--data", str(root)]) == 2
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
    assert main(["mien_student", "--prerequisites", "--data", str(root), "--budget", "90m"]) == 0
    epochs = {name: load(name).epochs for name in ("mien_teacher", "mien_student")}
    shares = {name: 5400 * n / sum(epochs.values()) for name, n in epochs.items()}
    assert called == pytest.approx(shares)
    called.clear()
    written(root, epochs={"planned": 3, "recipe": FIRST.epochs})
    assert main(["mien_student", "--prerequisites", "--data", str(root), "--budget", "90m"]) == 0
    assert called == {"mien_student": 5400}


def test_asking_the_teachers_is_inside_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, small = itertools.count(), [*SMALL_NET[1::2], "epochs=3", "batch=8"]
    recipe = override(load("mien_ferplus_utkface"), small)
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
        *TWO_SETS,
    ]
    assert main(["mien_student", *command]) == 2  # it does not train others by accident
    assert "runs/mien_teacher" in capsys.readouterr().err
    chain = ("mien_student", "--prerequisites")
    assert main([*chain, *command]) == 0
    assert "mien_teacher, which comes first" in capsys.readouterr().err
    folders = {name: root / "runs" / name for name in prerequisites.order("mien_student")}
    assert all((folder / "bundle" / "model.onnx").is_file() for folder in folders.values())
    kept = json.loads((folders["mien_student"] / "recipe.json").read_text())
    assert kept["start"] == "runs/mien_teacher"
    assert kept["distill"]["teachers"] == ["runs/mien_teacher"]
    before = (folders["mien_teacher"] / "last.pt").stat().st_mtime_ns
    assert json.loads((folders["mien_teacher"] / "summary.json").read_text())["limit"] == 60
    assert main([*chain, *command, "--resume"]) == 0
    assert (
        "comes first" not in capsys.readouterr().err
        and (folders["mien_teacher"] / "last.pt").stat().st_mtime_ns == before
    )
