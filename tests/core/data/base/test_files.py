"""What data set adapters share: files of a folder, fingerprints, tables of labels, splits by hash
and by person.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from core.data.base import files as _files
from core.data.base.files import cached_folder, files, survey
from core.data.base.rows import Row, build, read_csv
from core.data.base.splits import by_subject, carve, split_of
from core.errors import DataError
from tests.core.data.picture_files import picture, pictures


def test_odd_names_are_found_and_unwritable_ones_listed(tmp_path: Path) -> None:
    names = ["a b.png", "line\nbreak.png", "größe/日本.png", "quote'\".png"]
    pictures(tmp_path, [*names, ".hidden.png", "__MACOSX/x.png", ".git/y.png"])
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.png")).write_bytes(b"")
    listed, problems = files(tmp_path)
    assert listed == sorted(names)
    assert len(problems) == 1 and "UTF-8" in problems[0].reason and problems[0].file.encode()
    samples = build("x", "all", tmp_path, [Row(n, emotion=1) for n in listed])
    assert samples.ids == tuple(sorted(names)) and not samples.problems


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere" / "x.png")
    picture(tmp_path / "data" / "y.png")
    (tmp_path / "data" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "data")
    assert files(tmp_path / "data")[0] == ["link/x.png", "y.png"]


def test_a_fingerprint_is_of_all_names_and_bytes(tmp_path: Path) -> None:
    pictures(tmp_path, ["b/1.png", "a.png"])
    marks, bad = survey(tmp_path, ["b/1.png", "a.png"])
    digest = hashlib.sha256()
    for name in ("a.png", "b/1.png"):
        digest.update(
            name.encode() + b"\0" + hashlib.sha256((tmp_path / name).read_bytes()).digest()
        )
    assert marks == digest.hexdigest() and not bad
    assert survey(tmp_path, ["b/1.png", "a.png"])[0] == marks
    assert survey(tmp_path, ["a.png"])[0] != marks


def test_survey_names_what_cannot_be_read(tmp_path: Path) -> None:
    root = tmp_path / "data"
    picture(root / "good.png")
    (root / "text.png").write_text("hello")
    (root / "folder.png").mkdir()
    picture(tmp_path / "secret.png")
    (root / "fifo.png").symlink_to("/nowhere")
    bad = survey(
        root,
        [
            "good.png",
            "text.png",
            "folder.png",
            "gone.png",
            "../secret.png",
            str(tmp_path / "secret.png"),
            "fifo.png",
        ],
    )[1]
    assert set(bad) == {
        "text.png",
        "folder.png",
        "gone.png",
        "../secret.png",
        str(tmp_path / "secret.png"),
        "fifo.png",
    }
    assert "outside" in bad["../secret.png"] and "no such" in bad["gone.png"]


def test_survey_remembers_settled_files_only(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    pictures(root, ["a.png", "b.png"])
    (root / "c.png").write_text("hello")
    names = ["a.png", "b.png", "c.png"]
    first = survey(root, names)
    assert not (cache / "surveys").exists()  # written just now, could change within the same tick
    monkeypatch.setattr(_files, "SETTLED_S", -1.0)
    assert survey(root, names) == first
    monkeypatch.setattr(_files, "_look", lambda *_: pytest.fail("read again"))
    assert survey(root, names) == first
    monkeypatch.undo()
    monkeypatch.setenv("MIEN_CACHE", str(cache))
    (kept,) = (cache / "surveys").iterdir()
    kept.write_text(kept.read_text()[:20])
    assert survey(root, names) == first  # a damaged memory is no answer


def test_made_is_whole_or_absent(cache: Path) -> None:
    def broken(place: Path) -> None:
        (place / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_folder("set-1", broken)
    assert list((cache / "data").iterdir()) == []

    def full(place: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match=r"No space left.*MIEN_CACHE"):
        cached_folder("set-1", full)
    folder = cached_folder("set-1", lambda place: (place / "x").write_text("1") and None)
    assert (folder / "x").read_text() == "1" and list((cache / "data").iterdir()) == [folder]
    assert cached_folder("set-1", lambda place: pytest.fail("made again")) == folder


def test_the_first_of_repeated_rows_counts(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    samples = build("x", "all", tmp_path, [Row("a.png", emotion=3), Row("a.png", emotion=4)])
    assert samples.emotion.tolist() == [3] and [p.file for p in samples.problems] == ["a.png"]


def test_tables_name_broken_rows(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes(
        b'\xef\xbb\xbf Name ,value\n"a\nb",1\n\nc\n"' + b"x" * 200_000 + b'",1\nd,\xff\n'
    )
    rows = list(read_csv(table, ("name", "value")))
    assert [(n, bool(why)) for n, _, why in rows] == [(2, False), (4, True), (5, True), (6, False)]
    assert (
        rows[0][1] == {"name": "a\nb", "value": "1"}
        and "row 4" in str(rows[1][2])
        and "value" in str(rows[1][2])
    )
    assert "row 5" in str(rows[2][2])
    table.write_text("other,value\n1,2\n")
    with pytest.raises(DataError, match="columns name, value"):
        list(read_csv(table, ("name", "value")))
    table.write_text("x,1\ny,2\n")
    assert [r["name"] for _, r, _ in read_csv(table, ("name", "value"), ("name", "value"))] == [
        "x",
        "y",
    ]
    table.write_text("")
    with pytest.raises(DataError, match="empty file"):
        list(read_csv(table, ("name",)))


def test_splits_by_hash_are_even_and_stay() -> None:
    parts = [split_of(f"person {i}") for i in range(4000)]
    assert parts.count("train") / 4000 == pytest.approx(0.8, abs=0.02)
    assert parts.count("val") / 4000 == pytest.approx(0.1, abs=0.02)
    assert [split_of(f"person {i}") for i in range(3)] == parts[:3]
    carved = [carve("train", f"person {i}") for i in range(4000)]
    assert set(carved) == {"train", "val"} and carved.count("val") == parts.count("val")
    assert {carve("test", f"person {i}") for i in range(100)} == {"test"}


@pytest.mark.parametrize(
    ("people", "sizes"),
    [(10, (8, 1, 1)), (70, (56, 7, 7)), (3, (1, 1, 1)), (2, (2, 0, 0)), (0, (0, 0, 0))],
)
def test_few_people_still_fill_every_split(people: int, sizes: tuple[int, ...]) -> None:
    parts = list(by_subject(f"P{i}" for i in range(people)).values())
    assert tuple(parts.count(s) for s in ("train", "val", "test")) == sizes


def test_a_survey_is_quick(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{i}.png" for i in range(500)])
    start = time.process_time()
    survey(tmp_path, [f"{i}.png" for i in range(500)])
    assert time.process_time() - start < 1  # 30,000 files in seconds
