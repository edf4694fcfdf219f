"""Data sets as people have them: other layouts and codings than the publishers' are read to the
same labels, or refused with the reason and a way on.
"""

from __future__ import annotations

import csv
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.data import affectnet, appa_real, fairface, fer2013, rafdb
from core.data.base.samples import Problem, Samples, most_frequent
from core.errors import DataError
from tests.core.data import trees

RAF_LIST = "basic/EmoLabel/list_patition_label.txt"


def labels_by_name(samples: Samples) -> dict[str, tuple[int, int, float]]:
    """What was read of every picture, whatever folder it is in."""
    rows = zip(samples.ids, samples.emotion, samples.gender, samples.age.tolist(), strict=True)
    return {
        Path(i).stem.split(".")[0]: (int(e), int(g), a if a == a else -1) for i, e, g, a in rows
    }


@pytest.mark.parametrize(
    ("change", "looks_like"),
    [
        (lambda name, code: f"{name} {code} 1", "3 columns"),
        (lambda name, code: f"{name} 2 {code}", "3 columns"),
        (lambda name, code: f"{name} {code - 1}", "codes from zero"),
        (lambda name, code: f"{name} {code % 8}" if code < 7 else f"{name} 0", "codes from zero"),
        (lambda name, code: f"{name} {code + 4}", "compound"),
        (lambda name, code: f"{name} {code * 20}", "codes up to 140"),
        (lambda name, code: f"{name} {(code - 1) * 2}", "codes 0-12 of another data set"),
        (lambda name, code: f"{name} {'Happy' if code == 4 else code}", "whole numbers"),
        (lambda name, code: f"{name} {code}.0", "whole numbers"),
        (lambda name, code: f"{name},{code}", "header"),
        (lambda name, code: f"{name}", "no code"),
        (lambda name, code: f"image_{name[-8:]} {code}", "other pictures"),
    ],
)
def test_a_rafdb_list_of_another_coding_is_refused(
    tmp_path: Path, change: Callable[[str, int], str], looks_like: str
) -> None:
    root = trees.rafdb(tmp_path)
    lines = (root / RAF_LIST).read_text().split("\n")[:-1]
    changed = [change(name, int(code)) for name, code in (line.split() for line in lines)]
    (root / RAF_LIST).write_text("\n".join(changed))
    expected = rf"code 1-7, got line \d+, .*list_patition_label.txt; .*{looks_like}.*; try "
    for split in rafdb.SPLITS:
        with pytest.raises(DataError, match=expected):
            rafdb.load(root, split)


def test_a_single_odd_line_of_a_rafdb_list_is_named(tmp_path: Path) -> None:
    root = trees.rafdb(tmp_path)
    lines = (root / RAF_LIST).read_text().split("\n")
    lines[57] = lines[57].replace(" ", " 1")
    (root / RAF_LIST).write_text("\n".join(lines))
    with pytest.raises(DataError, match="got line 58, "):
        rafdb.load(root, "train")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(" ", "\t"),
        lambda text: text.replace(".jpg", "_aligned.jpg"),
        lambda text: text.replace("\n", " \n\n"),
    ],
)
def test_a_rafdb_list_saved_otherwise_is_read(tmp_path: Path, change: Callable[[str], str]) -> None:
    root = trees.rafdb(tmp_path)
    before = rafdb.load(root, "all")
    (root / RAF_LIST).write_bytes(change((root / RAF_LIST).read_text()).encode())
    assert labels_by_name(rafdb.load(root, "all")) == labels_by_name(before)


@pytest.mark.parametrize("name", ["fer2013.csv", "FER2013.CSV", "fer2013/data.csv"])
@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [row[::-1] for row in rows],
        lambda rows: [[row[1], row[2], row[0]] for row in rows],
        lambda rows: [[cell.upper() for cell in row] for row in rows],
        lambda rows: [[f" {cell} " for cell in row] for row in rows],
    ],
)
@pytest.mark.parametrize(
    ("delimiter", "newline", "encoding"), [(",", "\r\n", "utf-8-sig"), (";", "\n", "utf-8")]
)
def test_fer2013_tables_are_read_by_their_columns(
    tmp_path: Path,
    name: str,
    change: Callable[[list[list[str]]], list[list[str]]],
    delimiter: str,
    newline: str,
    encoding: str,
) -> None:
    root = trees.fer2013(tmp_path)
    before = fer2013.load(root, "all")
    with (root / "fer2013.csv").open() as file:
        rows = list(csv.reader(file))
    (root / "fer2013.csv").unlink()
    (root / name).parent.mkdir(exist_ok=True)
    with (root / name).open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter, lineterminator=newline).writerows(change(rows))
    after = fer2013.load(root, "all")
    assert after.ids == before.ids and not after.problems
    assert (after.emotion == before.emotion).all()


