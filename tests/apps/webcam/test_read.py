"""`python -m apps.webcam.read`: text, JSON, CSV and annotated copies of pictures and videos."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from apps.webcam.read import find_files, main
from scripts.fuzz.videos import KINDS, seed
from tests.apps.webcam.videos.test_annotation import film


@pytest.fixture
def folder(tmp_path: Path, portrait: np.ndarray) -> Path:
    """Two portraits, one in a folder below, an empty picture, and a text."""
    (tmp_path / "in" / "below").mkdir(parents=True)
    Image.fromarray(portrait).save(tmp_path / "in" / "a.png")
    Image.fromarray(portrait).save(tmp_path / "in" / "below" / "a.JPG", "JPEG")
    Image.new("RGB", (80, 80)).save(tmp_path / "in" / "empty.png")
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    return tmp_path / "in"


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main([str(w) for w in words])
    out, err = capsys.readouterr()
    return status, out, err


def test_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, folder)
    lines = out.splitlines()
    assert status == 0 and len(lines) == 3
    assert ": face 1: happiness " in lines[0] and "perceived gender: female " in lines[0]
    assert lines[2] == f"{folder / 'empty.png'}: no face"


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, folder, "--json")
    readings = json.loads(out)
    assert status == 0 and [len(faces) for faces in readings.values()] == [1, 1, 0]


def test_csv(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, folder, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 0 and len(rows) == 2
    assert rows[0]["emotion"] == "happiness" and 20 < float(rows[0]["age"]) < 50


def test_annotated_copies(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, _ = run(capsys, folder, "--out", tmp_path / "out")
    copies = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.jpg")}
    assert status == 0 and copies == {"a.jpg", "below/a.jpg", "empty.jpg"}
    with Image.open(tmp_path / "out" / "a.jpg") as copy:
        assert copy.size == (512, 512)


def test_a_broken_picture_is_named_and_the_others_are_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.png").write_bytes(b"not a picture")
    status, out, err = run(capsys, folder)
    assert status == 2 and len(out.splitlines()) == 3 and "broken.png" in err


def test_a_video_is_read_frame_by_frame(
    tmp_path: Path, frame: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = film(tmp_path / "clip.mp4", [frame] * 6, sound=True)
    Image.fromarray(frame).save(tmp_path / "photo.png")
    status, out, _ = run(capsys, clip, tmp_path / "photo.png", "--csv", "--out", tmp_path / "out")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 0 and len(rows) == 7
    assert [row["time_s"] for row in rows] == [*(f"{k / 10:.3f}" for k in range(6)), ""]
    with av.open(tmp_path / "out" / "clip.mp4") as copy:
        assert [s.type for s in copy.streams] == ["video", "audio"]
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    status, out, err = run(capsys, clip, tmp_path / "bad.mp4")
    assert status == 2 and "clip.mp4: 0.0 to 0." in out and "s: Face 1: happiness" in out
    assert "bad.mp4: Expected an MP4" in err


def test_sound_that_a_copy_lacks_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in KINDS:
        clip, copies = tmp_path / f"{'-'.join(map(str, kind))}.mkv", tmp_path / "out"
        clip.write_bytes(seed(*kind))
        status, _, err = run(capsys, clip, "--out", copies)
        with av.open(copies / f"{clip.stem}.mp4") as copy:
            is_lost = kind[2] is not None and not copy.streams.audio
        assert status == 0
        assert (f"{clip}: Its sound ({kind[2]}) cannot be kept in an MP4." in err) == is_lost
        assert is_lost or "sound" not in err


@pytest.mark.parametrize("missing", ["nowhere", "texts"])
def test_nothing_to_read_is_the_user_s_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    (tmp_path / "texts").mkdir()
    status, out, err = run(capsys, tmp_path / missing)
    assert status == 2 and not out and "Expected" in err


def test_the_order_is_that_of_the_names(folder: Path) -> None:
    assert [p.name for p in find_files([folder])] == ["a.png", "a.JPG", "empty.png"]
