"""A small tree of every data set, in the publishers' layout. The function's name is the data set's;
it fills `root` and returns it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.labels import AFFECTNET8, FER7, FERPLUS8, GENDER2, JAFFE_CODES, KDEF_CODES
from tests.core.data.mat_files import write_mat
from tests.core.data.picture_files import picture, pictures, video


def ferplus(root: Path) -> Path:
    for folder in ("FER2013Train", "FER2013Valid", "FER2013Test"):
        pictures(root / folder, [f"fer{i}.png" for i in range(8)])
        rows = [
            f'fer{i}.png,"(0, 0, 48, 48)",' + ",".join("9" if i == k else "0" for k in range(10))
            for i in range(8)
        ]
        (root / folder / "label.csv").write_text("\n".join(rows) + "\n")
    return root


def ferplus_fer2013(root: Path) -> Path:
    """The labels of every second picture, which is the class after FER+'s."""
    ferplus(root)
    rows = ["folder,file,fer2013_label"]
    for folder in sorted(root.glob("FER2013*")):
        labels = [FERPLUS8.labels[(i + 1) % 8] if i % 2 else "" for i in range(8)]
        rows += [f"{folder.name},fer{i}.png,{label}" for i, label in enumerate(labels)]
    (root / "fer2013_labels.csv").write_text("\n".join(rows) + "\n")
    return root


def utkface(root: Path) -> Path:
    return pictures(
        root, [f"{i}_{i % 2}_{i % 5}_2017010922{i:06d}.jpg.chip.jpg" for i in range(1, 80)]
    )


def pixels(seed: int, n: int = 48 * 48) -> str:
    return " ".join(map(str, np.random.default_rng(seed).integers(0, 256, n)))


def fer2013(root: Path) -> Path:
    usages = ("Training", "PublicTest", "PrivateTest")
    rows = [f"{i % len(FER7)},{pixels(i)},{usages[i % 3]}" for i in range(21)]
    (root / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return root


def rafdb(root: Path) -> Path:
    lines = []
    for part in ("train", "test"):
        for i in range(1, 41):
            picture(root / "basic/Image/aligned" / f"{part}_{i:05d}_aligned.jpg")
            lines.append(f"{part}_{i:05d}.jpg {1 + i % 7}")
            about = root / "basic/Annotation/manual" / f"{part}_{i:05d}_manu_attri.txt"
            about.parent.mkdir(parents=True, exist_ok=True)
            about.write_text("1.5\t2.5\n" * 5 + f"{i % 3}\n{i % 3}\n{i % 5}\n")
    (root / "basic/EmoLabel").mkdir()
    (root / "basic/EmoLabel/list_patition_label.txt").write_text("\n".join(lines) + "\n")
    return root


AFFECTNET_HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,"
    "expression,valence,arousal"
)


def affectnet(root: Path) -> Path:
    for table, n in (("training", 16), ("validation", 8)):
        names = [f"{i % 3}/{table}{i}.jpg" for i in range(n)]
        pictures(root / "Manually_Annotated_Images", names)
        rows = [
            f"{name},1,2,3,4,1;2;3,{i % len(AFFECTNET8)},0.1,-0.2" for i, name in enumerate(names)
        ]
        (root / f"{table}.csv").write_text("\n".join([AFFECTNET_HEADER, *rows]) + "\n")
    return root


def celebrity(**other: object) -> dict:
    """An entry of a .mat: born on 1980-01-01, photographed in 2010."""
    about = {
        "dob": 723181.0,
        "photo_taken": 2010,
        "full_path": "00/a.jpg",
        "gender": 1.0,
        "name": "A",
        "face_score": 3.5,
    }
    return about | {"second_face_score": float("nan")} | other


def imdb_wiki(root: Path) -> Path:
    for part in ("imdb", "wiki"):
        entries = [
            celebrity(full_path=f"{i % 10:02d}/{i}.jpg", name=f"Person {i // 2}", gender=i % 2)
            for i in range(60)
        ]
        pictures(root / f"{part}_crop", [e["full_path"] for e in entries])
        write_mat(root / f"{part}_crop" / f"{part}.mat", part, entries)
    return root


def wiki(root: Path) -> Path:
    imdb_wiki(root)
    shutil.rmtree(root / "imdb_crop")
    return root


def emoreact(root: Path) -> Path:
    labels = root / "EmoReact_V_1.0" / "Labels"
    labels.mkdir(parents=True)
    for folder, part in (("Train", "train"), ("Validation", "val"), ("Test", "test")):
        names = [f"{part.upper()}{i}_1" for i in range(4)]
        for i, name in enumerate(names):
            video(labels.parent / "Data" / folder / f"{name}.mp4", seed=i)
        rows = [",".join(str(int(k == i)) for k in range(3, 7)) for i in range(3, 7)]
        (labels / f"{part}_names.txt").write_text("".join(f"{name}.mp4\n" for name in names))
        (labels / f"{part}_labels.text").write_text("".join(f"0,0,0,{row},0,4.5\n" for row in rows))
    return root


def features(age: float = 30.0, gender: str = "female", size: int = 100, **emotion: float) -> dict:
    """One face of FFHQ-features-dataset."""
    scores = dict.fromkeys(FERPLUS8.labels, 0.0) | emotion
    return {
        "faceRectangle": {"width": size, "height": size},
        "faceAttributes": {"age": age, "gender": gender, "emotion": scores},
    }


