"""What other tools write is read as it was meant, and what we write is read by them.

The forms are those of the publishers' own code; each function names the file that was read.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from evaluation.predictions import read, write
from evaluation.predictions.importing import ImportOptions

FER_LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
AFFECTNET_LABELS = (
    *("Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise"),
)
RACES = ("asian", "indian", "black", "white", "middle eastern", "latino hispanic")


@dataclass(frozen=True)
class Export:
    """A file of another tool.

    Attributes:
        name: of the file.
        text: its content.
        columns: what it is read as: column of the contract -> values.
        options: what has to be said on the command line.
    """

    name: str
    text: str
    columns: Mapping[str, Sequence[object]]
    options: Mapping[str, object] = field(default_factory=dict)


def lines(rows: Sequence[Mapping[str, object]]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def percent(labels: Sequence[str], top: str) -> dict[str, float]:
    return {name: 94.0 if name == top else 6 / (len(labels) - 1) for name in labels}


def face_of_deepface(emotion: str, gender: str, age: int) -> dict[str, object]:
    """One face of `DeepFace.analyze`: serengil/deepface, deepface/modules/demography.py."""
    return {
        "emotion": percent(FER_LABELS, emotion),
        "dominant_emotion": emotion,
        "region": {"x": 1, "y": 2, "w": 30, "h": 30, "left_eye": None, "right_eye": [9, 9]},
        "face_confidence": 0.93,
        "age": age,
        "gender": percent(("Woman", "Man"), gender),
        "dominant_gender": gender,
        "race": percent(RACES, "white"),
        "dominant_race": "white",
    }


def deepface(*, nested: bool) -> Export:
    """`{"image": ..., **analyze(...)[0]}`, or the list of one face as it is."""
    faces = [face_of_deepface("happy", "Woman", 31), face_of_deepface("fear", "Man", 18)]
    labels = [
        {"image": "a.jpg", "emotion_true": "happy", "gender_true": "female", "age_true": 30},
        {"image": "b.jpg", "emotion_true": "sad", "gender_true": "female", "age_true": 20},
    ]
    rows = [
        label | ({"result": [face]} if nested else face)
        for label, face in zip(labels, faces, strict=True)
    ]
    columns = {
        "sample_id": ["a.jpg", "b.jpg"],
        "emotion_pred": ["happiness", "fear"],
        "emotion_p_fear": [pytest.approx(0.01), pytest.approx(0.94)],
        "gender_pred": ["female", "male"],
        "gender_p_female": [pytest.approx(0.94), pytest.approx(0.06)],
        "age_pred": [31, 18],
    }
    return Export("deepface.jsonl", lines(rows), columns, {"percent": True})


def hsemotion() -> Export:
    """`predict_emotions`: av-savchenko/face-emotion-recognition, hsemotion/facial_emotions.py.

    It returns a class and logits; those of an `_mtl` model end with valence and arousal.
    """
    rows = [
        {"image": f"{i}.png", "label": label, "emotion": label, "scores": scores}
        for i, label in enumerate(AFFECTNET_LABELS)
        for scores in [[4.0 * (j == i) for j in range(8)]]
    ]
    options = {"labels": {"": AFFECTNET_LABELS}, "softmax": True}
    names = [label.lower() for label in AFFECTNET_LABELS]
    columns = {"emotion_true": names, "emotion_pred": names, "path": [r["image"] for r in rows]}
    return Export("hsemotion.json", json.dumps(rows), columns, options)


def human(*, nested: bool) -> Export:
    """A result of vladmandic/human, src/result.ts and src/gear/emotion.ts.

    Emotions are sorted, cut to two decimals, and left out below `minConfidence`. `id` counts the
    faces of one picture, so it names no sample.
    """
    rows: list[dict[str, object]] = []
    for name, true, first in (("a.jpg", "happy", "happy"), ("b.jpg", "sad", "fear")):
        emotions = [{"score": 0.81, "emotion": first}, {"score": 0.12, "emotion": "neutral"}]
        face = {"id": 0, "box": [1, 2, 3, 4], "age": 31.5, "gender": "male", "emotion": emotions}
        row = {"image": name, "emotion_true": true, "gender_true": "male", "age_true": 30}
        rows.append(row | ({"face": [face], "hand": []} if nested else face))
    columns = {
        "sample_id": ["a.jpg", "b.jpg"],
        "emotion_pred": ["happiness", "fear"],
        "gender_pred": ["male", "male"],
        "age_pred": [31.5, 31.5],
    }
    return Export("human.jsonl", lines(rows), columns)


def fiftyone_csv() -> Export:
    """`CSVDatasetExporter`: voxel51/fiftyone, fiftyone/utils/csv.py; lists are joined by commas."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_MINIMAL)
    fields = ("tags", "ground_truth.label", "predictions.label", "predictions.confidence")
    writer.writerow(["filepath", *fields, "predictions.logits"])
    writer.writerow(["1.jpg", "val,hard", "cat", "dog", "0.88", "0.1,2.5"])
    writer.writerow(["2.jpg", "val", "dog", "dog", "", "0.2,1.5"])
    columns = {
        "sample_id": ["1.jpg", "2.jpg"],
        "label_true": ["cat", "dog"],
        "label_pred": ["dog", "dog"],
        "label_p_dog": [pytest.approx(0.917, abs=1e-3), pytest.approx(0.786, abs=1e-3)],
    }
    options = {"labels": {"": ("cat", "dog")}, "softmax": True}
    return Export("labels.csv", out.getvalue(), columns, options)


