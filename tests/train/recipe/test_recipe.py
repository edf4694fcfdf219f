"""Recipes: as JSON, by `--set`, of other versions, the list, and files of the user's own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import registry
from core.errors import UserError
from train.__main__ import main
from train.fit import Job
from train.recipe.override import override
from train.recipe.ranges import RANGES, numbers_of
from train.recipe.recipe import from_dict, load

RECIPES = registry.names("train.recipes")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json(name: str) -> None:
    recipe = load(name)
    again = from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again.to_dict() == recipe.to_dict()
    assert again.heads == recipe.heads and again.input == recipe.input


def test_an_empty_list_is_none() -> None:
    assert override(load("mien"), ["distill.teachers="]).distill.teachers == ()
    assert override(load("mien"), ["distill.teachers=a, b"]).distill.teachers == ("a", "b")


def test_overrides_are_applied_and_typed() -> None:
    changes = [
        "optim.lr=1e-4",
        "epochs=3",
        "compile=true",
        "augment.flip=0",
        "losses.gender.weight=2",
        "model.options.stem=8",
    ]
    recipe = override(load("mien_ferplus_utkface"), changes)
    assert (recipe.optim.lr, recipe.epochs, recipe.compile, recipe.augment.flip) == (
        1e-4,
        3,
        True,
        0.0,
    )
    assert recipe.losses["gender"].weight == 2.0 and recipe.model.options["stem"] == 8


def test_overrides_of_newer_fields() -> None:
    texts = [
        "model.pretrained=false",
        "start=",
        "data=ferplus,affectnet",
        "freeze.parts=backbone",
        "schedule.kind=cosine",
        "mix.mixup=1",
    ]
    recipe = override(load("production_b0_finetune"), texts)
    assert (
        not recipe.model.pretrained
        and recipe.start == ""
        and recipe.data == ("ferplus", "affectnet")
    )
    assert (
        recipe.freeze.parts == ("backbone",)
        and recipe.schedule.kind == "cosine"
        and recipe.mix.mixup == 1.0
    )


def test_a_recipe_of_an_older_version_loads() -> None:
    """What the first version stored: none of the fields that came later."""
    values = load("mien_ferplus_utkface").to_dict()
    for name in ("mix", "sampling", "freeze", "soft_labels", "start"):
        del values[name]
    values["model"] = {k: values["model"][k] for k in ("family", "options")}
    values["schedule"] = {k: values["schedule"][k] for k in ("warmup", "floor")}
    values["optim"] = {k: values["optim"][k] for k in ("name", "lr", "weight_decay", "clip")}
    values["losses"] = {
        k: {f: v[f] for f in ("name", "weight", "options")} for k, v in values["losses"].items()
    }
    assert from_dict(values).to_dict() == load("mien_ferplus_utkface").to_dict()


def test_a_recipe_of_a_newer_version_is_refused() -> None:
    with pytest.raises(UserError, match="newer"):
        from_dict({**load("mien_ferplus_utkface").to_dict(), "dreams": 1})


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("optim.lrr=1", "did you mean 'lr'"),
        ("epoch=3", "did you mean 'epochs'"),
        ("model.options.stemm=3", "did you mean 'stem'"),
        ("losses.emotions.weight=3", "did you mean 'emotion'"),
        ("epochs=many", "to be int"),
        ("epochs=1.5", "to be int"),
        ("epochs=0", "epochs >= 1"),
        ("epochs={[]: 1}", "to be int"),
        ("epochs", "NAME=VALUE"),
        ("schedule.period=0", "from 1"),
        ("model.options.stem.kind=3", "model.options.stem.kind"),
        ("schedule.kind=cosin", "one_cycle"),
        ("model.pretrained=maybe", "to be bool"),
    ],
)
def test_a_wrong_override_is_refused_with_the_way_out(text: str, hint: str) -> None:
    with pytest.raises(UserError, match=hint):
        override(load("mien_ferplus_utkface"), [text])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input.channels=2", "input.channels to fit, got 2: .*`channels` 1 or 3"),
        ("input.size=3", "input.size to fit, got 3"),
        ("losses={}", "one loss for each of"),
        ("data=", "at least one data set, got none"),
        ("augment.flip=3", r"augment.flip from 0 to 1, got 3"),
        ("augment.blur=nan", r"augment.blur to be float|augment.blur from 0"),
        ("augment.noise_max=1e9", r"augment.noise_max from 0 to 255"),
        ("optim.lr=-1", r"optim.lr from 0, got -1"),
        ("losses.age.weight=-0.5", r"losses.age.weight from 0, got -0.5"),
        ("ema=1", "ema from 0 to"),
        ("seed=-1", "seed from 0 to"),
        ("data=(1, 2)", "data"),
        ("heads=('a',)", "heads"),
        ("input.template=(1, 2, 3, 4, 5)", "template"),
        ("optim.l2={'': 'y'}", "l2"),
        ("losses.emotion=focal", "losses.emotion"),
        ("losses.emotion.options.smothing=0.1", "did you mean 'smoothing'"),
        ("sampling.epoch_samples=-1", "epoch_samples from 0"),
    ],
)
def test_a_value_out_of_its_range_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Job("mien", (text,)).resolve()


def test_options_of_a_loss_and_an_optimizer_can_be_set_one_by_one() -> None:
    recipe = override(
        load("mien_ferplus_utkface"),
        ["losses.gender.options.smoothing=0.1", "optim.options.eps=1e-7"],
    )
    assert recipe.losses["gender"].options == {"smoothing": 0.1}
    assert recipe.optim.options == {"eps": 1e-7}


@pytest.mark.parametrize(
    "text",
    [
        "model.options.blocks=3",
        "model.options.dropout=40",
        "model.options={'dropuot': 0.1}",
    ],
)
def test_options_that_do_not_fit_the_network_are_named(
    text: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(["fer_cnn_a", "--show", "--set", text]) == 2
    assert "model.options" in capsys.readouterr().err


def test_a_manifest_for_a_recipe_of_weighted_data_sets(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.parquet"
    manifest.touch()
    recipe = Job("mien", data=str(manifest)).resolve()
    assert recipe.data == ("manifest",) and recipe.sampling.order == "shuffle"
    kept = Job("mien", ("sampling.order=balanced",), str(manifest)).resolve()
    assert kept.sampling.order == "balanced"


def test_every_recipe_is_within_the_ranges() -> None:
    for name in RECIPES:
        Job(name).resolve()


def test_every_range_is_of_a_number_of_a_recipe() -> None:
    numbers = {name for name, _ in numbers_of(load("mien"))}
    assert set(RANGES) <= numbers


def test_mean_and_deviation_follow_the_number_of_channels() -> None:
    colour = override(load("mien"), ["input.channels=3"]).input
    assert (colour.mean, colour.std) == ((0.5,) * 3, (0.25,) * 3)
    uneven = override(load("resnet50"), ["input.channels=1"]).input
    assert uneven.mean == pytest.approx((np.mean(load("resnet50").input.mean),))
    kept = override(load("resnet50"), ["input.channels=3"]).input
    assert kept == load("resnet50").input


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'mien'"):
        load("mein")


def test_the_list_has_every_recipe_with_its_source_and_figures(
    capsys: pytest.CaptureFixture,
) -> None:
    assert main(["--list", "--json"]) == 0
    rows = {r["name"]: r for r in json.loads(capsys.readouterr().out)["recipes"]}
    assert list(rows) == RECIPES
    b0 = rows["production_b0"]
    assert (b0["source"], b0["model"], b0["expected"]["val_emotion_accuracy"]) == (
        "the 76.49 % report (unpublished)",
        "efficientnet_b0.ra_in1k",
        0.7649,
    )
    assert (
        b0["data"] == ["fer2013", "utkface", "rafdb"]
        and rows["fer_cnn_d"]["parameters"]["total"] == 4_980_324
    )
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [text for text in lines if text.startswith("fer_cnn_0 ")]
    assert (
        len(lines) == len(RECIPES)
        and "1,274,500 parameters  ferplus  (the FER capstone notebook (unpublished)" in line
    )
    assert line.endswith("val emotion accuracy 0.6397, train emotion accuracy 0.5828)")


OWN = """
from dataclasses import replace

