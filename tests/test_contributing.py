"""CONTRIBUTING.md: every example is added to a copy of the project, and its command runs there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from skimage import data, io

from core.labels import FERPLUS8
from tests.conftest import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
EXAMPLE = re.compile(
    r"^## (?P<title>Add [^\n]+)\n.*?^```python\n# file: (?P<path>\S+)\n(?P<code>.*?)^```\n+"
    r"    \$ (?P<command>[^\n]+)",
    re.MULTILINE | re.DOTALL,
)
EXAMPLES = {m["title"]: m for m in EXAMPLE.finditer(TEXT)}
RUN_ALL = """
import json, runpy, sys, traceback
failures = {}
for title, (option, program, *arguments) in json.loads(sys.argv[1]).items():
    sys.argv = [program, *arguments]
    try:
        if option == "-m":
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            exec(program, {"__name__": "__main__"})
    except SystemExit as end:
        failures[title] = end.code
    except Exception:
        failures[title] = traceback.format_exc()
print(json.dumps(failures))
"""
"""Runs `python ARGUMENTS` of each title one after the other: one process imports torch once."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with all examples added, and a small data set of class folders."""
    root = tmp_path_factory.mktemp("project")
    for name in ("core", "evaluation", "train", "apps"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "assets").symlink_to(ROOT / "assets")
    for example in EXAMPLES.values():
        file = root / example["path"]
        assert not file.exists(), f"{example['path']} exists: the example must be a new file"
        file.write_text(example["code"], "utf-8")
    portrait = data.astronaut()[:256, 96:352]
    for split in ("train", "val", "test"):
        for label in FERPLUS8.labels[:2]:
            folder = root / "faces" / "my_faces" / split / label
            folder.mkdir(parents=True)
            io.imsave(folder / f"{split}.png", portrait)
    return root


def test_every_kind_has_an_example() -> None:
    kinds = re.findall(r"^## (Add [^\n]+)$", TEXT, re.MULTILINE)
    assert list(EXAMPLES) == kinds and len(kinds) == 9


def test_the_places_to_start_exist() -> None:
    table = TEXT.partition("## Change what is there")[2]
    places = re.findall(r"`((?:core|evaluation|train|apps|scripts)/[\w/.]+)`", table)
    assert len(places) > 15 and [p for p in places if not (ROOT / p).exists()] == []


@pytest.fixture(scope="module")
def outcome(project: Path) -> tuple[dict[str, object], str]:
    """Exit status or traceback of each example that did not end well, and what all printed."""
    words = {title: shlex.split(m["command"]) for title, m in EXAMPLES.items()}
    assert {command[0] for command in words.values()} == {"python"}
    arguments = json.dumps({title: command[1:] for title, command in words.items()})
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL, arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.mark.parametrize("title", EXAMPLES)
def test_the_example_runs(title: str, outcome: tuple[dict[str, object], str]) -> None:
    failures, output = outcome
    assert failures.get(title, 0) in (0, None), (failures[title], output[-2000:])
