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

from core.data import affectnet, appa_real, fairface, fer2013, rafdb, utkface
from core.data.base.samples import Problem, Samples, most_frequent
from core.errors import DataError
from core.labels import FAIRFACE_AGE, GENDER2
from tests.core.data import trees

RAF_LIST = "basic/EmoLabel/list_patition_label.txt"


def labels_by_name(samples: Samples) -> dict[str, tuple[int, int, float]]:
    """What was read of every picture, whatever folder it is in."""
    rows = zip(samples.ids, samples.emotion, samples.gender, samples.age.tolist(), strict=True)
    return {
        Path(i).stem.split(".")[0]: (int(e), int(g), a if a == a else -1) for i, e, g, a in rows
    }


# --- RAF-DB: one line of another form means another coding


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


# --- FER2013: the table under other names, orders and spellings


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


# --- AffectNet and the others below further folders


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


# --- UTKFace


@pytest.mark.parametrize(
    "ending", [".jpg", ".JPG", ".jpeg", ".png", ".PNG", ".jpg.chip.jpg", ".JPG.chip.JPG"]
)
@pytest.mark.parametrize("folders", [("",), ("part1", "part2", "part3"), ("a/UTKFace",)])
def test_utkface_in_folders_and_formats(
    tmp_path: Path, ending: str, folders: tuple[str, ...]
) -> None:
    flat = trees.utkface(tmp_path / "flat")
    before = utkface.load(flat, "all")
    for i, path in enumerate(sorted(flat.iterdir())):
        name = path.name.removesuffix(".jpg.chip.jpg") + ending
        trees.picture(tmp_path / "copy" / folders[i % len(folders)] / name)
    parts = {split: utkface.load(tmp_path / "copy", split) for split in utkface.SPLITS}
    assert labels_by_name(parts["all"]) == labels_by_name(before)
    assert parts["all"].tight == (folders[0] != "part1" or "chip" in ending)
    ids = sorted(i for split in ("train", "val", "test") for i in parts[split].ids)
    assert ids == sorted(parts["all"].ids)


def test_utkface_folders_do_not_move_a_picture_to_another_split(tmp_path: Path) -> None:
    flat = trees.utkface(tmp_path / "flat")
    for path in flat.iterdir():
        (tmp_path / "parts" / f"part{path.stat().st_size % 3 + 1}").mkdir(
            parents=True, exist_ok=True
        )
        shutil.copy(path, tmp_path / "parts" / f"part{path.stat().st_size % 3 + 1}")
    for split in utkface.SPLITS:
        names = [
            {Path(i).name for i in utkface.load(tmp_path / d, split).ids} for d in ("flat", "parts")
        ]
        assert names[0] == names[1]


def test_utkface_pictures_in_two_folders_count_once(tmp_path: Path) -> None:
    trees.utkface(tmp_path / "UTKFace-new" / "UTKFace")
    trees.utkface(tmp_path / "UTKFace-new" / "crop_part1")
    samples = utkface.load(tmp_path, "all")
    assert len(samples) == 79 == len(samples.problems)
    assert all("the same picture as" in p.reason for p in samples.problems)


# --- FairFace and APPA-REAL

SPREADSHEET = ("03-Sep", "3-Sep", "9-Mar", "Mar-09", "Sep-03", "2024-09-03 00:00:00", "09.03.2024")
OCTOBER = ("Oct-19", "19-Oct", "2019-10-01", "10/19/2024", "01.10.2019")


@pytest.mark.parametrize(
    ("text", "ends"),
    [(f"{low}{dash}{high}", (low, high)) for low, high in FAIRFACE_AGE[:-1] for dash in "-–"]
    + [(text, (3, 9)) for text in SPREADSHEET]
    + [(text, (10, 19)) for text in OCTOBER]
    + [(text, FAIRFACE_AGE[-1]) for text in ("more than 70", "70+", ">70")],
)
def test_fairface_age_bins(text: str, ends: tuple[int, int]) -> None:
    assert fairface.age_bin(text) == fairface.age_bin(f" {text.upper()} ") == ends


@pytest.mark.parametrize(
    "text", ["", "-", "9-3", "0-9", "04-Sep", "Sep-19", "30-Mar", "young", "7"]
)
def test_what_is_no_fairface_age_bin_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"expected an age of 0-2, 3-9, .* or more than 70, got"):
        fairface.age_bin(text)


def test_fairface_labels_and_broken_rows(tmp_path: Path) -> None:
    root = trees.fairface(tmp_path)
    with (root / "fairface_label_train.csv").open("a") as file:
        file.write("train/1.jpg,9-3,Male,White,True\ntrain/2.jpg,3-9,,White,True\n")
        file.write("train\\41.jpg,03-Sep,female,Black,True\n")
    trees.picture(root / "train" / "41.jpg")
    samples = fairface.load(root, "all")
    by_id = dict(zip(samples.ids, range(len(samples)), strict=True))
    rows = [by_id[f"train/{i}.jpg"] for i in (1, 2, 3, 6, 41)]
    assert samples.age[rows].tolist() == [1, 6, 14.5, 75, 6]
    assert samples.age_bounds[rows].tolist() == [[0, 2], [3, 9], [10, 19], [70, 116], [3, 9]]
    assert GENDER2.labels[samples.gender[by_id["train/41.jpg"]]] == "female"
    assert set(samples.groups["race"].tolist()) == {
        "East Asian",
        "Latino Hispanic",
        "White",
        "Black",
    }
    assert samples.groups["age_bin"][by_id["train/6.jpg"]] == "70+"
    assert [p.reason[:6] for p in samples.problems] == ["row 42", "row 43"]
    assert all(i.startswith("val/") for i in fairface.load(root, "test").ids)
    (root / "fairface_label_val.csv").unlink()
    with pytest.raises(
        DataError, match=r"publishers' fairface_label_val.csv.*got fairface_label_tr"
    ):
        fairface.load(root, "test")


def test_appa_real_takes_face_crops_and_real_ages(tmp_path: Path) -> None:
    root = trees.appa_real(tmp_path)
    val = appa_real.load(root, "val")
    assert val.ids[0] == "valid/valid00000.jpg_face.jpg" and val.tight
    assert val.age.tolist() == list(range(20, 28)) and (val.gender == -1).all()
    for path in root.rglob("*_face.jpg"):
        path.unlink()
    assert appa_real.load(root, "val").ids[0] == "valid/valid00000.jpg"
    assert not appa_real.load(root, "val").tight
    (root / "gt_avg_test.csv").unlink()
    with pytest.raises(DataError, match=r"publishers' gt_avg_test.csv .*got gt_avg_train.csv, gt_"):
        appa_real.load(root, "test")


def test_appa_real_as_one_table(tmp_path: Path) -> None:
    names = ["train/train_000001.jpg", "train/val_000002.jpg", "train/other.jpg"]
    trees.pictures(tmp_path, names)
    rows = [f"{name},{age}" for name, age in zip(names, (4, "x", 9), strict=True)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,real_age", *rows]) + "\n")
    samples = appa_real.load(tmp_path, "all")
    assert samples.ids == ("train/train_000001.jpg",) and samples.age.tolist() == [4]
    assert [p.reason[:6] for p in samples.problems] == ["row 3:", "row 4:"]
    with pytest.raises(DataError, match=r"val split.*expected an age of 0-116, got 'x'"):
        appa_real.load(tmp_path, "val")


# --- what an empty result says


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
