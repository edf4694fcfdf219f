"""Corruptions do what they say, severity 0 is what `predict` gives, and flips and changes are
counted on the same samples.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from core import registry
from core.data import ferplus, utkface
from core.faces import best_detector
from core.labels import FERPLUS8, GENDER2
from core.predictor import Predictor
from core.preprocess import InputSpec, Pose, crop_at
from evaluation.__main__ import main
from evaluation.commands import robustness
from evaluation.commands._options import load_samples
from evaluation.predictions.predict import predict
from evaluation.robustness import curves
from evaluation.robustness.corruptions import FaceView, around
from evaluation.robustness.measure import KINDS, SEED, corrupt, levels, measure, unit
from evaluation.statistics import intervals
from evaluation.statistics.estimate import Estimate

SPEC = InputSpec()
POSE = Pose(224.0, 116.0, 120.0, 3.0)
"""Where the face lies in the portrait."""


def test_the_kinds_of_the_issue_are_there() -> None:
    wanted = {
        "blur",
        "noise",
        "jpeg",
        "low_resolution",
        "brightness",
        "contrast",
        "occlusion",
        "rotation",
        "crop_jitter",
        "flip",
    }
    assert wanted <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_corruption_grows_with_its_severity_and_repeats_itself(
    kind: str, portrait: np.ndarray
) -> None:
    view = around(portrait, POSE)
    before = view.picture.copy()
    clean = crop_at(view.picture, view.pose, SPEC).astype(float)
    damage = []
    for severity in range(1, len(levels(kind)) + 1):
        one, again = (corrupt(view, kind, severity, "a") for _ in range(2))
        assert (
            one.picture.dtype == np.uint8
            and one.picture.shape == before.shape
            and np.array_equal(one.picture, again.picture)
        )
        assert one.pose == again.pose
        damage.append(np.abs(crop_at(one.picture, one.pose, SPEC) - clean).mean())
    assert np.array_equal(view.picture, before), "the picture that was given stays as it was"
    assert damage[0] > 0.2 and damage == sorted(set(damage)), damage
    assert unit(kind) and len(levels(kind)) == (1 if kind == "flip" else 5)


@pytest.mark.parametrize("kind", ["noise", "occlusion", "rotation", "crop_jitter", "brightness"])
def test_pictures_get_their_own_chance(kind: str, portrait: np.ndarray) -> None:
    view = around(portrait, POSE)
    hurt = [corrupt(view, kind, 3, name) for name in "abcdef"]
    assert len({(h.picture.tobytes(), h.pose) for h in hurt}) > 1


@pytest.mark.parametrize(
    ("x", "y", "side"),
    [(224.3, 116.7, 120.0), (5.5, 500.2, 90.0), (256.0, 256.0, 700.0), (-40.0, 100.0, 60.0)],
)
def test_the_part_around_a_face_gives_the_same_crop(
    x: float, y: float, side: float, portrait: np.ndarray
) -> None:
    pose = Pose(x, y, side, -12.0)
    view = around(portrait, pose)
    np.testing.assert_array_equal(
        crop_at(view.picture, view.pose, SPEC), crop_at(portrait, pose, SPEC)
    )


def test_a_mirrored_picture_gives_the_mirrored_crop(portrait: np.ndarray) -> None:
    view = around(portrait, POSE)
    hurt = corrupt(view, "flip", 1, "a")
    twice = registry.load("evaluation.robustness.corruptions", "flip").corrupt(
        hurt, 1, np.random.default_rng(0)
    )
    assert np.array_equal(twice.picture, view.picture) and twice.pose == view.pose
    clean, mirrored = (crop_at(v.picture, v.pose, SPEC).astype(int) for v in (view, hurt))
    off = np.abs(mirrored[:, ::-1] - clean)  # OpenCV places pixels to 1/32
    assert off.max() <= 4 and off.mean() < 0.5 and np.abs(mirrored - clean).mean() > 10


def test_strengths_are_what_the_units_say() -> None:
    rng = np.random.default_rng(0)
    flat = FaceView(np.full((100, 100, 3), 128, np.uint8), Pose(49.5, 49.5, 100.0))
    noisy = corrupt(flat, "noise", 2, "a").picture
    assert noisy[..., 0].std() == pytest.approx(10, rel=0.05) and np.array_equal(
        noisy[..., 0], noisy[..., 2]
    )
    assert abs(int(corrupt(flat, "brightness", 2, "a").picture[0, 0, 0]) - 128) == 51
    busy = FaceView(rng.integers(0, 256, (100, 100, 3)).astype(np.uint8), flat.pose)
    assert corrupt(busy, "contrast", 2, "a").picture.std() == pytest.approx(
        busy.picture.std() / 2, rel=0.02
    )
    hidden = (corrupt(busy, "occlusion", 3, "a").picture != busy.picture).any(axis=2)
    assert hidden.sum() == pytest.approx(35 * 35, rel=0.06)
    small = FaceView(busy.picture[:20, :20], Pose(9.5, 9.5, 20.0))
    assert np.array_equal(corrupt(small, "low_resolution", 1, "a").picture, small.picture), (
        "it has fewer pixels already"
    )


def test_severity_0_is_what_predict_gives(data_dir: Path, tiny_bundle: Path) -> None:
    samples, predictor, (detector, _) = (
        ferplus.load(data_dir, "val").take(slice(100)),
        Predictor(tiny_bundle),
        best_detector(),
    )
    predictions, bad = predict(predictor, samples, detector, data_dir)
    heard: list[int] = []
    measured = measure(predictor, samples, detector, ["flip", "noise"], on_progress=heard.append)
    assert (
        bad == 0
        and heard == [64, 100]
        and measured.samples.ids == samples.ids
        and set(measured.corrupted) == {("flip", 1), *(("noise", i) for i in range(1, 6))}
    )
    assert [FERPLUS8.labels[i] for i in measured.clean["emotion"]] == predictions[
        "emotion_pred"
    ].to_pylist()
    female = predictions["gender_p_female"].to_numpy() >= 0.5
    assert [GENDER2.labels[i] for i in measured.clean["gender"]] == [
        GENDER2.labels[0] if f else GENDER2.labels[1] for f in female
    ]
    np.testing.assert_array_equal(measured.clean["age"], predictions["age_pred"].to_numpy())
    assert not np.array_equal(measured.clean["age"], measured.corrupted["noise", 1]["age"])


def test_flips_and_changes_are_counted_by_sample() -> None:
    truth, first, now = (
        np.array([0, 0, 1, 1, 2]),
        np.array([0, 1, 1, 1, 2]),
        np.array([0, 0, 1, 2, 1]),
    )
    figures = curves.figures("emotion", truth, now, first)
    estimate = figures.estimate
    assert (estimate.value, estimate.n, figures.flips.value) == (3 / 5, 5, 3 / 5)
    assert figures.change.value == pytest.approx(-1 / 5)
    assert (estimate.low, estimate.high) == intervals.wilson(3, 5)
    years = curves.figures(
        "age", np.array([10.0, 20, 30]), np.array([10.0, 26, 40]), np.array([10.0, 20, 35.5])
    )
    assert years.estimate.value == pytest.approx(16 / 3) and years.flips.value == 1 / 3
    change = years.change
    assert change.value == pytest.approx(10.5 / 3) and change.low <= change.value <= change.high
    same = curves.figures("emotion", truth, first, first)
    assert same.flips.value == 0
    assert (same.change.value, same.change.low, same.change.high) == (0, None, None)


def test_persons_are_drawn_together() -> None:
    truth = np.zeros(200)
    now = np.repeat(np.arange(20) % 2, 10)  # each of 20 persons all right or all wrong
    alone, together = (
        curves.figures("emotion", truth, now, now, c).estimate
        for c in (None, np.repeat(np.arange(20), 10))
    )
    assert together.value == alone.value and together.high - together.low > 2 * (
        alone.high - alone.low
    )


def test_the_command_writes_a_tidy_table(
    data_dir: Path, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "r.parquet"
    sets = [
        "--dataset",
        "ferplus",
        "--dataset",
        "utkface",
        "--data",
        str(data_dir),
        "--limit",
        "40",
        "--kinds",
        "jpeg",
        "flip",
    ]
    assert (
        main(["robustness", "--model", str(tiny_bundle), *sets, "--out", str(out), "--json"]) == 0
    )
    report = json.loads(capsys.readouterr().out)
    rows = curves.read(out).to_pylist()
    assert len(rows) == len(report["rows"]) == 3 * (6 + 2) and {
        (r["dataset"], r["task"]) for r in rows
    } == {("ferplus", "emotion"), ("utkface", "gender"), ("utkface", "age")}
    for row, other in zip(rows, report["rows"], strict=True):
        assert (
            row == pytest.approx(other)
            and row["low"] <= row["value"] <= row["high"]
            and 0 < row["n"] <= 40
        )
        assert row["severity"] > 0 or (row["flips"], row["change"], row["level"]) == (0, 0, None)
    clean = {(r["task"], r["value"]) for r in rows if r["severity"] == 0}
    assert len(clean) == 3, "every kind begins at the same figure"
    about = json.loads(pq.read_metadata(out).metadata[curves.METADATA_KEY])
    assert [s["dataset"] for s in about["sources"]] == ["ferplus", "utkface"] and about["sources"][
        0
    ]["limit"] == 40


def test_samples_are_drawn_from_the_whole_list(data_dir: Path) -> None:
    everyone = utkface.load(data_dir, "val")
    args = type("Args", (), {"limit": 60, "threads": 1, "data": data_dir, "split": "val"})
    drawn = load_samples("utkface", args, SEED)
    middle = np.median(everyone.age)
    assert (
        abs(np.median(drawn.age) - middle) < 10 < middle - np.median(everyone.take(slice(60)).age)
    )


def test_the_terminal_shows_a_grid_for_each_task(capsys: pytest.CaptureFixture) -> None:
    figures = curves.RobustnessFigures(
        Estimate(4.0, 3.0, 5.0, 9), Estimate(0.25, None, None, 9), Estimate(-0.5, None, None, 9)
    )
    rows = [
        curves.RobustnessRow("m", "d", "val", "flip", severity, None, "", "age", "mae", figures)
        for severity in (0, 1)
    ]
    robustness.show(rows, Console(width=80))
    output = capsys.readouterr().out
    assert "as they are: 4.00 (3.00 to 5.00)" in output and "-0.50" in output and "25%" in output


MISTAKES = {
    "kind": (["--dataset", "ferplus", "--kinds", "blurr"], "did you mean 'blur'"),
    "dataset": (["--dataset", "ferplu"], "did you mean 'ferplus'"),
    "limit": (["--dataset", "ferplus", "--limit", "-1"], "--limit"),
    "no sample": (["--dataset", "ferplus", "--limit", "0"], "--limit"),
    "out": (["--dataset", "ferplus", "--out", "."], "Expected a file"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_end_with_status_2(
    name: str, data_dir: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture
) -> None:
    arguments, text = MISTAKES[name]
    assert (
        main(["robustness", "--model", str(tiny_bundle), "--data", str(data_dir), *arguments]) == 2
    )
    assert text in capsys.readouterr().err


def test_another_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(curves.DataError, match="robustness --out"):
        curves.read(tmp_path / "nothing.parquet")
    pq.write_table(curves.pa.table({"kind": ["blur"]}), tmp_path / "t.parquet")
    with pytest.raises(curves.DataError, match="'model'"):
        curves.read(tmp_path / "t.parquet")