@pytest.mark.parametrize("name", ["train.csv", "fer2013.csv", 'it\'s "mine".csv'])
def test_fer2013_without_usage_says_how_to_train_on_it(tmp_path: Path, name: str) -> None:
    rows = [f"{i % 7},{trees.pixels(i)}" for i in range(30)]
    (tmp_path / name).write_text("\n".join(["emotion,pixels", *rows]) + "\n")
    with pytest.raises(DataError, match=r"Usage .*got emotion, pixels;") as error:
        fer2013.load(tmp_path, "train")
    assert str(tmp_path / name).replace('"', "") in str(error.value).replace('"', "")
    command = shlex.split(str(error.value).partition("validation: ")[2])
    subprocess.run([sys.executable, *command[1:]], check=True)
    parts = {split: len(fer2013.load(tmp_path, split)) for split in ("train", "val")}
    assert parts == {"train": 27, "val": 3}


@pytest.mark.parametrize("below", [0, 1, 2, 3])
@pytest.mark.parametrize("name", ["affectnet", "rafdb", "fer2013", "fairface", "appa_real"])
def test_folders_of_an_archive_are_looked_into(tmp_path: Path, name: str, below: int) -> None:
    adapter = {
        "affectnet": affectnet,
        "rafdb": rafdb,
        "fer2013": fer2013,
        "fairface": fairface,
        "appa_real": appa_real,
    }[name]
    target = tmp_path.joinpath(*("archive", "data", "copy")[:below])
    target.mkdir(parents=True, exist_ok=True)
    (tmp_path / "readme.txt").write_text("beside it")
    (tmp_path / "other").mkdir()
    getattr(trees, name)(target)
    first = adapter.load(target, "all")
    assert adapter.load(tmp_path, "all").ids == first.ids


@pytest.mark.parametrize("below", ["", "x", "Manually_Annotated_compressed/Manually_Annotated"])
def test_affectnet_with_backslashes_and_moved_pictures(tmp_path: Path, below: str) -> None:
    root = trees.affectnet(tmp_path)
    before = affectnet.load(root, "all")
    for table in ("training.csv", "validation.csv"):
        lines = (root / table).read_text().split("\n")
        lines[1:] = [line.replace("/", "\\") for line in lines[1:]]
        (root / table).write_text("\r\n".join(lines))
    if below:
        (root / below).mkdir(parents=True)
        shutil.move(root / "Manually_Annotated_Images", root / below / "pictures")
    after = affectnet.load(root, "all")
    assert labels_by_name(after) == labels_by_name(before) and not after.problems


@pytest.mark.parametrize("seed", range(5))
def test_got_none_names_the_most_frequent_reason(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frequent = [Problem(f"{i}.jpg", f"row {i}: no such picture {i!r}") for i in range(7)]
    rare = [Problem(f"rare{i}", f"reason {'abcdef'[i]}") for i in range(6)]
    problems = [Problem("first", "reason a"), *rng.permutation(np.array(frequent + rare, object))]
    text = most_frequent(problems)
    assert re.search(r"14 left out, 7 of them such as '\d.jpg': row \d: no such picture", text)


def test_an_empty_data_set_says_why_most_were_left_out(tmp_path: Path) -> None:
    root = trees.affectnet(tmp_path)
    (root / "training.csv").write_text(
        f"{trees.AFFECTNET_HEADER}\n0/a.jpg,1,2,3,4,1,10,0,0\n"
        + "".join(f"0/gone{i}.jpg,1,2,3,4,1,1,0,0\n" for i in range(9))
    )
    with pytest.raises(DataError, match=r"got none \(10 left out, 9 of them .*no such picture"):
        affectnet.load(root, "train")
