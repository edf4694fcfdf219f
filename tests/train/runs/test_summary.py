"""What a run folder says: summary, page, events; after every epoch, for stopped runs and for
folders of older versions.
"""

from __future__ import annotations

import json
import re
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor

from core.errors import DataError, UserError
from evaluation.training_runs.run_folder import CURVES, EVENTS, HISTORY, PICTURE, RECIPE, SUMMARY
from tests.train.conftest import part_of
from train.__main__ import main
from train.loop import run_state
from train.loop.trainer import Trainer
from train.network.build import count_parameters
from train.recipe.override import override
from train.recipe.recipe import load
from train.runs import history_picture, panels, summary, tensorboard
from train.runs.writing import write_file

SMALL = [
    "model.options.stem=8",
    "model.options.stages=[(16,1)]",
    "amp=no",
    "batch=8",
    "epochs=3",
    "patience=2",
    "min_delta=0.01",
]


def row(epoch: int, train: float, val: float, **more: float) -> dict[str, float]:
    base = {
        "epoch": epoch,
        "train_loss": 1.0 / epoch,
        "train_emotion_accuracy": train,
        "lr": 1e-3,
        "images_per_s": 100.0 * epoch,
    }
    return {
        **base,
        "val_emotion_accuracy": val,
        "val_score": val,
        "val_loss": 1.1 / epoch,
        "seconds": 2.0,
        **more,
    }


