"""A model with operators that are not allowed is opened by `--trust` alone, by every command."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from apps.studio import __main__ as studio
from apps.webcam import __main__ as demo
from apps.webcam import read
from apps.webcam.benchmarks import targets
from core import registry
from core.artifacts.bundle import MODEL_FILE
from core.cli import USER_ERROR
from evaluation.__main__ import main
from tests.conftest import ROOT, write_tiny_bundle

FOLDERS = ("evaluation.commands", "train.commands")
COMMANDS = [(folder, name) for folder in FOLDERS for name in registry.names(folder)]

EMOTIONS = ("happiness", "sadness")
PICTURE = ROOT / "apps" / "webcam" / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def foreign_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with one operator that no export of ours has."""
    folder = write_tiny_bundle(tmp_path_factory.mktemp("foreign"))
    model = onnx.load(folder / MODEL_FILE)
    for name, value in zip("abc", (0, 3, 1), strict=True):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value), name))
    model.graph.node.append(helper.make_node("Range", list("abc"), ["unused"]))
    onnx.save(model, folder / MODEL_FILE)
    return folder


def options(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    return {word: action for action in parser._actions for word in action.option_strings}


@pytest.mark.parametrize(("folder", "name"), COMMANDS)
def test_a_command_that_takes_a_model_file_takes_trust(folder: str, name: str) -> None:
    parser = argparse.ArgumentParser()
    module = registry.load(folder, name)
    module.add_arguments(parser)
    given = options(parser)
    takes_model = "--model" in given and given["--model"].type is Path
    takes_model &= not hasattr(module, "load_card")  # which opens no network
    if takes_model or name in ("ensemble", "study"):
        assert "--trust" in given


@pytest.mark.parametrize(
    "parser",
    [studio.parser(), demo.build_parser(), read.build_parser(), targets.build_parser("m", "d")],
)
def test_an_app_takes_trust(parser: argparse.ArgumentParser) -> None:
    assert "--trust" in options(parser)


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "--limit", "4", "--out", "p.parquet"],
        ["explain", str(PICTURE), "--out", "maps"],
        ["robustness", "--limit", "4", "--kinds", "noise", "--out", "r.parquet"],
        ["audit", "--checks", "labels", "--no-cache"],
        ["bench", "--quick", "--rounds", "2", "--no-reference"],
    ],
    ids=lambda words: words[0],
)
def test_a_foreign_model(
    words: list[str],
    foreign_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    data = []
    if words[0] not in ("bench", "explain"):
        for number in range(24):
            file = tmp_path / "faces" / "val" / EMOTIONS[number % 2] / f"{number}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(file), cv2.resize(cv2.imread(str(PICTURE)), (96 + number,) * 2))
        data = ["--dataset", "image_folder", "--data", "faces"]
    command = [*words, *data, "--model", str(foreign_model)]
    assert main(command) == USER_ERROR
    assert "try --trust" in capsys.readouterr().err
    assert main([*command, "--trust"]) == 0, capsys.readouterr().err
