"""Conditions move the way the picture was changed; bins have plain names; `predict --conditions`
makes slices of them.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.faces import YuNet, best_detector
from core.types import Face
from evaluation.__main__ import main
from evaluation.predictions import table
from evaluation.predictions.conditions import BINS, columns, conditions, roll
from evaluation.predictions.schema import CONDITION, GROUP

POINTS = ((200.0, 100.0), (250.0, 100.0), (225.0, 125.0), (205.0, 150.0), (245.0, 150.0))
FACE = Face((180.0, 60.0, 90.0, 110.0), 0.9, POINTS)
"""About where the portrait's face lies, looking straight ahead."""


def test_conditions_follow_the_picture(portrait: np.ndarray) -> None:
    clean = conditions(portrait, FACE)
    assert (
        clean["face_size"] == 90
        and clean["yaw"] == pytest.approx(0)
        and clean["roll"] == pytest.approx(0)
    )
    soft = conditions(cv2.GaussianBlur(portrait, (0, 0), 6), FACE)
    dark = conditions((portrait * 0.4).astype(np.uint8), FACE)
    flat = conditions((118 + portrait * 0.1).astype(np.uint8), FACE)
    assert soft["blur"] < 0.2 * clean["blur"] and soft["brightness"] == pytest.approx(
        clean["brightness"], abs=0.02
    )
    assert dark["brightness"] == pytest.approx(0.4 * clean["brightness"], abs=0.01)
    assert dark["blur"] == pytest.approx(clean["blur"], rel=0.1)
    assert flat["contrast"] == pytest.approx(0.1 * clean["contrast"], abs=0.01)
    assert set(clean) == set(BINS)


def test_pose_has_a_side() -> None:
    turned = Face(FACE.box, 0.9, (*POINTS[:2], (240.0, 125.0), *POINTS[3:]))
    picture = np.zeros((300, 300, 3), np.uint8)
    assert conditions(picture, turned)["yaw"] == pytest.approx(
        0.6
    )  # the nose lies nearer the left eye
    assert roll(Face(FACE.box, 0.9, (POINTS[0], (250.0, 150.0), *POINTS[2:]))) == pytest.approx(45)
    named = columns(
        [conditions(picture, turned), conditions(picture, FACE), conditions(picture, None)]
    )
    assert named[GROUP + "yaw"].to_pylist() == ["turned left", "frontal", None]
    assert named[GROUP + "face_size"].to_pylist() == ["medium (64-127 px)"] * 2 + ["no face found"]
    assert named[CONDITION + "face_size"].to_pylist() == [90, 90, None]


def test_a_real_head_that_is_tilted_is_seen_tilted(portrait: np.ndarray) -> None:
    detector, _ = best_detector()
    if not isinstance(detector, YuNet):
        pytest.skip("the cascade has no landmarks")
    angles = []
    for angle in (-15, 0, 15):
        turned = cv2.warpAffine(
            portrait, cv2.getRotationMatrix2D((225, 115), -angle, 1), portrait.shape[1::-1]
        )  # clockwise as seen
        angles.append(conditions(turned, detector(turned)[0])["roll"])
    assert angles[0] < angles[1] - 2 and angles[2] > angles[1] + 2, (
        "YuNet's landmarks follow a tilt only in part"
    )


def test_bins_hold_their_lower_bound() -> None:
    names = BINS["face_size"].of(np.array([31.9, 32, 63.9, 64, 128, np.nan]))
    assert [n.split()[0] for n in names] == ["tiny", "small", "small", "medium", "large", "no"]
    for bins in BINS.values():
        assert (
            len(bins.names) == len(bins.edges) + 1
            and list(bins.edges) == sorted(bins.edges)
            and bins.about
        )


def test_predict_measures_and_slices_shows(
    data_dir: Path, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "t.parquet"
    source = [
        "--model",
        str(tiny_bundle),
        "--dataset",
        "ferplus",
        "--data",
        str(data_dir),
        "--limit",
        "120",
    ]
    assert main(["predict", *source, "--conditions", "--out", str(out)]) == 0
    rows = table.read(out).to_pandas()
    assert {GROUP + n for n in BINS} | {CONDITION + n for n in BINS} <= set(rows.columns)
    assert (
        rows[CONDITION + "brightness"].between(0, 1).all()
        and (rows[GROUP + "face_size"] == "no face found").eq(~rows.face_found).all()
    )
    small = rows[CONDITION + "face_size"].between(32, 64, inclusive="left")
    assert (rows[GROUP + "face_size"].str.startswith("small") == small).all() and small.sum() > 60
    capsys.readouterr()
    assert main(["slices", str(out), "--support", "5", "--json"]) == 0
    slices = json.loads(capsys.readouterr().out)
    assert {"face_size", "blur", "brightness", "contrast", "yaw"} <= {
        f["group"] for f in slices["emotion"]["fairness"]
    }
