"""Learning from teachers: the losses by hand, what they say of every crop, and runs that learn from
them alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.artifacts.card import Head
from core.errors import UserError
from core.faces import best_detector
from core.labels import GENDER2
from tests.train.conftest import part_of
from train.batches.data import DatasetPart, load_parts
from train.batches.pool import TEACHER_PREFIX, gather
from train.loop import distill, teachers
from train.loop.initialize import load_network
from train.loop.trainer import Trainer
from train.loop.validate import outputs
from train.recipe.override import override
from train.recipe.recipe import AGE, GENDER, YEARS, Recipe, from_dict, load
from train.recipe.settings import Distill
from train.runs import checkpoint

SMALL = ["model.options.stem=8", "model.options.stages=[(16,1)]", "amp=no", "batch=8", "epochs=1"]


def student(*more: str) -> Recipe:
    return override(load("mien_ferplus_utkface"), [*SMALL, "distill.teachers=()", *more])


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    recipe = student("seed=3")
    Trainer(recipe, folder).train([part_of(recipe, 24)], [part_of(recipe, 16)])
    return folder


def test_the_loss_of_classes_by_hand() -> None:
    z, q, t = (
        torch.tensor([[1.0, -1.0]], dtype=torch.float64),
        torch.tensor([[0.8, 0.2]], dtype=torch.float64),
        2.0,
    )
    p = np.exp([0.5, -0.5]) / np.exp([0.5, -0.5]).sum()
    soft = np.sqrt([0.8, 0.2]) / np.sqrt([0.8, 0.2]).sum()
    assert distill.distillation_loss(z, q, GENDER, t).item() == pytest.approx(
        t**2 * float(np.sum(soft * np.log(soft / p)))
    )
    same = distill.distillation_loss(q.log(), q, GENDER, t)
    assert same.item() == pytest.approx(0, abs=1e-12)


def test_the_loss_of_an_age_distribution_is_divergence_and_distance() -> None:
    taught = torch.zeros(1, 101, dtype=torch.float64)
    taught[0, [30, 40]] = 0.5
    near, far = (taught.roll(by, 1).clamp(min=1e-6).log() for by in (1, 20))
    assert distill.distillation_loss(taught.clamp(min=1e-8).log(), taught, AGE).item() < 1e-4
    assert (
        0
        < distill.distillation_loss(near, taught, AGE).item()
        < distill.distillation_loss(far, taught, AGE).item()
    )
    assert (
        distill.distillation_loss(far, taught, AGE, 4.0).item()
        == distill.distillation_loss(far, taught, AGE, 1.0).item()
    )  # the temperature is the classes'
    assert (
        distill.distillation_loss(torch.tensor([[31.0]]), torch.tensor([35.0]), YEARS).item() == 4
    )


def test_a_sigmoid_head_learns_what_a_softmax_head_would() -> None:
    z, q = torch.tensor([[0.7]]), torch.tensor([[0.9, 0.1]])
    sigmoid = Head("gender", "sigmoid", GENDER2.labels, "gender")
    assert torch.equal(
        distill.distillation_loss(z, q, sigmoid),
        distill.distillation_loss(torch.tensor([[0.7, 0.0]]), q, GENDER),
    )


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_gradients(temperature: float) -> None:
    torch.manual_seed(0)
    for head, taught in ((GENDER, torch.rand(3, 2)), (AGE, torch.rand(3, 101))):
        q = (taught / taught.sum(1, keepdim=True)).double()
        z = torch.randn(taught.shape, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(
            lambda x, q=q, head=head: distill.distillation_loss(x, q, head, temperature), (z,)
        )


def test_similarity_asks_only_for_the_same_neighbours() -> None:
    torch.manual_seed(0)
    theirs = torch.randn(6, 10)
    turned = theirs @ torch.linalg.qr(torch.randn(10, 10))[0]
    assert distill.similarity_loss(3 * turned, theirs).item() == pytest.approx(0, abs=1e-10)
    assert distill.similarity_loss(torch.randn(6, 4), theirs).item() > 0.01


def test_teachers_look_at_every_crop_and_at_its_mirror(teacher: Path, tmp_path: Path) -> None:
    recipe = student(f"distill.teachers={teacher},{teacher}", "distill.features=0")
    parts = [part_of(recipe, 10), part_of(recipe, 5)]
    predictions = teachers.teacher_targets(recipe, parts, tmp_path)
    model, _ = load_network(teacher)
    crops = np.concatenate([p.crops for p in parts])
    z = [
        torch.from_numpy(outputs(model, np.ascontiguousarray(c), recipe.input)["emotion"]).softmax(
            1
        )
        for c in (crops, crops[:, :, ::-1])
    ]
    np.testing.assert_allclose(predictions["emotion"], (z[0] + z[1]) / 2, atol=1e-6)
    assert {k: v.shape for k, v in predictions.items()} == {
        "emotion": (15, 8),
        "gender": (15, 2),
        "age": (15, 101),
    }
    (teacher / "best.pt").rename(teacher / "gone.pt")
    try:  # kept beside the run: nobody is asked again
        again = teachers.teacher_targets(recipe, parts, tmp_path)
        assert again.keys() == predictions.keys() and np.array_equal(
            again["age"], predictions["age"]
        )
        with pytest.raises(
            UserError, match="train that recipe first"
        ):  # about other samples they would have to be
            teachers.teacher_targets(recipe, parts[:1], tmp_path)
    finally:
        (teacher / "gone.pt").rename(teacher / "best.pt")


def test_a_teacher_sees_the_crops_that_it_is_used_to(
    teacher: Path, tmp_path: Path, small_data: Path
) -> None:
    """A student of other crops: fewer pixels, and faces smaller in them."""
    detector, _ = best_detector()
    recipe = student(f"distill.teachers={teacher}", "data=ferplus")
    wide = replace(recipe, input=replace(recipe.input, size=32).wider(0.9))
    same, other = (
        load_parts(r, {"*": str(small_data)}, "val", detector, 12) for r in (recipe, wide)
    )
    assert other[0].crops.shape[1:] == (32, 32, 1)
    assert np.array_equal(other[0].crops_for(recipe.input), same[0].crops)
    asked = [
        teachers.teacher_targets(r, parts, tmp_path / str(i))
        for i, (r, parts) in enumerate(((recipe, same), (wide, other)))
    ]
    assert all(
        np.array_equal(asked[0][task], asked[1][task]) for task in ("emotion", "gender", "age")
    )


def other_samples(teacher: Path, recipe: Recipe) -> tuple[Recipe, list[DatasetPart]]:
    return recipe, [part_of(recipe, 6, seed=1, name="other")]


def other_weights(teacher: Path, recipe: Recipe) -> tuple[Recipe, list[DatasetPart]]:
    kept = checkpoint.load(teacher / "best.pt")
    kept["model"]["heads.gender.bias"][0] += 1
    checkpoint.save(teacher / "best.pt", kept)
    return recipe, [part_of(recipe, 6)]


def features_too(teacher: Path, recipe: Recipe) -> tuple[Recipe, list[DatasetPart]]:
    return override(recipe, ["distill.features=1"]), [part_of(recipe, 6)]


@pytest.mark.parametrize("change", [other_samples, other_weights, features_too])
def test_answers_to_another_question_are_not_taken_for_these(
    teacher: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    change: Callable[[Path, Recipe], tuple[Recipe, list[DatasetPart]]],
) -> None:
    """The same number of samples, the same folders: a toy run before the real one leaves answers
    that look right.
    """
    mine = Path(shutil.copytree(teacher, tmp_path / "teacher"))
    recipe = student(f"distill.teachers={mine}")
    before = teachers.teacher_targets(recipe, [part_of(recipe, 6)], tmp_path)
    assert "asked again" not in capsys.readouterr().err
    recipe, parts = change(mine, recipe)
    after = teachers.teacher_targets(recipe, parts, tmp_path)
    assert "asked again" in capsys.readouterr().err
    assert after.keys() != before.keys() or not np.array_equal(after["gender"], before["gender"])
    assert (
        teachers.teacher_targets(recipe, parts, tmp_path).keys() == after.keys()
        and "asked again" not in capsys.readouterr().err
    )


def test_a_sample_without_a_label_is_taught_all_the_same(teacher: Path, tmp_path: Path) -> None:
    recipe = student(f"distill.teachers={teacher}", "distill.missing=0.5")
    part = part_of(recipe, 8)
    part.samples.gender[:4] = -1
    pool = gather([part], recipe, teachers.teacher_targets(recipe, [part], tmp_path))
    assert pool.weights["gender"].tolist() == [0.0] * 4 + [1.0] * 4
    assert pool.weights[TEACHER_PREFIX + "gender"].tolist() == [0.5] * 4 + [1.0] * 4


def test_a_student_comes_near_its_teacher_without_any_label_of_its_own(
    teacher: Path, tmp_path: Path
) -> None:
    more = (
        "distill.share=1",
        "augment.flip=0",
        "optim.lr=1e-2",
        "model.options.dropout=0",
        "ema=0",
        "seed=5",
        "epochs=16",
    )
    recipe = student(f"distill.teachers={teacher}", "distill.features=1", *more)
    part = part_of(recipe, 64)
    predictions = teachers.teacher_targets(recipe, [part], tmp_path)["gender"]
    run = Trainer(recipe, tmp_path)
    first = (
        torch.from_numpy(outputs(run.network, part.crops, recipe.input)["gender"])
        .softmax(1)
        .numpy()
    )
    run.train([part], [part_of(recipe, 16)])
    last = (
        torch.from_numpy(outputs(run.network, part.crops, recipe.input)["gender"])
        .softmax(1)
        .numpy()
    )
    assert np.abs(last - predictions).mean() < 0.5 * np.abs(first - predictions).mean()
    assert run.history[-1]["train_features"] < run.history[0]["train_features"]


@pytest.mark.parametrize(
    "change, message",
    [
        (["input.size=32"], "pictures to crop as the teacher"),
        (["distill.teachers=/nowhere"], "run folder"),
        (["distill.teachers={0},{0}", "distill.features=1"], "one teacher"),
    ],
)
def test_teachers_that_cannot_teach(
    teacher: Path, tmp_path: Path, change: list[str], message: str
) -> None:
    recipe = student(f"distill.teachers={teacher}", *[c.format(teacher) for c in change])
    with pytest.raises(UserError, match=message):
        teachers.teacher_targets(recipe, [part_of(recipe, 8)], tmp_path)


def test_the_recipe_keeps_it() -> None:
    recipe = student("distill.teachers=a,b", "distill.temperature=2")
    assert from_dict(recipe.to_dict()).distill == Distill(("a", "b"), temperature=2.0)
    with pytest.raises(UserError, match="share"):
        student("distill.share=2")
