"""runs: figures of the best epoch, verdicts of gaps, hostile folders refused by name, gates that
read gaps, transfer and own networks.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError
from evaluation.__main__ import main
from evaluation.benchmark.generated_tables import generate
from evaluation.predictions import table
from evaluation.training_runs import generalization_gap, run_folder, transfer
from evaluation.training_runs.training_run import overview, read


def write(folder: Path, columns: dict | None = None, recipe: object = None, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    history = columns or {
        "epoch": [1.0, 2.0, 3.0, 4.0],
        "train_emotion_accuracy": [0.5, 0.7, 0.9, 0.97],
        "val_emotion_accuracy": [0.52, 0.66, 0.72, 0.70],
        "val_score": [0.52, 0.66, 0.72, 0.70],
        "train_loss": [2.0, np.nan, 1.0, 0.5],
        "seconds": [60.0, 60, 60, 60],
        "images_per_s": [100.0, 300, 200, np.nan],
    }
    pd.DataFrame(history).to_parquet(folder / run_folder.HISTORY)
    (folder / run_folder.RECIPE).write_text(
        json.dumps({"epochs": 4, "min_delta": 0.0} if recipe is None else recipe)
    )
    for name, text in files.items():
        (folder / f"{name}.json").write_text(text)
    return folder


def test_a_run_is_read_and_judged_at_its_best_epoch(tmp_path: Path) -> None:
    run = read(write(tmp_path / "a"))
    assert (run.name, len(run), run.best, run.task, run.state, run.seconds) == (
        "a",
        4,
        2,
        "emotion",
        "finished",
        240,
    )
    assert (
        run.gap() == pytest.approx(18)
        and run.gap(0) == pytest.approx(-2)
        and run.gap(2, "gender") is None
    )
    assert (
        run.verdict == generalization_gap.verdict(18)
        and run.verdict is not None
        and run.verdict.name == "severe"
    )
    assert "train_loss" not in run.row(1) and run.row(2)["train_loss"] == 1
    row = overview(run)
    assert (row.best_epoch, row.epochs, row.train, row.val, row.images_per_s) == (
        3,
        4,
        0.9,
        0.72,
        200,
    )
    assert row.last_gap == pytest.approx(27) and row.age_mae is None
    small = read(write(tmp_path / "b", recipe={"epochs": 9, "min_delta": 0.1}))
    assert small.best == 1 and small.state == "unfinished", "0.72 is no 0.1 better than 0.66"
    stopped_run = read(write(tmp_path / "c", summary='{"state": "stopped early"}'))
    assert stopped_run.state == "stopped early"


def test_a_run_without_classes_or_scores_has_no_gap(tmp_path: Path) -> None:
    run = read(
        write(tmp_path, {"epoch": [1, 2], "val_age_mae": [8.0, 7.0], "val_score": [np.nan, np.nan]})
    )
    assert (
        run.best == 1
        and run.task is None
        and run.gap() is None
        and run.verdict is None
        and run.seconds is None
    )
    assert overview(run).age_mae == 7 and overview(run).score is None
    json.dumps(asdict(overview(run)), allow_nan=False)


DEEP = "[" * 200_000
BAD: dict[str, tuple[dict, str]] = {
    "no epochs": ({"columns": {"loss": [1.0]}}, "`epoch`"),
    "falling": ({"columns": {"epoch": [2, 1]}}, "rising"),
    "nan epoch": ({"columns": {"epoch": [1, np.nan]}}, "rising"),
    "text": ({"columns": {"epoch": [1], "x": ["<b>"]}}, "numbers"),
    "recipe": ({"recipe": [1]}, "JSON object"),
    "summary": ({"summary": "{"}, "Expected JSON"),
    "deep": ({"summary": DEEP}, "JSON"),
    "no rows": ({"columns": {"epoch": np.zeros(0)}}, "1 to"),
}


@pytest.mark.parametrize("name", BAD)
def test_hostile_folders_are_refused(name: str, tmp_path: Path) -> None:
    arguments, text = BAD[name]
    folder = write(tmp_path / "x", **arguments)
    with pytest.raises(DataError) as refusal:
        read(folder)
    assert (
        text in str(refusal.value)
        and str(folder) in str(refusal.value)
        and len(str(refusal.value)) < 600
    )


def test_no_parquet_and_too_large_and_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "x")
    (tmp_path / "x" / run_folder.HISTORY).write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="Parquet"):
        read(tmp_path / "x")
    write(tmp_path / "y")
    monkeypatch.setattr(run_folder, "MAX_FILE_BYTES", 10)
    with pytest.raises(DataError, match="at most 10 bytes"):
        read(tmp_path / "y")
    with pytest.raises(DataError, match="got no history"):
        read(tmp_path)


def test_runs_are_found_below_but_not_through_links(tmp_path: Path) -> None:
    for place in ("b", "a/deep", ".hidden"):
        write(tmp_path / "root" / place)
    write(tmp_path / "outside")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "b" / "loop").symlink_to(tmp_path / "root")
    assert [
        f.path.relative_to(tmp_path / "root").as_posix() for f in run_folder.find(tmp_path / "root")
    ] == [
        "a/deep",
        "b",
    ]
    assert [f.path for f in run_folder.find(tmp_path / "outside")] == [tmp_path / "outside"]
    with pytest.raises(DataError, match="a folder"):
        list(run_folder.find(tmp_path / "none"))


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write(tmp_path / "good")
    assert main(["runs", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "good" in out and "+18.0" in out and "severe" in out and "3/4" in out
    write(tmp_path / "wrong", summary="[]")
    assert main(["runs", str(tmp_path), "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert [r["run"] for r in report["runs"]] == ["good"] and "wrong" in report["refused"][0][
        "error"
    ]
    (tmp_path / "empty").mkdir()
    assert main(["runs", str(tmp_path / "empty")]) == 2 and "got none" in capsys.readouterr().err


def test_gates_read_gaps_from_a_run_and_milliseconds_from_a_bench(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    held = tmp_path / "t.parquet"
    table.write(generate(500), held)
    (tmp_path / "g.toml").write_text(
        '[gap]\nfigure = "gap.emotion.accuracy"\nbelow = 0.1\n[speed]\nfigure = '
        '"latency_ms"\nbelow = 50\n'
        '[parity]\nfigure = "onnx_parity"\nmax = 1e-4\noptional = true\n'
    )
    (tmp_path / "bench.json").write_text(
        json.dumps({"models": [{"ms": {"total": {"p50": 12.5}}}], "metrics": None})
    )
    run = write(tmp_path / "r")
    base = ["report", str(held), "--gate", str(tmp_path / "g.toml")]
    assert (
        main([*base, "--run", str(run), "--measured-in", str(tmp_path / "bench.json"), "--json"])
        == 3
    )
    report = {o["gate"]: o for o in json.loads(capsys.readouterr().out)["gates"]}
    assert (
        report["gap"]["state"] == "missed"
        and report["gap"]["value"] == pytest.approx(0.18)
        and "run r, epoch 3" in report["gap"]["where"]
    )
    assert report["speed"]["state"] == "passed" and report["speed"]["value"] == 12.5
    assert report["parity"]["state"] == "not measured" and not report["parity"]["fails"]
    assert main(base) == 3
    out = capsys.readouterr().out
    assert "not measured" in out and "--run DIR" in out and "bench --json" in out
    for text in ("{", "[]", '{"models": [{}]}', '{"a": "b"}', DEEP):
        (tmp_path / "bench.json").write_text(text)
        assert main([*base, "--measured-in", str(tmp_path / "bench.json")]) == 2
        assert "Expected" in capsys.readouterr().err


def test_kinds_of_runs(tmp_path: Path) -> None:
    history = {
        "epoch": [1, 2],
        "val_score": [0.5, 0.6],
        "train_emotion_accuracy": [0.7, 0.9],
        "val_emotion_accuracy": [0.6, 0.8],
    }
    sized = {"summary": json.dumps({"parameters": {"total": 9}})}
    write(
        tmp_path / "t",
        history,
        {"model": {"family": "timm", "pretrained": True}, "start": ""},
        **sized,
    )
    write(tmp_path / "c", history, {"model": {"family": "cnn"}, "start": ""})
    write(tmp_path / "s", history, {"model": {}, "start": "x"})
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / run_folder.HISTORY).write_text("no")
    runs_by_name = {r.run: r for r in transfer.classifier_runs(tmp_path)}
    assert {n: r.kind for n, r in runs_by_name.items()} == {
        "t": transfer.TRANSFER,
        "c": transfer.CUSTOM,
        "s": transfer.TRANSFER,
    }
    assert runs_by_name["t"].parameters == 9 and runs_by_name["c"].parameters is None
    assert (
        runs_by_name["t"].train,
        runs_by_name["t"].val,
        runs_by_name["t"].gap,
        runs_by_name["t"].verdict.name,
    ) == (
        0.9,
        0.8,
        10.0,
        "high",
    )
