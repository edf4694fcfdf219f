"""Data sets with ages that come as tables, in the publishers' layouts; and a disk that is full."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import cv2
import pytest

from core.data import all_age_faces, fer2013, ffhq_features, imdb_wiki
from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from tests.core.data import trees
from tests.core.data.mat_files import write_mat
from tests.core.data.picture_files import picture, pictures
from tests.core.data.test_tables import emotions
from tests.core.data.trees import celebrity, features


def test_imdb_wiki_age_gender_and_reasons(tmp_path: Path) -> None:
    late = float(date(1980, 12, 24).toordinal() + 366)
    entries = [
        celebrity(full_path="00/ok.jpg"),
        celebrity(full_path="00/late.jpg", dob=late, gender=0.0),
        celebrity(full_path="00/unknown.jpg", gender=float("nan"), name=""),
        celebrity(full_path="00/none.jpg", face_score=float("-inf")),
        celebrity(full_path="00/weak.jpg", face_score=0.4),
        celebrity(full_path="00/two.jpg", second_face_score=2.0),
        celebrity(full_path="00/unborn.jpg", photo_taken=1970),
        celebrity(full_path="00/old.jpg", photo_taken=2200),
        celebrity(full_path="00/day.jpg", dob=5.0),
        celebrity(full_path="00/nan.jpg", dob=float("nan")),
        celebrity(full_path="00/gone.jpg"),
        celebrity(full_path=""),
    ]
    write_mat(tmp_path / "wiki_crop" / "wiki.mat", "wiki", entries)
    pictures(
        tmp_path / "wiki_crop",
        [e["full_path"] for e in entries if e["full_path"] and "gone" not in e["full_path"]],
    )
    samples = imdb_wiki.load(tmp_path, "all")
    assert samples.ids == tuple(f"wiki_crop/00/{n}.jpg" for n in ("ok", "late", "unknown"))
    assert samples.age.tolist() == [30, 29, 30] and not samples.tight
    assert [GENDER2.labels[g] if g >= 0 else "?" for g in samples.gender] == ["male", "female", "?"]
    reasons = {Path(p.file).stem: p.reason for p in samples.problems}
    assert (
        "no face" in reasons["none"]
        and "0.40" in reasons["weak"]
        and "second face" in reasons["two"]
    )
    assert (
        "age: -10" in reasons["unborn"]
        and "age: 220" in reasons["old"]
        and "row 10 of wiki_crop/wiki.mat" in reasons["nan"]
    )
    assert (
        all("dates" in reasons[n] for n in ("day", "nan"))
        and "no such" in reasons["gone"]
        and len(samples.problems) == 9
    )


def test_imdb_wiki_never_divides_a_person(tmp_path: Path) -> None:
    root = trees.imdb_wiki(tmp_path)
    owner = {
        f"{part}_crop/{i % 10:02d}/{i}.jpg": f"Person {i // 2}"
        for part in ("imdb", "wiki")
        for i in range(60)
    }
    people = [{owner[i] for i in imdb_wiki.load(root, s).ids} for s in ("train", "val", "test")]
    assert all(people) and sum(map(len, people)) == 30


def test_imdb_wiki_alone_single_and_damaged(tmp_path: Path) -> None:
    write_mat(tmp_path / "wiki.mat", "wiki", [celebrity(full_path="07/one.jpg")])
    picture(tmp_path / "07" / "one.jpg")
    assert imdb_wiki.load(tmp_path, "all").ids == ("07/one.jpg",)
    for damage in (b"", b"not a matlab file", (tmp_path / "wiki.mat").read_bytes()[:300]):
        (tmp_path / "wiki.mat").write_bytes(damage)
        with pytest.raises(DataError, match=r"table in .*wiki.mat.*download it again"):
            imdb_wiki.load(tmp_path, "all")


def test_ffhq_soft_scores_become_votes(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    faces = {
        "00000": [
            features(5, "male", 40, anger=1.0),
            features(33.0, "female", 90, happiness=0.6, contempt=0.6),
        ],
        "00001": [],
        "00002": [features(happiness=-1.0)],
        "00003": [features(age=400, happiness=1.0)],
        "00004": [{"faceRectangle": {}}],
        "00005": [features(neutral=1.0)],
        "60000": [features(sadness=1.0)],
    }
    for number, face in faces.items():
        (tmp_path / "json" / f"{number}.json").write_text(json.dumps(face))
        picture(tmp_path / "thumbnails128x128" / number[:2] / f"{number}.png")
    (tmp_path / "json" / "00005.json").write_text('{"cut')
    picture(tmp_path / "thumbnails128x128" / "00009.png")
    train = ffhq_features.load(tmp_path, "train")
    assert (
        train.ids == ("thumbnails128x128/00/00000.png",)
        and train.age.tolist() == [33]
        and GENDER2.labels[train.gender[0]] == "female"
    )
    votes = dict(zip(FERPLUS8.labels, train.emotion_votes[0].tolist(), strict=True))
    assert votes["happiness"] == votes["contempt"] == pytest.approx(0.5) and sum(
        votes.values()
    ) == pytest.approx(1)
    assert sorted(Path(p.file).stem for p in train.problems) == [
        "00001",
        "00002",
        "00003",
        "00004",
        "00005",
        "00009",
    ]
    assert emotions(ffhq_features.load(tmp_path, "val")) == ["sadness"]


def test_ffhq_takes_one_size(tmp_path: Path) -> None:
    (tmp_path / "ffhq-features-dataset" / "json").mkdir(parents=True)
    (tmp_path / "ffhq-features-dataset" / "json" / "00007.json").write_text(
        json.dumps([features(fear=1.0)])
    )
    pictures(tmp_path, ["thumbnails128x128/00007.png", "images1024x1024/00007.png"])
    assert ffhq_features.load(tmp_path, "all").ids == ("images1024x1024/00007.png",)


def test_all_age_faces_lists(tmp_path: Path) -> None:
    root = trees.all_age_faces(tmp_path)
    top = root / "All-Age-Faces Dataset"
    with (top / "image sets" / "train.txt").open("a") as file:
        file.write("00099A20 0\nbroken line\n00000A02 7\n\n")
    pictures(top / "aligned faces", ["face.jpg", "00500A44.jpg"])
    train = all_age_faces.load(root, "train")
    assert train.ids[0] == "aligned faces/00000A02.jpg" and train.tight and len(train) == 12
    assert train.age[:3].tolist() == [2, 4, 6]
    assert [GENDER2.labels[g] for g in train.gender] == ["female"] * 6 + ["male"] * 6
    about = {p.file: p.reason for p in train.problems}
    assert set(about) == {
        "00099A20.jpg",
        "image sets/train.txt",
        "aligned faces/face.jpg",
        "aligned faces/00500A44.jpg",
    }
    assert [p.reason[:6] for p in train.problems if p.file.endswith(".txt")] == ["row 14", "row 15"]
    with pytest.raises(DataError, match=r"publishers' lists.*train, val"):
        all_age_faces.load(root, "test")


def test_all_age_faces_without_lists(tmp_path: Path) -> None:
    pictures(
        tmp_path / "original images", [f"{n:05d}A{10 + n % 60}.jpg" for n in range(7300, 7460)]
    )
    parts = {s: all_age_faces.load(tmp_path, s) for s in ("train", "val", "test")}
    assert (
        sum(map(len, parts.values())) == 160
        and min(map(len, parts.values())) > 4
        and not parts["train"].tight
    )
    for part in parts.values():
        assert all(
            (int(i[16:21]) > 7380) == (GENDER2.labels[g] == "male")
            for i, g in zip(part.ids, part.gender, strict=True)
        )


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    root = trees.fer2013(tmp_path)
    with monkeypatch.context() as m:
        m.setattr(Path, "write_bytes", full)
        with pytest.raises(DataError, match=r"No space left.*MIEN_CACHE"):
            fer2013.load(root, "train")
    assert len(fer2013.load(root, "train")) == 7  # nothing half done is taken for whole
    assert cv2.imread(str(fer2013.load(root, "train").paths[0])).shape == (48, 48, 3)