ROWS = [row(1, 0.5, 0.6), row(2, 0.8, 0.7), row(3, 0.9, 0.705), row(4, 0.99, 0.69)]


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A run folder as versions before the summary left it."""
    pd.DataFrame(ROWS).to_parquet(tmp_path / HISTORY)
    recipe = override(load("fer_cnn_a"), ["min_delta=0.01", "epochs=4"])
    (tmp_path / RECIPE).write_text(json.dumps(recipe.to_dict()))
    return tmp_path


def scalars(path: Path) -> list[tuple[float, int, dict[str, float]]]:
    """(wall time, step, {tag: value}) of every event, read by protobuf's own parser from a schema
    written down here; checksums are held.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="t", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in {
        "Value": [("tag", 1, kinds.TYPE_STRING, ""), ("simple_value", 2, kinds.TYPE_FLOAT, "")],
        "Summary": [("value", 1, kinds.TYPE_MESSAGE, ".t.Value")],
        "Event": [
            ("wall_time", 1, kinds.TYPE_DOUBLE, ""),
            ("step", 2, kinds.TYPE_INT64, ""),
            ("file_version", 3, kinds.TYPE_STRING, ""),
            ("summary", 5, kinds.TYPE_MESSAGE, ".t.Summary"),
        ],
    }.items():
        message = file.message_type.add(name=name)
        for field, number, kind, of in fields:
            label = kinds.LABEL_REPEATED if field == "value" else kinds.LABEL_OPTIONAL
            message.field.add(
                name=field, number=number, type=kind, type_name=of or None, label=label
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    event_class = message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Event"))
    data, records = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        body = data[12 : 12 + length]
        for part, check in ((data[:8], data[8:12]), (body, data[12 + length : 16 + length])):
            crc = tensorboard.crc32c(part)
            assert (
                struct.unpack("<I", check)[0] == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
            )
        event = event_class.FromString(body)
        assert bool(event.file_version) == (not records) and event.file_version in (
            "",
            "brain.Event:2",
        )
        records.append(
            (event.wall_time, event.step, {v.tag: v.simple_value for v in event.summary.value})
        )
        data = data[16 + length :]
    return records


def test_an_older_folder_gets_a_summary(older: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["summary", str(older), "--json"]) == 0
    content = json.loads((older / SUMMARY).read_text())
    assert json.loads(capsys.readouterr().out) == content
    assert (
        content["best"]["epoch"] == 2 and content["last"]["epoch"] == 4
    )  # 0.705 is not more than min_delta above 0.7
    assert content["gap"] == {
        "task": "emotion",
        "points": 10.0,
        "verdict": "high",
        "meaning": "overfits: regularise",
    }
    assert content["last_gap"]["verdict"] == "severe" and content["state"] == "finished"
    assert (
        content["timing"]["seconds"] == 8
        and content["timing"]["images_per_s"] == 250
        and content["timing"]["cpu_seconds"] is None
    )
    assert content["parameters"]["total"] == 3_509_444 and content["recipe"]["epochs"] == 4
    assert content["machine"] is None and content["versions"] is None  # never noted, so not made up


def test_the_best_epoch_is_the_one_whose_weights_are_kept() -> None:
    assert summary.best_row(ROWS, 0.0)["epoch"] == 3
    assert summary.best_row(ROWS, 0.01)["epoch"] == 2
    assert summary.best_row(ROWS, 0.2)["epoch"] == 1


def test_the_page_needs_nothing_else_and_has_four_panels(older: Path) -> None:
    summary.rewrite(older, count_parameters)
    page = (older / CURVES).read_text()
    assert not re.search(r'<(script|link|img|iframe)[^>]+(src|href)="?(https?:)?//', page)
    assert "Content-Security-Policy" in page and "default-src 'none'" in page
    for title in ("Accuracy, %", "Loss", "Gap: training minus validation", "Progression"):
        assert title in page
    assert (
        '"color":["#9b59b6","#f39c12","#e74c3c","#e74c3c"]' in page
    )  # gaps of -10, 10, 19.5 and 30 points
    assert "<td>70.50 %</td>" in page  # the table has every epoch


def test_the_picture_shows_what_the_page_shows(older: Path) -> None:
    summary.rewrite(older, count_parameters)
    with Image.open(older / PICTURE) as picture:
        pixels = np.array(picture.convert("RGB"))
    assert pixels.shape == (history_picture.HEIGHT, history_picture.WIDTH, 3)
    colours = {tuple(pixel) for pixel in pixels.reshape(-1, 3).tolist()}
    gaps = ["#9b59b6", "#f39c12", "#e74c3c"]  # of -10, 10, 19.5 and 30 points
    assert {ImageColor.getrgb(c) for c in (*gaps, panels.COLOURS["loss"])} <= colours


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_ticks_hold_the_range_in_few_round_steps(low: float, width: float) -> None:
    marks = history_picture.ticks(low, low + width)
    steps = [b - a for a, b in pairwise(marks)]
    rounding = 1e-6 * (1 + abs(low) + width)
    assert marks[0] <= low + rounding and marks[-1] >= low + width - rounding
    assert 1 <= len(steps) <= 8 and max(steps) == pytest.approx(min(steps), abs=rounding)


def test_ages_alone_make_a_page_without_verdict(older: Path) -> None:
    figures = {
        "train_loss": 9.0,
        "val_loss": 9.5,
        "train_age_mae": 6.0,
        "val_age_mae": 7.0,
        "val_age_error_sd": 5.25,
        "val_score": 0.6,
        "seconds": 1.0,
    }
    rows = [{"epoch": i, **figures} for i in (1, 2)]
    pd.DataFrame(rows).to_parquet(older / HISTORY)
    content = summary.rewrite(older, count_parameters).to_dict()
    assert content["gap"] is None and content["timing"]["images_per_s"] is None
    page = (older / CURVES).read_text()
    assert "Error, years" in page and "<td>7.00 ± 5.25</td>" in page
    line = run_state.describe_epoch(rows[0] | {"images_per_s": 9.0}, 2, 1.0)
    assert "age_mae 7.0000 ± 5.2500, score" in line and "age_error_sd" not in line


def test_tensorboard_can_read_the_events(older: Path) -> None:
    summary.rewrite(older, count_parameters)
    first, *rest = scalars(older / EVENTS)
    assert [step for _, step, _ in rest] == [1, 2, 3, 4] and not first[2]
    assert rest[1][2]["emotion_accuracy/val"] == pytest.approx(0.7) and rest[1][2][
        "run/lr"
    ] == pytest.approx(1e-3)
    both = {
        f"{figure}/{side}" for figure in ("loss", "emotion_accuracy") for side in ("train", "val")
    }
    assert set(rest[0][2]) == both | {"score/val", "run/lr", "run/images_per_s", "run/seconds"}
    assert [b[0] - a[0] for a, b in pairwise(rest)] == pytest.approx([2.0] * 3)


def test_events_grow_in_place_and_a_changed_past_is_written_anew(tmp_path: Path) -> None:
    path, times = tmp_path / "events", [10.0, 12.0, 14.0, 16.0]
    tensorboard.write(path, ROWS[:2], times[:2])
    before, inode = path.read_bytes(), path.stat().st_ino
    tensorboard.write(path, ROWS, times)
    assert path.read_bytes().startswith(before) and path.stat().st_ino == inode
    tensorboard.write(path, [ROWS[0], ROWS[2]], times[:2])
    assert [step for _, step, _ in scalars(path)] == [0, 1, 3]
    assert tensorboard.crc32c(b"123456789") == 0xE3069283  # RFC 3720


def test_a_stopped_run_has_all_and_going_on_renews_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = override(load("mien_ferplus_utkface"), SMALL)
    parts = [part_of(recipe, 32, 1)]
    run = Trainer(recipe, tmp_path)
    step = Trainer.train_step
    left = iter(range(6))  # four steps an epoch: stops in the second

    def stop(self: Trainer, *a: object) -> dict:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return step(self, *a)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", stop)
        with pytest.raises(KeyboardInterrupt):
            run.train(parts, parts)
    content = json.loads((tmp_path / SUMMARY).read_text())
    assert content["state"] == "unfinished" and content["epochs"] == {
        "done": 1,
        "planned": 3,
        "recipe": 3,
    }
    assert (
        content["machine"]["cores"] >= 1
        and content["machine"]["processes"] == 1
        and content["versions"]["torch"]
    )
    assert (tmp_path / CURVES).is_file() and len(scalars(tmp_path / EVENTS)) == 2
    assert (
        summary.rewrite(tmp_path, count_parameters).state == "unfinished"
    )  # written again from the files, it says the same

    again = Trainer(recipe, tmp_path)
    assert again.resume()
    again.train(parts, parts)
    later = json.loads((tmp_path / SUMMARY).read_text())
    assert (
        later["state"] in ("finished", "stopped early") and later["started"] == content["started"]
    )
    assert later["epochs"]["done"] == len(scalars(tmp_path / EVENTS)) - 1 > 1
    assert later["peak_memory_mb"] > 0 and later["timing"]["cpu_seconds"] > 0
    assert 0 < later["timing"]["loading_seconds"] < later["timing"]["seconds"]
    assert later["timing"]["data_seconds"] is None  # read by nobody: the parts were at hand
    assert not [p for p in tmp_path.iterdir() if ".part-" in p.name]


def test_what_is_no_run_folder_is_told(
    tmp_path: Path, older: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["summary", str(tmp_path / "nowhere")]) == 2
    assert "Expected a training run" in capsys.readouterr().err
    (older / HISTORY).write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DataError, match="Expected a Parquet table"):
        summary.rewrite(older, count_parameters)


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def full(new: Path) -> None:
        new.write_text("ha")
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match=r"No space left.*--resume"):
        write_file(path, full)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a"]
