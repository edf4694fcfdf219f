"""`python -m train ensemble` from end to end, and its ensemble where a model is expected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.ensemble import Ensemble
from core.face_model import open_model
from core.labels import FERPLUS8
from core.predictor import Predictor
from evaluation.__main__ import main as evaluation
from evaluation.predictions import table
from tests.conftest import ROOT, write_tiny_bundle
from train.__main__ import main
from train.ensemble.report import EnsembleResult


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> EnsembleResult:
    """An ensemble of two random bundles, weights fitted on drawn faces."""
    folder = tmp_path_factory.mktemp("made")
    models = [write_tiny_bundle(folder / "a", 48, 1), write_tiny_bundle(folder / "b", 32, 2)]
    from train.ensemble.build import build

    return build(
        models,
        {"*": str(folder)},
        folder / "both",
        "both",
        flip=True,
        datasets=["synthetic"],
        limit=80,
    )


@pytest.fixture(scope="module")
def written(result: EnsembleResult) -> tuple[Path, dict]:
    """The folder above the ensemble's, and what the command printed."""
    return result.out.parent, result.to_dict()


def test_the_command_writes_what_it_measured(written: tuple[Path, dict]) -> None:
    folder, output = written
    json.dumps(output, allow_nan=False)
    opened = open_model(folder / "both")
    assert (
        isinstance(opened, Ensemble)
        and opened.card.name == "both"
        and [v.size for v in opened.views] == [48, 32]
    )
    assert [m.flip for m in opened.config.members] == [True, True] and not (
        folder / "both" / "without-flip.json"
    ).exists()
    for i, name in enumerate("ab"):
        copy = folder / "both" / output["members"][i]["model"] / "model.onnx"
        assert copy.read_bytes() == (folder / name / "model.onnx").read_bytes()
    assert {k: v for w in output["tasks"].values() for k, v in w["calibration"].items()} == dict(
        opened.card.calibration
    )
    assert opened.card.thresholds == {"age": 40.0}, (
        "80 faces are too few to choose a limit of emotion by"
    )
    assert {(r["task"], r["data"], r["n"]) for r in output["figures"]} == {
        (t, "synthetic", 80) for t in ("emotion", "gender", "age")
    }
    for row in output["figures"]:
        assert (
            row["ensemble"]["low"] <= row["ensemble"]["value"] <= row["ensemble"]["high"]
            and len(row["members"]) == 2
        )
        best = row["members"][row["best"]]["value"]
        assert row["difference"]["value"] == pytest.approx(
            row["ensemble"]["value"] - best, abs=1e-6
        )
        assert best == (min if row["task"] == "age" else max)(m["value"] for m in row["members"])
    named = {m["metric"]: m["value"] for m in opened.card.metrics}
    accuracy = next(r["ensemble"]["value"] for r in output["figures"] if r["task"] == "emotion")
    assert named["emotion_accuracy"] == pytest.approx(accuracy, abs=1e-5)
    card = (folder / "both" / "card.md").read_text()
    assert (
        output["members"][0]["sha256"][:16] in card
        and "intervals" in card
        and "What it must not be used for" in card
    )


