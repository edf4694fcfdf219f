"""Data sets whose labels stand in the names of files and folders: jaffe, kdef, oulu_casia,
image_folder.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import image
from core.data import Samples, fer2013, image_folder, jaffe, kdef, oulu_casia
from core.data.base.class_folders import split_name
from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from tests.core.data import trees
from tests.core.data.picture_files import picture, pictures


def labels(samples: Samples) -> dict[str, str]:
    return {
        i: FERPLUS8.labels[e] if e >= 0 else ""
        for i, e in zip(samples.ids, samples.emotion, strict=True)
    }


# --- JAFFE


def test_jaffe_codes_and_pixels_of_its_tiffs(tmp_path: Path) -> None:
    root = trees.jaffe(tmp_path / "data")
    samples = jaffe.load(root, "all")
    shown = {i[:5]: label for i, label in labels(samples).items()}
    assert (
        shown["KA.AN"] == "anger"
        and shown["KL.SU"] == "surprise"
        and shown["YM.NE"] == "neutral"
        and shown["TM.FE"] == "fear"
    )
    assert (
        shown["KA.DI"] == "disgust"
        and shown["KA.HA"] == "happiness"
        and shown["KA.SA"] == "sadness"
    )
    assert {GENDER2.labels[g] for g in samples.gender} == {"female"} and not samples.tight
    at = samples.ids.index("KA.AN1.0.tiff.png")
    assert np.array_equal(
        image.load(samples.paths[at])[..., 0],
        np.random.default_rng([0, 0]).integers(0, 256, (16, 16), np.uint8),
    )
    parts = [set(jaffe.load(root, s).groups["subject"]) for s in ("train", "val", "test")]
    assert list(map(len, parts)) == [8, 1, 1]


def test_jaffe_damaged_and_foreign_files(tmp_path: Path) -> None:
    root = tmp_path / "data"
    pictures(root, ["KA.HA1.29.png", "KM.XX1.1.png", "photo.jpg", "sub folder/KL.SA3.172.jpg"])
    (root / "KR.AN1.83.tiff").write_bytes(b"II*\0 not really")
    (root / "README.txt").write_text("about")
    samples = jaffe.load(root, "all")
    assert labels(samples) == {"KA.HA1.29.png": "happiness", "sub folder/KL.SA3.172.jpg": "sadness"}
    assert {p.file for p in samples.problems} == {"KM.XX1.1.png", "photo.jpg", "KR.AN1.83.tiff.png"}


def test_jaffe_as_plain_pictures_stays_where_it_is(tmp_path: Path, cache: Path) -> None:
    root = pictures(tmp_path / "data", ["KA.HA1.29.PNG"])
    assert jaffe.load(root, "all").root == root and not (cache / "data").exists()


# --- KDEF


def test_kdef_codes(tmp_path: Path) -> None:
    names = [
        "AF01AFS.JPG",
        "BF01ANHL.JPG",
        "AM35DIFR.jpg",
        "bm02has.jpg",
        "AM07NEHR.JPG",
        "AF09SAFL.JPG",
        "BM30SUS.JPG",
    ]
    pictures(tmp_path, [*names, "FAFFL.JPG", "AF11NES2.JPG", "CF01AFS.JPG"])
    samples = kdef.load(tmp_path, "all")
    about = {
        i: (FERPLUS8.labels[e], GENDER2.labels[g], s, a)
        for i, e, g, s, a in zip(
            samples.ids,
            samples.emotion,
            samples.gender,
            samples.groups["subject"],
            samples.groups["angle"],
            strict=True,
        )
    }
    assert about == {
        "AF01AFS.JPG": ("fear", "female", "F01", "straight"),
        "BF01ANHL.JPG": ("anger", "female", "F01", "half left"),
        "AM35DIFR.jpg": ("disgust", "male", "M35", "full right"),
        "bm02has.jpg": ("happiness", "male", "M02", "straight"),
        "AM07NEHR.JPG": ("neutral", "male", "M07", "half right"),
        "AF09SAFL.JPG": ("sadness", "female", "F09", "full left"),
        "BM30SUS.JPG": ("surprise", "male", "M30", "straight"),
    }
    assert {p.file for p in samples.problems} == {"FAFFL.JPG", "AF11NES2.JPG", "CF01AFS.JPG"}


# --- Oulu-CASIA


def test_oulu_takes_the_peak_and_the_onset(tmp_path: Path) -> None:
    top = "OriginalImg/VL/Strong/P001"
    pictures(
        tmp_path,
        [f"{top}/Anger/{i:03d}.jpeg" for i in range(12)]
        + [f"{top}/Surprise/{i}.jpeg" for i in (9, 10, 11)],
    )
    pictures(
        tmp_path / "OriginalImg",
        [
            "NI/Strong/P001/Anger/000.jpeg",
            "VL/Strong/P001/Boredom/000.jpeg",
            "VL/Bright/P001/Anger/000.jpeg",
        ],
    )
    pictures(tmp_path, ["PreProcess Img/VL/Strong/P001/Anger/000.jpeg"])
    samples = oulu_casia.load(tmp_path, "all")
    assert labels(samples) == {
        f"{top}/Anger/000.jpeg": "neutral",
        **{f"{top}/Anger/{i:03d}.jpeg": "anger" for i in (9, 10, 11)},
        **{f"{top}/Surprise/{i}.jpeg": "surprise" for i in (9, 10, 11)},
    }
    assert {p.file for p in samples.problems} == {
        f"{top}/Boredom",
        "OriginalImg/VL/Bright/P001/Anger/000.jpeg",
    } and not samples.tight
    assert set(samples.groups["light"]) == {"Strong"}


def test_oulu_crops_alone(tmp_path: Path) -> None:
    pictures(tmp_path, [f"PreProcess Img/VL/Dark/P002/Fear/{i:03d}.jpeg" for i in range(4)])
    samples = oulu_casia.load(tmp_path, "all")
    assert samples.tight and list(labels(samples).values()) == ["neutral", "fear", "fear", "fear"]


# --- any class folders


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("TRAIN_SET", "train"),
        ("val", "val"),
        ("valid", "val"),
        ("Validation", "val"),
        ("PublicTest", "val"),
        ("test", "test"),
        ("testing", "test"),
        ("PrivateTest", "test"),
        ("FER2013Valid", "val"),
        ("latest", None),
        ("happy", None),
    ],
)
def test_split_names(folder: str, split: str | None) -> None:
    assert split_name(folder) == split


def test_image_folder_spellings_splits_and_gender(tmp_path: Path) -> None:
    pictures(
        tmp_path / "my archive",
        [
            "Training/Happy/a.png",
            "Training/joy/sub/b.jpg",
            "Training/SAD/ü\n.png",
            "PublicTest/angry/c.webp",
            "PrivateTest/Woman/d.bmp",
            "PrivateTest/men/e.png",
        ],
    )
    (tmp_path / "my archive" / "Training" / "Happy" / "notes.txt").write_text("x")
    pictures(tmp_path / "my archive" / "Training" / "3", ["f.png"])
    train = image_folder.load(tmp_path, "train")
    assert labels(train) == {
        "Training/Happy/a.png": "happiness",
        "Training/joy/sub/b.jpg": "happiness",
        "Training/SAD/ü\n.png": "sadness",
    }
    assert {p.file for p in train.problems} == {"Training/Happy/notes.txt", "Training/3"}
    assert list(labels(image_folder.load(tmp_path, "val")).values()) == ["anger"]
    test = image_folder.load(tmp_path, "test")
    assert (
        [GENDER2.labels[g] for g in test.gender] == ["female"]
        and (test.emotion == -1).all()
        and np.isnan(test.emotion_votes).all()
    )
    assert [p.reason for p in test.problems] == ["not a known class; 1 files in it"]


def test_image_folder_without_splits_or_without_val(tmp_path: Path) -> None:
    pictures(tmp_path / "flat", [f"{c}/{c}{i}.png" for c in ("happy", "sad") for i in range(60)])
    parts = {s: image_folder.load(tmp_path / "flat", s) for s in ("train", "val", "test")}
    assert sum(map(len, parts.values())) == 120 and min(map(len, parts.values())) > 3
    pictures(
        tmp_path / "two",
        [f"train/{c}/{c}{i}.png" for c in ("happy", "sad") for i in range(60)] + ["test/sad/x.png"],
    )
    parts = {s: image_folder.load(tmp_path / "two", s) for s in ("train", "val", "test")}
    assert (
        len(parts["test"]) == 1
        and len(parts["train"]) + len(parts["val"]) == 120
        and 2 < len(parts["val"]) < 25
    )
    pictures(tmp_path / "lone", ["train/sad/x.png", "val/sad/y.png"])
    assert image_folder.load(tmp_path / "lone", "all").ids == ("train/sad/x.png", "val/sad/y.png")
    with pytest.raises(DataError, match=r"test split of image_folder.*got train, val"):
        image_folder.load(tmp_path / "lone", "test")


def test_image_folder_says_what_is_wrong(tmp_path: Path) -> None:
    pictures(tmp_path / "a", ["train/happy/x.png"])
    (tmp_path / "a" / "train" / "sad").mkdir()
    with pytest.raises(DataError, match=r"a class in .*train/sad, got none; add some, or remove"):
        image_folder.load(tmp_path / "a", "train")
    pictures(tmp_path / "b", ["train/cats/x.png", "train/dogs/y.png"])
    with pytest.raises(DataError, match=r"train/cats'?: not a known class.*classes are folders"):
        image_folder.load(tmp_path / "b", "train")
    picture(tmp_path / "c" / "x.png")
    with pytest.raises(DataError, match=r"got no folders; try --data"):
        image_folder.load(tmp_path / "c", "all")
    pictures(tmp_path / "d", ["ferplus/x.png", "utkface/y.png"])
    with pytest.raises(
        DataError, match=r"a folder `fer2013` in .*, got ferplus, utkface; try --data"
    ):
        fer2013.load(tmp_path / "d", "train")
