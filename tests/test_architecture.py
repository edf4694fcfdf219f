"""docs/architecture.md: its files exist, every folder is on the map, and each path
through the code names the files that a request enters, in order.

Three paths are held to a trace of a real request. That of a training takes too long for a test: its
files are held to lead to each other.
"""

from __future__ import annotations

import base64
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from apps.studio import settings
from apps.webcam import image_io
from apps.webcam.decoding.process import DecodingProcess
from apps.webcam.tabs import image as image_tab
from core import image as core_image
from core.pipeline import Pipeline
from evaluation.__main__ import main
from evaluation.predictions import table
from tests.apps.studio.conftest import predictions
from tests.conftest import ROOT
from tests.evaluation.quality import faulty
from tests.test_structure import module_name, project_graph, source_files

TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
MAP = TEXT.partition("## The map")[2].partition("## ")[0]
WALKS = dict(re.findall(r"^### (.+?)\n(.*?)(?=^###|\Z)", TEXT, re.MULTILINE | re.DOTALL))
IMAGE, RECIPE, CHART, AUDIT = WALKS
FILE = re.compile(r"`((?:core|evaluation|train|apps|tests)/[\w/]+\.py)`")

HELPERS = {
    "core/cli.py",
    "core/errors.py",
    "core/files.py",
    "core/labels.py",
    "core/progress.py",
    "core/registry.py",
    "core/schema.py",
    "core/system.py",
    "core/terminal.py",
    "core/vocabulary.py",
    "core/artifacts/downloads.py",
    "evaluation/__main__.py",
    "evaluation/commands/_options.py",
    "evaluation/report/formatting.py",
}
"""Files that decide nothing about a request: words, progress, command lines, writing of files."""
READING_PICTURES = {p.relative_to(ROOT).as_posix() for p in (ROOT / "core/image").glob("*.py")}
READING_DATA = {p.relative_to(ROOT).as_posix() for p in (ROOT / "core/data/base").glob("*.py")}
SIDEBAR = {
    "apps/studio/links.py",
    "apps/studio/relabel_plan.py",
    "apps/studio/samples.py",
    "apps/studio/serving/uploads.py",
}
HELPERS_OF = {
    IMAGE: HELPERS,
    CHART: HELPERS | READING_DATA | SIDEBAR,
    AUDIT: HELPERS | READING_DATA | READING_PICTURES,
}
IN_ANOTHER_PROCESS = {"apps/webcam/decoding/worker.py"}
"""Named in a walk, but no trace of this process sees them."""


@contextmanager
def traced() -> Iterator[list[str]]:
    """Give, at the end, the project's files whose functions were called, by their first calls.

    New threads are traced, too. What runs because a module is imported is left out.
    """
    sources, files = set(map(str, source_files().values())), list[str]()
    entered = dict[str, None]()

    def note(frame: FrameType, event: str, _: object) -> None:
        path = frame.f_code.co_filename
        if path in sources and path not in entered and event == "call" and not is_import(frame):
            entered[path] = None

    previous = sys.getprofile(), threading.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(previous[0])
        threading.setprofile(previous[1])
        files += (Path(path).relative_to(ROOT).as_posix() for path in entered)


def is_import(frame: FrameType | None) -> bool:
    """Tell whether a frame runs while a module is imported."""
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


@pytest.fixture
def read_image(
    tiny_bundle: Path, portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], object]:
    """A visitor's upload. What the decoding process does is done here, too, to be seen."""
    pipeline = Pipeline(tiny_bundle)
    payload = image_io.encode(portrait)
    content = base64.b64decode(str(payload["url"]).partition(",")[2])
    receive = DecodingProcess.receive

    def decode_here(*arguments: Any) -> object:
        core_image.load(content)
        return receive(*arguments)

    monkeypatch.setattr(DecodingProcess, "receive", decode_here)
    return lambda: image_tab.process_upload(pipeline, payload).cards


@pytest.fixture
def draw_chart(tmp_path: Path) -> Iterator[Callable[[], object]]:
    """A table with emotions, on the page Per class."""
    rows, meta = predictions(heads=("emotion",)), table.Meta(model="m", dataset="d", split="val")
    table.write(rows, tmp_path / "t.parquet", meta)
    settings.PROCESS.use(settings.Settings((tmp_path / "t.parquet",), {}))
    code = "from apps.studio import frame\nfrom apps.studio.pages import per_class\n"
    app = AppTest.from_string(code + "frame.run(per_class, {})", default_timeout=60)
    yield lambda: app.run().get("plotly_chart")
    settings.PROCESS.use(settings.Settings())


@pytest.fixture
def audit_and_repair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """An audit that writes a plan, and the plan carried out."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    root, plan = faulty.tree(tmp_path / "data", 6), str(tmp_path / "plan.csv")
    faulty.faults(root)
    command = ["audit", "--dataset", "image_folder", "--data", str(root)]

    def run() -> bool:
        assert main([*command, "--checks", "leaks", "--fix", plan]) == 0
        assert main([*command, "--apply", plan, "--out", str(tmp_path / "repaired")]) == 0
        return (tmp_path / "repaired" / "manifest.parquet").is_file()

    return run


def test_all_files_exist() -> None:
    files = FILE.findall(TEXT)
    assert len(files) > 25 and [f for f in files if not (ROOT / f).is_file()] == []


def test_every_folder_is_on_the_map() -> None:
    """Folders of a room and of an application; the map has a paragraph for each of these."""
    missing = []
    for parent in ("core", "evaluation", "train", "apps/webcam", "apps/studio"):
        paragraph = re.search(rf"^{parent}/.*\n(?:  .*\n)*", MAP, re.MULTILINE)
        named = set(re.findall(r"(\w+)/", paragraph[0])) if paragraph else set()
        folders = {path.parent.name for path in (ROOT / parent).glob("*/*.py")}
        missing += [f"{parent}/{name}" for name in sorted(folders - named)]
    assert missing == []


@pytest.mark.parametrize(
    ("walk", "request_name"),
    [(IMAGE, "read_image"), (CHART, "draw_chart"), (AUDIT, "audit_and_repair")],
)
def test_a_walk_names_the_files_that_a_request_enters(
    walk: str, request_name: str, request: pytest.FixtureRequest
) -> None:
    perform: Callable[[], object] = request.getfixturevalue(request_name)
    with traced() as entered:
        answer = perform()
    assert answer
    named = list(dict.fromkeys(FILE.findall(WALKS[walk])))
    in_order = [file for file in entered if file in named]
    assert [file for file in entered if file not in named and file not in HELPERS_OF[walk]] == []
    assert [file for file in named if file not in IN_ANOTHER_PROCESS] == in_order
    assert HELPERS_OF[walk].isdisjoint(named), "a walk without it would pass"


def test_the_files_of_a_training_lead_to_each_other() -> None:
    """Imports among the named files alone connect them."""
    names = {module_name(ROOT / file) for file in FILE.findall(WALKS[RECIPE])}
    graph = project_graph()
    reached, waiting = set[str](), [min(names)]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        neighbours = graph[name] | {other for other in names if name in graph[other]}
        waiting += (neighbours & names) - reached
    assert names - reached == set()