def fiftyone_json(prediction: str = "predictions") -> Export:
    """`FiftyOneDatasetExporter`: voxel51/fiftyone, fiftyone/utils/data/exporters.py."""

    def label(value: str, confidence: float | None) -> dict[str, object]:
        stored = {"_id": {"$oid": "5ecd"}, "_cls": "Classification", "tags": []}
        return {**stored, "label": value, "confidence": confidence, "logits": None}

    samples = [
        {
            "_id": {"$oid": f"5ecdd7f5{i}"},
            "filepath": f"data/{i}.jpg",
            "tags": ["val"],
            "metadata": {"_cls": "ImageMetadata", "mime_type": "image/jpeg", "width": 4},
            "_media_type": "image",
            "ground_truth": label(true, None),
            prediction: label("dog", 0.9),
        }
        for i, true in enumerate(("cat", "dog"))
    ]
    names = {} if prediction == "predictions" else {"label_pred": f"{prediction}.label"}
    columns = {"path": ["data/0.jpg", "data/1.jpg"], "label_true": ["cat", "dog"]}
    columns["label_pred"] = ["dog", "dog"]
    return Export("samples.json", json.dumps({"samples": samples}), columns, {"names": names})


def wandb(columns: Sequence[str], data: Sequence[Sequence[object]], **read_as: list) -> Export:
    """A table in an artifact: wandb/wandb, wandb/sdk/data_types/table.py, `Table.to_json`."""
    content = {
        "_type": "table",
        "column_types": {"params": {"type_map": {}}, "wb_type": "typedDict"},
        "columns": columns,
        "data": data,
        "log_mode": "IMMUTABLE",
        "ncols": len(columns),
        "nrows": len(data),
    }
    return Export("t.table.json", json.dumps(content), read_as)


def wandb_image(name: str) -> dict[str, object]:
    return {"_type": "image-file", "path": f"media/images/{name}", "sha256": "a", "size": 3}


def evaluate() -> Export:
    """What goes into `evaluate`'s `compute`."""
    content = {"predictions": [0, 1, 1], "references": [0, 1, 0]}
    columns = {"label_true": ["0", "1", "0"], "label_pred": ["0", "1", "1"]}
    return Export("evaluate.json", json.dumps(content), columns)


def pipeline() -> Export:
    """What `pipeline("image-classification")` of Transformers returns, beside a label."""
    rows = [
        {
            "label": true,
            "prediction": [{"label": "cat", "score": p}, {"label": "dog", "score": 1 - p}],
        }
        for true, p in (("cat", 0.75), ("dog", 0.25))
    ]
    columns = {"label_true": ["cat", "dog"], "label_p_cat": [0.75, 0.25]}
    return Export("pipeline.json", json.dumps(rows), columns)


EXPORTS: dict[str, Callable[[], Export]] = {
    "evaluate": evaluate,
    "pipeline": pipeline,
    "deepface": lambda: deepface(nested=False),
    "deepface, as it is": lambda: deepface(nested=True),
    "hsemotion": hsemotion,
    "human": lambda: human(nested=False),
    "human, as it is": lambda: human(nested=True),
    "fiftyone csv": fiftyone_csv,
    "fiftyone json": fiftyone_json,
    "fiftyone json, own field": lambda: fiftyone_json("resnet"),
    "wandb scores": lambda: wandb(
        ["id", "image", "guess", "truth", "score_0", "score_1"],
        [
            ["5_0", wandb_image("0.png"), 1, 1, 0.25, 0.75],
            ["5_1", wandb_image("1.png"), 0, 1, 1, 0],
        ],
        sample_id=["5_0", "5_1"],
        path=["media/images/0.png", "media/images/1.png"],
        label_true=["1", "1"],
        label_p_1=[0.75, 0],
    ),
    "wandb evaluation table": lambda: wandb(
        ["image_id", "true_label", "predicted_label", "confidence", "correct"],
        [["img_001", "cat", "cat", 0.97, True], ["img_002", "dog", "cat", 0.72, False]],
        sample_id=["img_001", "img_002"],
        label_true=["cat", "dog"],
        label_pred=["cat", "cat"],
    ),
    "wandb default columns": lambda: wandb(
        ["Input", "Output", "Expected"],
        [["a", "cat", "cat"], ["b", "dog", "cat"]],
        label_true=["cat", "cat"],
        label_pred=["cat", "dog"],
    ),
}


@pytest.mark.parametrize("tool", EXPORTS)
def test_exports_of_other_tools_are_read(tool: str, tmp_path: Path) -> None:
    export = EXPORTS[tool]()
    (tmp_path / export.name).write_text(export.text)
    table = read(tmp_path / export.name, options=ImportOptions(**export.options))
    assert {n: table[n].to_pylist() for n in export.columns} == export.columns


def test_a_loop_of_three_lines_and_back(tmp_path: Path) -> None:
    rows = {"sample_id": ["a", "b"], "mask_true": ["on", "off"], "mask_pred": ["on", "on"]}
    write(rows, tmp_path / "mine.parquet")
    for name in ("mine.csv", "again.parquet"):
        write(read(tmp_path / "mine.parquet"), tmp_path / name)
        assert read(tmp_path / name)["mask_true"].to_pylist() == ["on", "off"]
    frame = pd.read_csv(tmp_path / "mine.csv")
    assert (frame.mask_true == frame.mask_pred).mean() == 0.5