def ffhq_features(root: Path) -> Path:
    (root / "json").mkdir(parents=True)
    for i, label in enumerate(FERPLUS8.labels * 2):
        number = i + (60_000 if i % 4 == 0 else 0)
        picture(root / "images1024x1024" / f"{number // 1000 * 1000:05d}" / f"{number:05d}.png")
        face = features(
            20 + i,
            "male" if i % 2 else "female",
            **{label: 0.75, FERPLUS8.labels[(i + 1) % 8]: 0.25},
        )
        (root / "json" / f"{number:05d}.json").write_text(json.dumps([face]))
    return root


def jaffe(root: Path) -> Path:
    from PIL import Image

    root.mkdir(exist_ok=True)
    for m, model in enumerate(("KA", "KL", "KM", "KR", "MK", "NA", "NM", "TM", "UY", "YM")):
        for i, code in enumerate(JAFFE_CODES):
            grey = np.random.default_rng([m, i]).integers(0, 256, (16, 16), np.uint8)
            Image.fromarray(grey).save(root / f"{model}.{code}1.{10 * m + i}.tiff")
    return root


def kdef(root: Path) -> Path:
    names = [
        f"{s}{g}{n:02d}{code}{a}.JPG"
        for s, a in (("A", "S"), ("B", "HL"))
        for g in "FM"
        for n in range(1, 6)
        for code in KDEF_CODES
    ]
    return pictures(
        root / "KDEF_and_AKDEF" / "KDEF", [f"{name[:4]}/{name}" for name in names]
    ).parent.parent


def oulu_casia(root: Path) -> Path:
    for person in range(1, 11):
        for light in ("Dark", "Strong"):
            for label in ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise"):
                pictures(
                    root / f"OriginalImg/VL/{light}/P{person:03d}/{label}",
                    [f"{i:03d}.jpeg" for i in range(5)],
                )
    picture(root / "OriginalImg/NI/Dark/P001/Anger/000.jpeg")
    return root


def all_age_faces(root: Path) -> Path:
    top = root / "All-Age-Faces Dataset"
    people = [f"{n:05d}A{2 + i:02d}" for i, n in enumerate([*range(12), *range(7381, 7393)])]
    pictures(top / "aligned faces", [f"{p}.jpg" for p in people])
    pictures(top / "original images", [f"{p}.jpg" for p in people])
    (top / "image sets").mkdir()
    for name, part in (("train", people[::2]), ("val", people[1::2])):
        (top / "image sets" / f"{name}.txt").write_text(
            "".join(f"{p} {int(int(p[:5]) > 7380)}\n" for p in part)
        )
    return root


def image_folder(root: Path) -> Path:
    for part in ("train", "valid", "Test"):
        for label in ("Angry", "happy", "NEUTRAL"):
            pictures(root / part / label, [f"{label} {i}.jpg" for i in range(6)])
    return root


def synthetic(root: Path) -> Path:
    return root


synthetic_noisy = synthetic


def manifest(root: Path) -> Path:
    from core.data.manifest import COLUMNS, FILE, KEY, About

    names = [f"pictures/{part}/{i}.png" for part in ("train", "val", "test") for i in range(8)]
    pictures(root, names)
    n = len(names)
    columns = {
        "id": names,
        "root": ["source"] * n,
        "path": names,
        "split": [name.split("/")[1] for name in names],
        "emotion": [FERPLUS8.labels[i % 8] for i in range(n)],
        "gender": [GENDER2.labels[i % 2] for i in range(n)],
        "age": [float(i) for i in range(n)],
    }
    table = pa.table({name: pa.array(values, COLUMNS[name]) for name, values in columns.items()})
    about = About("image_folder", "0", {"source": "."}, True, {})
    pq.write_table(table.replace_schema_metadata({KEY: about.to_json()}), root / FILE)
    return root


FAIRFACE_AGES = ("0-2", "3-9", "10-19", "20-29", "60-69", "more than 70")


def fairface(root: Path) -> Path:
    for part, n in (("train", 40), ("val", 8)):
        names = [f"{part}/{i}.jpg" for i in range(1, n + 1)]
        pictures(root, names)
        rows = [
            f"{name},{FAIRFACE_AGES[i % 6]},{('Male', 'Female')[i % 2]},"
            f"{('East Asian', 'Latino_Hispanic', 'White')[i % 3]},{bool(i % 2)}"
            for i, name in enumerate(names)
        ]
        header = "file,age,gender,race,service_test"
        (root / f"fairface_label_{part}.csv").write_text("\n".join([header, *rows]) + "\n")
    return root


def appa_real(root: Path) -> Path:
    for folder in ("train", "valid", "test"):
        names = [f"{folder}{i:05d}.jpg" for i in range(8)]
        pictures(root / folder, [n for name in names for n in (name, f"{name}_face.jpg")])
        rows = [f"{name},38,{20.5 + i},4.1,{20 + i}" for i, name in enumerate(names)]
        header = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age"
        (root / f"gt_avg_{folder}.csv").write_text("\n".join([header, *rows]) + "\n")
    return root


def any_pictures(root: Path) -> Path:
    names = [f"folder {i % 3}/{i}.jpg" for i in range(60)]
    pictures(root, names)
    columns = {
        "path": names,
        "emotion": [FERPLUS8.labels[i % 8] if i % 4 else None for i in range(60)],
        "gender": [GENDER2.labels[i % 2] for i in range(60)],
        "age": [float(i) for i in range(60)],
        "group_camera": ["a" if i % 2 else "b" for i in range(60)],
    }
    pq.write_table(pa.table(columns), root / "pictures.parquet")
    return root
