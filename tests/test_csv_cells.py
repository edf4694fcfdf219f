"""No CSV that the project writes holds a cell that a spreadsheet would run, and ours read back."""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.studio import data_frames
from apps.webcam.tracking.tracker import TrackedFace, TrackedFrame
from apps.webcam.ui import timeline
from core.face_quality import measure
from core.files import csv_cell, read_csv_cell
from core.pipeline import FaceReading
from core.types import Distribution, Face, Prediction
from evaluation.predictions import table
from evaluation.quality.repair import plan_file
from evaluation.quality.repair.plan import PlanRow
from evaluation.store import Store, Where
from tests.conftest import ROOT
from train.study import page
from train.study.table import StudyRow

RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
FORMULAS = [first + "cmd|' /C calc'!A0" for first in RUN_BY_SPREADSHEETS]
LABEL = "neutral"
TEXTS = st.text(st.characters(codec="utf-8"))


def predictions(text: str) -> bytes:
    path = _FOLDER[0] / "t.csv"
    rows = {
        "sample_id": [text],
        "emotion_true": [LABEL],
        "emotion_pred": [LABEL],
        text.strip(): [text],
    }
    table.write(pa.table({**rows, "path": [text], "group_a": [text]}), path)
    assert table.read(path)["sample_id"].to_pylist() == [text]
    store = Store.open([path], names={})
    assert store.count(Where(text=text.strip())) == 1
    return path.read_bytes()


def study(text: str) -> bytes:
    values = {f.name: None for f in fields(StudyRow)} | {"member": text, "recipe": text}
    return page._csv([StudyRow(**values | {"why": text, "state": "failed"})]).encode()


def video(text: str) -> bytes:
    face = Face((0.0, 0.0, 9.0, 9.0), 1.0)
    emotion = Distribution((text, "b"), np.array([0.9, 0.1]), 0.5)
    conditions = measure(face, np.zeros((48, 48, 1), np.uint8))
    readings = [
        FaceReading(face, Prediction(emotion), conditions, "high", reason)
        for reason in (None, text)
    ]
    faces = tuple(TrackedFace(i, reading, False) for i, reading in enumerate(readings))
    return timeline.to_csv([TrackedFrame(0.0, faces, 1.0)], [text], [text]).encode()


def plan(text: str) -> bytes:
    return plan_file.to_csv([PlanRow(text, text, text, text, text, text, 1)]).encode()


WRITERS: dict[str, Callable[[str], bytes]] = {
    "apps/studio/data_frames.py": lambda text: data_frames.csv({"a": [text, "b"], text: [1, 2]}),
    "apps/webcam/ui/timeline.py": video,
    "evaluation/predictions/table.py": predictions,
    "evaluation/quality/repair/plan_file.py": plan,
    "train/study/page.py": study,
}
"""Files that write CSV -> what they write for a text that may come from anybody."""
USERS = {
    "apps/studio/pages/quality.py",
    "apps/studio/relabel_plan.py",
    "apps/webcam/tabs/video.py",
    "apps/webcam/read.py",
}
"""Files that call one of the above."""


_FOLDER: list[Path] = []


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> None:
    _FOLDER[:] = [tmp_path]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("writer", WRITERS)
def test_no_cell_is_a_formula(writer: str, text: str) -> None:
    content = WRITERS[writer](text).decode("utf-8")
    cells = [cell for row in csv.reader(io.StringIO(content, newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(RUN_BY_SPREADSHEETS)]
    assert any(read_csv_cell(cell) == text for cell in cells)


def test_numbers_are_left_alone() -> None:
    frame = pd.DataFrame({"a": [-1.5, 2.0], "b": [-1, 2], "c": ["-1", "x"]})
    assert data_frames.csv(frame) == b"a,b,c\r\n-1.5,-1,'-1\r\n2.0,2,x\r\n"


@settings(deadline=None)
@given(
    st.text(st.characters(codec="utf-8")), st.sampled_from(["", "'", "''", *RUN_BY_SPREADSHEETS])
)
def test_any_text_reads_back(text: str, first: str) -> None:
    cell = csv_cell(first + text)
    assert read_csv_cell(cell) == first + text
    assert not cell.startswith(RUN_BY_SPREADSHEETS)


def writes_csv(text: str) -> bool:
    """Whether a file calls anything that writes CSV."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    names = {ast.unparse(call.func).rpartition(".")[2] for call in calls}
    return bool(names & {"to_csv", "CSVWriter", "write_csv", "DictWriter"}) or any(
        ast.unparse(call.func) == "csv.writer" for call in calls
    )


def test_all_writers_are_among_these() -> None:
    rooms = ("core", "evaluation", "train", "apps")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    writers = {
        path.relative_to(ROOT).as_posix() for path in files if writes_csv(path.read_text("utf-8"))
    }
    assert writers == set(WRITERS) | USERS
    assert writes_csv("import csv\ncsv.writer(f)") and not writes_csv("import csv\ncsv.reader(f)")