from train.recipes.fer_cnn_a import RECIPE as MODEL_A

RECIPE = replace(MODEL_A, epochs=5)
"""


def test_a_recipe_may_be_a_file_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "some where" / "my_recipe.py"
    file.parent.mkdir()
    file.write_text(OWN)
    assert main([str(file), "--show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["recipe"] == replace(load("fer_cnn_a"), epochs=5).to_dict()
    assert Job(str(file)).folder.name == "my_recipe"
    assert Job(str(file), sets=("batch=8",)).resolve().batch == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RECIPE = 3\n", "`RECIPE` of the type Recipe .*got int"),
        ("", "`RECIPE` of the type Recipe .*got NoneType"),
        ("x = 1\nRECIPE = (\n", "SyntaxError in line 2"),
        ("import nothing_of_this_name\n", "ModuleNotFoundError in line 1"),
        (OWN + "RECIPE = replace(RECIPE, epochs=0)\n", "UserError in line 7 .*epochs >= 1"),
        (OWN + "RECIPE = replace(RECIPE, epoch=3)\n", "TypeError in line 7 .*'epoch'"),
    ],
)
def test_a_file_without_a_recipe_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(UserError, match=message):
        load(str(tmp_path / "mine.py"))


def test_a_recipe_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Python file with one, got .*nowhere.py; see --list"):
        load(str(tmp_path / "nowhere.py"))
