"""What other tools write is read as it was meant, and what we write is read by them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from evaluation.predictions import read, write
from evaluation.predictions.importing import ImportOptions

SEVEN = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
EIGHT = ["Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise"]


def deepface(true: str, top: str) -> dict[str, object]:
    emotions = {name: 94.0 if name == top else 1.0 for name in SEVEN}
    return {
        "image": f"{true}.jpg",
        "emotion_true": true,
        "age_true": 30,
        "emotion": emotions,
        "dominant_emotion": top,
        "age": 31,
        "region": {"x": 1, "y": 2, "w": 3, "h": 4},
    }


TOOLS = {
    "evaluate": ({"predictions": [0, 1, 1], "references": [0, 1, 0]}, {}, "label"),
    "pipeline": (
        [
            {
                "label": a,
                "prediction": [{"label": "cat", "score": p}, {"label": "dog", "score": 1 - p}],
            }
            for a, p in (("cat", 0.9), ("dog", 0.2))
        ],
        {},
        "label",
    ),
    "deepface": (
        [deepface("happy", "happy"), deepface("sad", "fear")],
        {"percent": True},
        "emotion",
    ),
    "hsemotion": (
        [
            {
                "image": f"{i}.png",
                "label": name,
                "emotion": name,
                "scores": [4.0 * (j == i) for j in range(8)],
            }
            for i, name in enumerate(EIGHT)
        ],
        {"labels": {"": tuple(EIGHT)}, "softmax": True},
        "emotion",
    ),
    "fiftyone": (
        [
            {
                "filepath": "/d/1.png",
                "ground_truth": {"label": "cat"},
                "predictions": {"label": "dog", "confidence": 0.7},
            },
            {
                "filepath": "/d/2.png",
                "ground_truth": {"label": "dog"},
                "predictions": {"label": "dog", "confidence": 0.8},
            },
        ],
        {},
        "label",
    ),
    "wandb": (
        {
            "columns": ["image", "guess", "truth"],
            "data": [
                [{"_type": "image-file", "path": "media/1.png"}, "cat", "dog"],
                [{"_type": "image-file", "path": "media/2.png"}, "dog", "dog"],
            ],
        },
        {},
        "label",
    ),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_exports_of_other_tools_are_read(tool: str, tmp_path: Path) -> None:
    content, options, task = TOOLS[tool]
    (tmp_path / "t.json").write_text(json.dumps(content))
    table = read(tmp_path / "t.json", options=ImportOptions(**options))
    assert f"{task}_true" in table.column_names
    assert {f"{task}_pred", f"{task}_p_cat"} & set(table.column_names)
    rows = content if isinstance(content, list) else content.get("data") or content["references"]
    assert len(table) == len(rows)


def test_a_loop_of_three_lines_and_back(tmp_path: Path) -> None:
    rows = {"sample_id": ["a", "b"], "mask_true": ["on", "off"], "mask_pred": ["on", "on"]}
    write(rows, tmp_path / "mine.parquet")
    for name in ("mine.csv", "again.parquet"):
        write(read(tmp_path / "mine.parquet"), tmp_path / name)
        assert read(tmp_path / name)["mask_true"].to_pylist() == ["on", "off"]
    frame = pd.read_csv(tmp_path / "mine.csv")
    assert (frame.mask_true == frame.mask_pred).mean() == 0.5
