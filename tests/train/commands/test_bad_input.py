"""User errors: one clear line, exit status 2, and a run folder that stays usable."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from core.errors import UserError
from evaluation.training_runs.run_folder import BEST_CHECKPOINT, LAST_CHECKPOINT
from tests.train.conftest import part_of
from train.__main__ import main
from train.batches.data import load_parts
from train.loop import trainer
from train.loop.trainer import Trainer
from train.recipe.override import override
from train.recipe.recipe import load
from train.runs import checkpoint

NAME = "mien_ferplus_utkface"
SMALL = ["model.options.stem=8", "model.options.stages=[(16,1)]", "amp=no", "batch=8", "epochs=3"]
FOLDER = ["fer_cnn_a", "--set", "data=image_folder"]


def picture(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 256, (48, 48), np.uint8))


def error_of(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    """What a command line says that ends with 2."""
    assert main([*arguments]) == 2
    output = capsys.readouterr()
    assert "error: " in output.err and "Traceback" not in output.err and not output.out
    return output.err.replace("\n", " ")


def test_no_data_and_a_missing_folder(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert "--data DIR" in error_of(capsys, NAME, "--out", str(tmp_path / "run"))
    assert "which does not exist" in error_of(
        capsys, NAME, "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "run")
    )
    (tmp_path / "data").mkdir()
    message = error_of(
        capsys, NAME, "--data", str(tmp_path / "data"), "--out", str(tmp_path / "run")
    )
    assert "ferplus" in message and "--set data=utkface" in message
    assert not (tmp_path / "run").exists()


def test_one_manifest_is_no_data_for_several_data_sets(tmp_path: Path) -> None:
    (tmp_path / "manifest.parquet").touch()
    with pytest.raises(UserError, match=r"folders of ferplus, utkface, got one manifest"):
        load_parts(load(NAME), {"*": str(tmp_path)}, "train", None)


def test_options_that_do_not_go_together(capsys: pytest.CaptureFixture) -> None:
    assert "--keep-lr with --resume" in error_of(capsys, "fer_cnn_0", "--keep-lr")
    for options in (["--list", "--show"], ["--profile", "--prerequisites"]):
        with pytest.raises(SystemExit, match="2"):
            main(["fer_cnn_0", *options])
        assert "not allowed with argument" in capsys.readouterr().err
    for command in (["fer_cnn_0"], ["plan"]):
        for option in ("--limit", "--epochs"):
            with pytest.raises(SystemExit, match="2"):
                main([*command, option, "0"])
            assert "a whole number of at least 1, got '0'" in capsys.readouterr().err


def test_a_data_file_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "data.json").write_text("[1]")
    assert "JSON object" in error_of(capsys, NAME, "--data", str(tmp_path / "data.json"))
    (tmp_path / "data.json").write_text('{"utkface": "somewhere"}')
    message = error_of(
        capsys, NAME, "--data", str(tmp_path / "data.json"), "--out", str(tmp_path / "run")
    )
    assert "Expected a folder for ferplus" in message


def test_an_empty_split(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for i, label in enumerate(("happiness", "neutral", "sadness", "surprise")):
        picture(tmp_path / "train" / label / "a.png", i)
    (tmp_path / "test" / "neutral").mkdir(parents=True)
    picture(tmp_path / "val" / "odd things" / "a.png")
    assert "val" in error_of(
        capsys, *FOLDER, "--data", str(tmp_path), "--out", str(tmp_path / "run")
    )


def test_a_class_without_images(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for split in ("train", "val"):
        for i, label in enumerate(("happiness", "neutral", "sadness")):
            picture(tmp_path / split / label / "a.png", i)
    (tmp_path / "train" / "surprise").mkdir()
    message = error_of(capsys, *FOLDER, "--data", str(tmp_path), "--out", str(tmp_path / "run"))
    assert "train/surprise" in message and "add some, or remove the folder" in message


def test_a_class_that_no_sample_shows_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    recipe = override(load(NAME), [*SMALL, "epochs=1"])
    part = part_of(recipe, 16)
    part.samples.emotion[:] = 0
    part.shares[:] = np.eye(8, dtype=np.float32)[0]
    Trainer(recipe, tmp_path).train([part], [part])
    message = capsys.readouterr().err.replace("\n", " ")
    assert (
        "no training sample shows happiness, surprise" in message
        and "neutral" not in message.split("shows")[1].split(";")[0]
    )


def test_a_broken_row_is_named_and_the_rest_is_learnt(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    from core.faces import best_detector
    from train.batches.data import load_parts

    pixels = " ".join(["7"] * 48 * 48)
    rows = [
        "emotion,pixels,Usage",
        f"3,{pixels},Training",
        f"9,{pixels},Training",
        "4,1 2 3,Training",
        f"6,{pixels},Training",
    ]
    (tmp_path / "fer2013.csv").write_text("\n".join(rows) + "\n")
    recipe = override(load("fer_cnn_a"), ["data=fer2013"])
    (part,) = load_parts(recipe, {"*": str(tmp_path)}, "train", best_detector()[0])
    message = capsys.readouterr().err.replace("\n", " ")
    assert (
        len(part) == 2
        and message.count("left out") == 2
        and ("row 3" in message or "line 3" in message)
    )


@pytest.mark.parametrize(
    ("assignment", "hint"),
    [
        ("optim.rate=1", "known here"),
        ("optm.lr=1", "did you mean 'optim'"),
        ("epochs=many", "to be int"),
        ("epochs", "NAME=VALUE"),
        ("epochs=0", "epochs >= 1"),
        ("model.options.dens=3", "did you mean 'dense'"),
        ("schedule.kind=sinus", "schedule.kind"),
    ],
)
def test_a_setting_that_is_none(assignment: str, hint: str, capsys: pytest.CaptureFixture) -> None:
    assert hint in error_of(capsys, "fer_cnn_a", "--show", "--set", assignment)


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


def fails_at(number: int, original: Callable) -> Callable:
    """`whole`, but the disk is full at call `number`, after half of the bytes."""
    calls = iter(range(1, 1000))

    def call(*arguments: object, **named: object) -> object:
        if next(calls) == number:
            file = arguments[-1]
            if hasattr(file, "write"):
                file.write(b"half of it")
            raise full()
        return original(*arguments, **named)

    return call


# An epoch that is the best yet saves best.pt, then last.pt; the page and the history come after.
@pytest.mark.parametrize("what", ["checkpoint", "history", "events"])
def test_a_full_disk_in_the_second_epoch(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    recipe = override(load(NAME), SMALL)
    parts = [part_of(recipe, 24)]
    out = tmp_path / "run"
    monkeypatch.setattr("train.batches.data.load_parts", lambda *_: parts)
    monkeypatch.setattr("train.export.export.export_run", lambda out, *_: out / "bundle")
    sets = [a for s in SMALL for a in ("--set", s)]
    command = [NAME, "--data", str(tmp_path), "--out", str(out), *sets]
    with monkeypatch.context() as patch:
        if what == "checkpoint":
            patch.setattr(torch, "save", fails_at(3, torch.save))
        elif what == "history":
            patch.setattr(pd.DataFrame, "to_parquet", fails_at(2, pd.DataFrame.to_parquet))
        else:
            patch.setattr("train.runs.tensorboard.write", fails_at(2, lambda *_: None))
        message = error_of(capsys, *command)
    assert (
        "No space left on device" in message
        and "free some space" in message
        and "--resume" in message
    )
    assert not [p.name for p in out.iterdir() if ".part-" in p.name]
    for name in (LAST_CHECKPOINT, BEST_CHECKPOINT):
        assert checkpoint.load(out / name)["epoch"] >= 1
    assert len(pd.read_parquet(out / "history.parquet")) >= 1
    assert main([*command, "--resume"]) == 0
    assert "resumed after epoch" in capsys.readouterr().err
    assert list(pd.read_parquet(out / "history.parquet")["epoch"]) == [1, 2, 3]


def test_ctrl_c_in_the_middle_of_an_epoch_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    recipe = override(load(NAME), SMALL)
    monkeypatch.setattr("train.batches.data.load_parts", lambda *_: [part_of(recipe, 24)])
    monkeypatch.setattr("train.export.export.export_run", lambda out, *_: out / "bundle")
    sets = [a for s in SMALL for a in ("--set", s)]
    command = [NAME, "--data", str(tmp_path), "--out", str(tmp_path / "run"), *sets]
    with monkeypatch.context() as patch:
        left, step = iter(range(4)), Trainer.train_step

        def interrupted(self: Trainer, *a: object) -> object:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return step(self, *a)

        patch.setattr(trainer.Trainer, "train_step", interrupted)
        assert main(command) == 130
    message = capsys.readouterr().err
    assert "--resume goes on" in message and "Traceback" not in message
    assert "--resume" in error_of(capsys, *command)  # never overwritten by accident
    assert main([*command, "--resume"]) == 0
    assert "resumed after epoch 1" in capsys.readouterr().err


def test_weights_that_break_off_on_the_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    import timm

    def broken(*_: object, pretrained: bool, **__: object) -> None:
        raise OSError("Connection broken: IncompleteRead(4096 bytes read, 21350000 more expected)")

    recipe = load("production_b0")
    monkeypatch.setattr("train.batches.data.load_parts", lambda *_: [part_of(recipe, 4)])
    monkeypatch.setattr(timm, "create_model", broken)
    command = [
        "production_b0",
        "--data",
        str(tmp_path),
        "--out",
        str(tmp_path / "run"),
        "--set",
        "amp=no",
    ]
    message = error_of(capsys, *command)
    assert "IncompleteRead" in message and "--set model.pretrained=false" in message
    assert not (tmp_path / "run" / LAST_CHECKPOINT).exists()


@pytest.mark.parametrize("below", ["", "run"])
def test_out_that_is_a_file_is_refused_before_data_are_read(
    below: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "out").write_text("")
    message = error_of(
        capsys, NAME, "--data", str(tmp_path), "--out", str(tmp_path / "out" / below)
    )
    assert "a run folder that can be written" in message and "is a file" in message


def test_out_in_a_read_only_folder_is_refused_before_data_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.fit.os.access", lambda *_: False)  # root may write everywhere
    message = error_of(capsys, NAME, "--data", str(tmp_path), "--out", str(tmp_path / "run"))
    assert "cannot be written" in message and not (tmp_path / "run").exists()


def test_another_data_set_is_not_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("train.export.export.export_run", lambda out, *_: out / "bundle")
    for split in ("train", "val"):
        for i, label in enumerate(("happiness", "neutral", "sadness", "surprise")):
            for k in range(4):
                picture(tmp_path / "data" / split / label / f"{k}.png", 10 * i + k)
    arguments = [*FOLDER, "--data", str(tmp_path / "data"), "--out", str(tmp_path / "run")]
    arguments += ["--set", "batch=8", "--set", "amp=no", "--epochs", "1"]
    arguments += ["--set", "model.options.blocks=[(4, 0.1)]", "--set", "model.options.dense=8"]
    assert main(arguments) == 0
    capsys.readouterr()
    picture(tmp_path / "data" / "val" / "neutral" / "0.png", 99)
    message = error_of(capsys, *arguments, "--resume")
    assert "same data" in message and "image_folder val;" in message
