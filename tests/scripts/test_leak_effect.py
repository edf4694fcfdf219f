"""`scripts/leak_effect.py` on drawn faces: the three manifests, the trainings, what is said, and
what is not done again.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest

from core.data import manifest
from scripts import leak_effect
from tests.evaluation.quality import faulty
from tests.train.conftest import SMALL_NET

COPIES = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 pictures in train and 20 in val, six of val with a copy in train: three with the same
    bytes, three as JPEG.
    """
    root = faulty.tree(tmp_path_factory.mktemp("leaky"))
    for i in range(COPIES):
        folder = root / "val" / (faulty.FIRST if i % 2 else faulty.SECOND)
        source = root / "train" / folder.name / f"{i:03d}.png"
        if i < COPIES // 2:
            (folder / f"copy{i}.png").write_bytes(source.read_bytes())
        else:
            faulty.save(folder / f"copy{i}.jpg", faulty.picture(i), 85)
    return root


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))


def main(data: Path, out: Path, *more: str) -> dict:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert (
            leak_effect.main(
                ["--data", str(data), "--out", str(out), "--dataset", "image_folder", *more]
            )
            == 0
        )
    return json.loads(said.getvalue())


def test_the_three_manifests(data: Path, tmp_path: Path) -> None:
    assert main(data, tmp_path, "--control", "--prepare-only") == {
        "train": {"with": 80, "without": 74, "control": 74}
    }
    leaky = {f"train/{faulty.FIRST if i % 2 else faulty.SECOND}/{i:03d}.png" for i in range(COPIES)}
    train = {
        arm: set(manifest.load(tmp_path / arm, "train").ids)
        for arm in ("with", "without", "control")
    }
    assert train["with"] - train["without"] == leaky and leaky <= train["control"] < train["with"]
    for arm in train:
        val = manifest.load(tmp_path / arm, "val")
        told = dict(zip(val.ids, val.groups[leak_effect.GROUP].tolist(), strict=True))
        assert len(told) == 26 and {i for i, yes in told.items() if yes == "yes"} == {
            i for i in told if "copy" in i
        }
    again = main(
        data, tmp_path, "--control", "--prepare-only"
    )  # the same bytes, or it would be refused
    assert again["train"]["control"] == 74


def test_trains_predicts_and_compares_each_arm_once(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluation.__main__ import main as evaluation
    from train.__main__ import main as train

    done: list[str] = []

    def run(
        *command: object,
    ) -> str:  # in this process: three interpreters' starts take longer than the work
        room, *rest = map(str, command)
        done.append(room if room == "train" else rest[0])
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            assert {"train": train, "evaluation": evaluation}[room](rest) == 0
        return said.getvalue()

    monkeypatch.setattr(leak_effect, "run", run)
    small = [*SMALL_NET, "--epochs", "1", "--recipe", "mien_first"]
    found = main(data, tmp_path, *small)
    assert done == ["train", "predict", "train", "predict", "compare"]
    (name,) = [n for n in found if n != "train"]
    assert name == "without minus with, seed 0" and set(found[name]) == {"emotion"}
    measured = found[name]["emotion"]["accuracy"]
    difference = measured["difference"]
    assert difference["n"] == 26 and difference["value"] == pytest.approx(
        measured["b"] - measured["a"]
    )
    ends = (
        difference["low"],
        difference["high"],
    )  # none where both are right on the same pictures, as may be after an epoch
    assert ends == (None, None) or -1 <= ends[0] <= difference["value"] <= ends[1] <= 1
    copies = [
        p
        for p in found[name]["emotion"]["parts"]
        if p["by"] == leak_effect.GROUP and p["value"] == "yes"
    ]
    assert [p["n"] for p in copies] == [COPIES]  # where a difference comes from
    done.clear()
    assert main(data, tmp_path, *small) == found and done == [
        "compare"
    ]  # what is there is not done again
