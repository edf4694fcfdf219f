"""EmoReact: videos with several emotions, frames, and lists that do not belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import image
from core.data import emoreact
from core.errors import DataError
from core.labels import FERPLUS8
from tests.core.data import trees


def test_videos_of_one_known_emotion_give_three_frames_each(tmp_path: Path) -> None:
    labels = trees.emoreact(tmp_path) / "EmoReact_V_1.0" / "Labels" / "train_labels.text"
    rows = ["0,0,0,1,0,0,0,0,6.2", "0,0,0,1,1,0,0,0,5", "1,0,0,0,0,0,0,0,4", "0,0,0,0,0,0,1,0"]
    labels.write_text("\n".join(rows) + "\n")
    samples = emoreact.load(tmp_path, "train")
    assert len(samples) == 3 and set(samples.groups["video"]) == {"TRAIN0_1"}
    assert [FERPLUS8.labels[i] for i in samples.emotion] == ["happiness"] * 3
    frames = [image.load(path) for path in samples.paths]
    assert frames[0].shape == (32, 32, 3) and (frames[0] != frames[1]).any()
    assert {p.file: p.reason for p in samples.problems} == {
        "TRAIN1_1.mp4": "annotated as happiness and surprise",
        "TRAIN2_1.mp4": "annotated as curiosity",
        "TRAIN3_1.mp4": "expected 8 emotions and a valence, got '0,0,0,0,0,0,1,0'",
    }


def test_lists_of_different_lengths_are_refused(tmp_path: Path) -> None:
    labels = trees.emoreact(tmp_path) / "EmoReact_V_1.0" / "Labels"
    with (labels / "val_names.txt").open("a") as file:
        file.write("MORE_1.mp4\n")
    with pytest.raises(DataError, match=r"as many lines .* got 5 and 4"):
        emoreact.load(tmp_path, "val")
    (labels / "test_labels.text").rename(labels / "other.text")
    with pytest.raises(DataError, match=r"got not both; try --data"):
        emoreact.load(tmp_path, "test")
