"""Copies of UTKFace, FairFace and APPA-REAL as people have them: other folders, formats and
columns.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.data import appa_real, fairface, utkface
from core.errors import DataError
from core.labels import FAIRFACE_AGE, GENDER2
from tests.core.data import picture_files, trees
from tests.core.data.test_copies import labels_by_name


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
        picture_files.picture(tmp_path / "copy" / folders[i % len(folders)] / name)
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


def test_utkface_splits_of_one_picture_are_empty_but_one(tmp_path: Path) -> None:
    picture = next(trees.utkface(tmp_path / "many").iterdir())
    (tmp_path / "one").mkdir()
    shutil.copy(picture, tmp_path / "one")
    counts = {}
    for split in ("train", "val", "test"):
        try:
            counts[split] = len(utkface.load(tmp_path / "one", split))
        except DataError as error:
            assert f"Expected pictures for the {split} split" in str(error)
    assert list(counts.values()) == [1]


def test_utkface_pictures_in_two_folders_count_once(tmp_path: Path) -> None:
    trees.utkface(tmp_path / "UTKFace-new" / "UTKFace")
    trees.utkface(tmp_path / "UTKFace-new" / "crop_part1")
    samples = utkface.load(tmp_path, "all")
    assert len(samples) == 79 == len(samples.problems)
    assert all("the same picture as" in p.reason for p in samples.problems)


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
    picture_files.picture(root / "train" / "41.jpg")
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
    picture_files.pictures(tmp_path, names)
    rows = [f"{name},{age}" for name, age in zip(names, (4, "x", 9), strict=True)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,real_age", *rows]) + "\n")
    samples = appa_real.load(tmp_path, "all")
    assert samples.ids == ("train/train_000001.jpg",) and samples.age.tolist() == [4]
    assert [p.reason[:6] for p in samples.problems] == ["row 3:", "row 4:"]
    with pytest.raises(DataError, match=r"val split.*expected an age of 0-116, got 'x'"):
        appa_real.load(tmp_path, "val")
