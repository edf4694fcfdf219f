"""Data sets whose labels stand in a table: fer2013, rafdb, affectnet, imdb_wiki, ffhq_features,
all_age_faces.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import image
from core.data import affectnet, fer2013, rafdb
from core.data.base import splits
from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from tests.core.data import trees
from tests.core.data.picture_files import picture, pictures
from tests.core.data.trees import pixels


def emotions(samples: object) -> list[str]:
    return [FERPLUS8.labels[e] if e >= 0 else "" for e in samples.emotion]


def test_fer2013_rows_become_pictures_named_as_in_ferplus(tmp_path: Path) -> None:
    (tmp_path / "icml_face_data.csv").write_text(
        "emotion, Usage, "
        f"pixels\n3,Training,{pixels(1)}\n6,PrivateTest,{pixels(2)}\n0,PublicTest,{pixels(3)}\n"
    )
    train = fer2013.load(tmp_path, "train")
    assert train.ids == ("Training/fer0000000.png",) and emotions(train) == ["happiness"]
    assert np.array_equal(
        image.load(train.paths[0])[..., 1].ravel(), np.array(pixels(1).split(), np.uint8)
    )
    assert emotions(fer2013.load(tmp_path, "test")) == ["neutral"]
    assert fer2013.load(tmp_path, "val").ids == ("PublicTest/fer0000002.png",)
    assert emotions(fer2013.load(tmp_path, "all")) == ["happiness", "neutral", "anger"]


def test_fer2013_names_broken_rows_and_keeps_the_rest(tmp_path: Path) -> None:
    good = pixels(1)
    rows = [
        f"3,{good},Training",
        f"7,{good},Training",
        "3,1 2 3,Training",
        f"3,{good} x,Training",
        f"3,{good[:-1]}300,Training",
        f"x,{good},Training",
        f"3,{good},Sometimes",
        "3",
        "",
        f"5,{good},Training",
        f"3,{9**30} {good},Training",
    ]
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    samples = fer2013.load(tmp_path, "train")
    assert emotions(samples) == ["happiness", "surprise"]
    assert [p.reason.split(":")[0] for p in samples.problems] == [
        f"row {n}" for n in (3, 4, 5, 6, 7, 8, 9, 12)
    ]
    assert {p.file for p in samples.problems} == {"fer2013.csv"}
    with pytest.raises(DataError, match=r"val split of fer2013.*row 3"):
        fer2013.load(tmp_path, "val")


def test_fer2013_unpacks_once_for_each_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = trees.fer2013(tmp_path)
    first = fer2013.load(root, "all")
    with monkeypatch.context() as m:
        m.setattr(fer2013, "_unpack", lambda *_: pytest.fail("unpacked again"))
        assert fer2013.load(root, "train").root == first.root
    table = root / "fer2013.csv"
    table.write_text(table.read_text() + f"0,{pixels(99)},Training\n")
    assert len(fer2013.load(root, "all")) == len(first) + 1


def test_fer2013_as_folders(tmp_path: Path) -> None:
    for label in ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"):
        for part, n in (("train", 30), ("test", 2)):
            pictures(
                tmp_path / "archive" / part / label, [f"{part}{label}{i}.jpg" for i in range(n)]
            )
    parts = {s: fer2013.load(tmp_path, s) for s in ("train", "val", "test")}
    assert len(parts["test"]) == 14 and set(emotions(parts["test"])) == set(FERPLUS8.labels[:7])
    assert len(parts["train"]) + len(parts["val"]) == 210 and 5 < len(parts["val"]) < 40
    numbered = pictures(tmp_path / "numbered", [f"train/{i}/{i}.png" for i in range(7)])
    assert emotions(fer2013.load(numbered, "all")) == [
        "anger",
        "disgust",
        "fear",
        "happiness",
        "sadness",
        "surprise",
        "neutral",
    ]


def test_fer2013_table_without_its_columns(tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_text("emotion,pixels\n3,1 2\n")
    with pytest.raises(DataError, match=r"columns emotion, pixels, Usage.*got emotion, pixels;"):
        fer2013.load(tmp_path, "train")
    (tmp_path / "fer2013.csv").write_text("")
    with pytest.raises(DataError, match="empty"):
        fer2013.load(tmp_path, "train")


def test_rafdb_codes_attributes_and_official_test(tmp_path: Path) -> None:
    root = trees.rafdb(tmp_path)
    test = rafdb.load(root, "test")
    assert (
        len(test) == 40
        and all(i.startswith("Image/aligned/test_") for i in test.ids)
        and test.tight
    )
    seven = [
        "fear",
        "disgust",
        "happiness",
        "sadness",
        "anger",
        "neutral",
        "surprise",
    ]  # 1 + i % 7 for i from 1
    assert emotions(test)[:7] == seven
    assert [GENDER2.labels[g] if g >= 0 else "?" for g in test.gender[:3]] == [
        "female",
        "?",
        "male",
    ]
    assert test.groups["race"][:3].tolist() == ["African-American", "Asian", "Caucasian"]
    assert test.groups["age_band"][:5].tolist() == ["04-19", "20-39", "40-69", "70+", "00-03"]
    val = rafdb.load(root, "val")
    assert 0 < len(val) < 15 and all(
        splits.split_of(Path(i).stem.removesuffix("_aligned")) == "val" for i in val.ids
    )


def test_rafdb_without_aligned_pictures_and_with_broken_attributes(tmp_path: Path) -> None:
    (tmp_path / "EmoLabel").mkdir()
    lines = "test_0001.jpg 4\n\ntest_0005.jpg 5\ntest_0006.jpg 5"
    (tmp_path / "EmoLabel" / "list_patition_label.txt").write_text(lines)
    pictures(tmp_path / "Image" / "original", ["test_0001.jpg", "test_0006.jpg"])
    (tmp_path / "Annotation" / "manual").mkdir(parents=True)
    (tmp_path / "Annotation" / "manual" / "test_0001_manu_attri.txt").write_text("1 2 3")
    samples = rafdb.load(tmp_path, "test")
    assert (
        emotions(samples) == ["happiness", "sadness"]
        and not samples.tight
        and (samples.gender == -1).all()
    )
    assert {p.file for p in samples.problems} == {
        "Image/original/test_0005.jpg",
        "Annotation/manual/test_0001_manu_attri.txt",
    }


def test_rafdb_as_numbered_folders(tmp_path: Path) -> None:
    root = pictures(tmp_path, [f"DATASET/test/{i}/test_{i}_aligned.jpg" for i in range(1, 8)])
    assert emotions(rafdb.load(root, "test")) == [
        "surprise",
        "fear",
        "disgust",
        "happiness",
        "sadness",
        "anger",
        "neutral",
    ]


def test_affectnet_table_codes(tmp_path: Path) -> None:
    names = [f"{i}/a{i}.jpg" for i in range(13)]
    pictures(tmp_path / "Manually_Annotated" / "Manually_Annotated_Images", names)
    codes = [*range(11), 11, "x"]
    rows = [f"{n},0,0,1,1,1;1,{c},0,0" for n, c in zip(names, codes, strict=True)]
    lists = tmp_path / "Manually_Annotated_file_lists"
    lists.mkdir()
    (lists / "training.csv").write_text(
        "\n".join([trees.AFFECTNET_HEADER, *rows, "5/gone.jpg,0,0,1,1,1;1,1,0,0"])
    )
    (lists / "validation.csv").write_text(rows[6] + "\n")  # some copies have no header
    train = affectnet.load(tmp_path, "train")
    assert emotions(train) == [
        "neutral",
        "happiness",
        "sadness",
        "surprise",
        "fear",
        "disgust",
        "anger",
        "contempt",
    ]
    assert not train.tight
    reasons = " ".join(p.reason for p in train.problems)
    assert (
        all(f"row {n}:" in reasons for n in range(10, 15))
        and "no_face" in reasons
        and "no such picture" in reasons
    )
    assert len(train.problems) == 6
    assert emotions(affectnet.load(tmp_path, "val")) == ["anger"]
    with pytest.raises(DataError, match="publishers keep"):
        affectnet.load(tmp_path, "test")


def test_affectnet_table_cannot_reach_outside(tmp_path: Path) -> None:
    picture(tmp_path / "secret.jpg")
    root = tmp_path / "data"
    picture(root / "ok.jpg")
    (root / "training.csv").write_text(
        f"{trees.AFFECTNET_HEADER}\n../secret.jpg,0,0,1,1,1,1,0,0\nok.jpg,0,0,1,1,1,1,0,0\n"
    )
    samples = affectnet.load(root, "train")
    assert samples.ids == ("ok.jpg",) and "outside" in samples.problems[0].reason


def test_affectnet_arrays_without_pickle(tmp_path: Path) -> None:
    for part, n in (("train_set", 6), ("val_set", 2)):
        pictures(tmp_path / part / "images", [f"{i}.jpg" for i in range(n)])
        (tmp_path / part / "annotations").mkdir()
        for i, code in enumerate(
            [
                np.array("7"),
                np.array(2),
                np.array(["4"]),
                np.array("9"),
                np.array({"a": 1}, object),
            ][:n]
        ):
            np.save(tmp_path / part / "annotations" / f"{i}_exp.npy", code, allow_pickle=True)
    train = affectnet.load(tmp_path, "train")
    assert emotions(train) == ["contempt", "sadness", "fear"] and train.tight
    assert [p.file for p in train.problems] == [f"train_set/images/{i}.jpg" for i in (3, 4, 5)]
    assert emotions(affectnet.load(tmp_path, "all")) == [
        "contempt",
        "sadness",
        "fear",
        "contempt",
        "sadness",
    ]
    marks = train.fingerprint
    np.save(tmp_path / "train_set" / "annotations" / "0_exp.npy", np.array("1"))
    assert affectnet.load(tmp_path, "train").fingerprint != marks


def test_affectnet_as_folders(tmp_path: Path) -> None:
    pictures(tmp_path / "a", [f"train/{i}/{i}.jpg" for i in range(8)] + ["test/3/x.jpg"])
    assert emotions(affectnet.load(tmp_path / "a", "test")) == ["surprise"]
    pictures(tmp_path / "b", ["Contempt/1.png", "anger/1.png"])
    assert set(emotions(affectnet.load(tmp_path / "b", "all"))) == {"contempt", "anger"}