def test_evaluation_takes_it_where_it_takes_a_model(
    written: tuple[Path, dict], capsys: pytest.CaptureFixture
) -> None:
    folder, output = written
    more = ["--dataset", "synthetic", "--data", str(folder), "--limit", "24", "--threads", "1"]
    tables = {}
    for name in ("a", "b", "both"):
        assert (
            evaluation(
                [
                    "predict",
                    "--model",
                    str(folder / name),
                    *more,
                    "--out",
                    str(folder / f"{name}.parquet"),
                    "--embedding",
                ]
            )
            == 0
        )
        tables[name] = table.read(folder / f"{name}.parquet")
    both = tables["both"]
    assert both["model"].unique().to_pylist() == ["both"] and len(both) == 24
    assert table.Meta.of(both).card_sha256 not in {
        table.Meta.of(tables[n]).card_sha256 for n in "ab"
    }
    assert len(both["embedding"][0]) == 48 * 48 + 32 * 32

    members = [
        {"model": m["model"], "weight": w} for m, w in zip(output["members"], (1, 3), strict=True)
    ]
    (folder / "both" / "plain.json").write_text(json.dumps({"name": "plain", "members": members}))
    assert (
        evaluation(
            [
                "predict",
                "--model",
                str(folder / "both" / "plain.json"),
                *more,
                "--out",
                str(folder / "plain.parquet"),
            ]
        )
        == 0
    )
    plain = table.read(folder / "plain.parquet")
    for name in (f"emotion_p_{FERPLUS8.labels[3]}", "gender_p_female", "age_pred"):
        a, b, mean = (t[name].to_numpy() for t in (tables["a"], tables["b"], plain))
        assert mean == pytest.approx((a + 3 * b) / 4, abs=1e-4), "each member got its own crop"

    capsys.readouterr()
    assert evaluation(["report", str(folder / "both.parquet"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "both"
    assert (
        evaluation(["compare", str(folder / "a.parquet"), str(folder / "both.parquet"), "--json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["matched"] == 24
    assert (
        evaluation(
            [
                "robustness",
                "--model",
                str(folder / "both"),
                *more,
                "--kinds",
                "rotation",
                "brightness",
                "--json",
            ]
        )
        == 0
    )
    rows = json.loads(capsys.readouterr().out)["rows"]
    clean = next(r["value"] for r in rows if r["task"] == "age" and r["severity"] == 0)
    assert clean != next(
        r["value"]
        for r in rows
        if r["task"] == "age" and r["kind"] == "rotation" and r["severity"] == 5
    )


def test_explain_takes_it_where_all_see_one_crop(
    written: tuple[Path, dict], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, output = written
    more = [
        str(ROOT / "apps" / "webcam" / "examples" / "astronaut.jpg"),
        "--out",
        str(tmp_path),
        "--task",
        "emotion",
        "--json",
    ]
    assert (
        evaluation(["explain", "--model", str(folder / "both"), *more]) == 2
        and "crop differently" in capsys.readouterr().err
    )
    one = {"name": "one", "members": [{"model": output["members"][0]["model"], "flip": True}]}
    (folder / "both" / "one.json").write_text(json.dumps(one))
    assert evaluation(["explain", "--model", str(folder / "both" / "one.json"), *more]) == 0
    assert (
        json.loads(capsys.readouterr().out)["model"] == "one"
        and (tmp_path / "astronaut.png").is_file()
    )


def test_mistakes_end_with_status_2(
    written: tuple[Path, dict], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, _ = written
    a, b, data = (
        str(folder / "a"),
        str(folder / "b"),
        ["--data", str(folder), "--dataset", "synthetic", "--limit", "12"],
    )
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for line, text in (
        ([a, a, *data, "--out", str(tmp_path / "x")], "twice"),
        ([a, b, *data, "--out", str(tmp_path / "full")], "empty folder"),
        ([a, b, "--data", str(folder), "--out", str(tmp_path / "x")], "--dataset NAME"),
        ([a, "nowhere", *data, "--out", str(tmp_path / "x")], "train export"),
        ([a, b, *data, "--labels", "FER9", "--out", str(tmp_path / "x")], "FERPLUS8"),
    ):
        assert main(["ensemble", *line]) == 2
        assert text in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["full"] and (
        tmp_path / "full" / "mine.txt"
    ).read_text() == "mine"


def test_the_words_on_stdout(
    written: tuple[Path, dict], result: EnsembleResult, capsys: pytest.CaptureFixture
) -> None:
    from train.ensemble.report import show

    folder, _ = written
    show(result)
    text = capsys.readouterr().out
    assert (
        "weights are" in text
        and "perceived gender, accuracy, synthetic val, 80 samples" in text
        and "cross-fitted" in text
    )
    assert Predictor(folder / "a").card.name in text
