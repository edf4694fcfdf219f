"""predict and report from end to end, on real pictures with a random model: tables say what the
model says, figures what the tables say.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core import image as images
from core.data import ferplus
from core.faces import best_detector, chip_face
from core.predictor import Predictor
from evaluation.__main__ import main
from evaluation.commands import report
from evaluation.predictions import table
from evaluation.predictions.meta import Meta
from tests.core.artifacts.test_bundle import with_card

LIMITS = {"emotion": 0.6, "age": 40.0}


@pytest.fixture(scope="module")
def predicted(
    data_dir: Path, tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Tables of the first pictures of both data sets."""
    folder = tmp_path_factory.mktemp("tables")
    base = ["predict", "--model", str(with_card(tiny_bundle, folder, {"thresholds": LIMITS}))]
    fer = ["--dataset", "ferplus", "--data", str(data_dir), "--limit", "200", "--embedding"]
    assert main([*base, *fer, "--out", str(folder / "f.parquet")]) == 0
    utk = [
        "--dataset",
        "utkface",
        "--data",
        str(data_dir / "utkface"),
        "--split",
        "all",
        "--limit",
        "150",
    ]
    assert main([*base, *utk, "--out", str(folder / "u.csv")]) == 0
    return {"ferplus": folder / "f.parquet", "utkface": folder / "u.csv"}


def test_table_holds_what_the_predictor_says(
    predicted: dict[str, Path], data_dir: Path, tiny_bundle: Path
) -> None:
    predictions = table.read(predicted["ferplus"])
    assert len(predictions) == 200 and predictions["split"].unique().to_pylist() == ["val"]
    predictor, (detector, _) = Predictor(tiny_bundle), best_detector()
    for row in predictions.slice(0, 12).to_pylist():
        picture = images.load(data_dir / row["path"])
        face = chip_face(picture, detector)
        [prediction] = predictor.predict(picture, [face])
        assert prediction.emotion and prediction.gender and prediction.age
        assert (
            row["face_found"] == (face is not None)
            and row["emotion_pred"] == prediction.emotion.top
        )
        assert {k: row[f"emotion_p_{k}"] for k in prediction.emotion.labels} == pytest.approx(
            prediction.emotion.as_dict(), abs=1e-5
        )
        assert row["gender_p_female"] == pytest.approx(
            prediction.gender.as_dict()["female"], abs=1e-5
        )
        assert (row["age_pred"], row["age_low"], row["age_high"]) == pytest.approx(
            (prediction.age.value, prediction.age.low, prediction.age.high), abs=1e-3
        )
        assert len(row["embedding"]) == 48 * 48


def test_truths_and_origin_come_from_the_data_set(
    predicted: dict[str, Path], data_dir: Path
) -> None:
    predictions, truth = (
        table.read(predicted["ferplus"]),
        ferplus.load(data_dir, "val").take(slice(200)),
    )
    assert (
        predictions["sample_id"].to_pylist() == list(truth.ids)
        and "age_true" not in predictions.column_names
    )
    votes = [v for v in predictions["emotion_votes"].to_pylist() if v is not None]
    np.testing.assert_allclose(votes, truth.emotion_votes[truth.emotion >= 0])
    meta = table.Meta.of(predictions)
    assert (meta.fingerprint, meta.dataset, len(meta.card_sha256)) == (
        truth.fingerprint,
        "ferplus",
        64,
    ) and "onnxruntime" in meta.versions
    assert meta.thresholds == LIMITS
    utk = table.read(predicted["utkface"])
    for row in utk.slice(0, 20).to_pylist():
        age, gender, *_ = row["sample_id"].split("_")
        assert (
            row["age_true"] == float(age)
            and row["gender_true"] == ("male", "female")[int(gender)]
            and row["path"] == row["sample_id"]
        )
    assert "emotion_true" not in utk.column_names and set(utk["group_race"].to_pylist()) <= {
        "White",
        "Black",
        "Asian",
        "Indian",
        "Others",
    }


def test_a_name_tells_two_ways_of_using_one_model_apart(
    data_dir: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    more = [
        "--dataset",
        "ferplus",
        "--data",
        str(data_dir),
        "--limit",
        "3",
        "--out",
        str(tmp_path / "t.parquet"),
    ]
    assert main(["predict", "--model", str(tiny_bundle), *more, "--name", "tiny, flipped"]) == 0
    predictions = table.read(tmp_path / "t.parquet")
    assert (
        predictions["model"].unique().to_pylist() == ["tiny, flipped"]
        and table.Meta.of(predictions).model == "tiny, flipped"
    )


def test_unreadable_files_are_left_out_and_counted(
    data_dir: Path, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    faces = tmp_path / "faces"
    faces.mkdir()
    some = sorted((data_dir / "utkface").glob("2*.jpg"))[:5]
    for path in some:
        shutil.copyfile(path, faces / path.name)
    (faces / some[2].name).write_bytes(some[2].read_bytes()[:2500])  # a whole header
    (faces / "nonsense.jpg").write_bytes(b"")
    arguments = ["predict", "--model", str(tiny_bundle), "--dataset", "utkface", "--split", "all"]
    arguments += ["--data", str(faces), "--out", str(tmp_path / "t.parquet")]
    assert main(arguments) == 0
    predictions = table.read(tmp_path / "t.parquet")
    assert (
        predictions["sample_id"].to_pylist() == [p.name for p in some if p != some[2]]
        and table.Meta.of(predictions).left_out == 2
    )
    printed = capsys.readouterr()
    assert printed.out == "" and "1 unreadable" in printed.err and "nonsense.jpg" in printed.err

    for path in some:
        (faces / path.name).write_bytes(b"x")
    assert main(arguments) == 2 and "got none (6 left out, 5 of them" in capsys.readouterr().err
    assert len(table.read(tmp_path / "t.parquet")) == 4, "the old table stays"


def test_report_computes_the_figures_of_the_table(
    predicted: dict[str, Path], capsys: pytest.CaptureFixture
) -> None:
    rows = table.read(predicted["utkface"]).to_pandas()
    assert main(["report", str(predicted["utkface"]), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["rows"] == 150 and report["emotion"] is None
    error = rows.age_pred - rows.age_true
    assert report["age"]["mae"]["value"] == pytest.approx(error.abs().mean())
    assert report["age"]["bias"]["value"] == pytest.approx(error.mean())
    assert report["age"]["interval"]["coverage"]["value"] == pytest.approx(
        rows.age_true.between(rows.age_low, rows.age_high).mean()
    )
    assert (
        report["age"]["mae"]["low"] < report["age"]["mae"]["value"] < report["age"]["mae"]["high"]
    )
    right = (rows["gender_p_female"] >= 0.5) == (rows.gender_true == "female")
    assert (
        report["gender"]["accuracy"]["value"] == pytest.approx(right.mean())
        and report["gender"]["ece"]["n"] == 150
    )
    by_race = {r["value"]: r["accuracy"] for r in report["gender"]["groups"]["race"]}
    assert {k: v["value"] for k, v in by_race.items()} == pytest.approx(
        right.groupby(rows.group_race).mean().to_dict()
    )
    assert sum(v["n"] for v in by_race.values()) == 150
    decades = {r["value"]: r["mae"]["value"] for r in report["age"]["groups"]["age_decade"]}
    assert decades["80+"] == pytest.approx(error.abs()[rows.age_true >= 80].mean())


def test_report_prints_tables(predicted: dict[str, Path], capsys: pytest.CaptureFixture) -> None:
    assert main(["report", str(predicted["ferplus"])]) == 0
    out = capsys.readouterr().out
    assert (
        "accuracy" in out
        and "contempt" in out
        and "Perceived gender" not in out
        and "detector YuNet" in out
    )


MISTAKES = {
    "model": (
        ["predict", "--model", "nowhere", "--dataset", "ferplus", "--data", ".", "--out", "x"],
        "python -m train export",
    ),
    "dataset": (
        ["predict", "--model", "MODEL", "--dataset", "ferplu", "--data", ".", "--out", "x"],
        "did you mean 'ferplus'",
    ),
    "data": (
        ["predict", "--model", "MODEL", "--dataset", "ferplus", "--data", "nowhere", "--out", "x"],
        "--data DIR",
    ),
    "limit": (
        [
            "predict",
            "--model",
            "MODEL",
            "--dataset",
            "ferplus",
            "--data",
            ".",
            "--limit",
            "-3",
            "--out",
            "x",
        ],
        "--limit",
    ),
    "table": (["report", "nowhere.parquet"], "no file"),
    "map": (["report", "nowhere.parquet", "--map", "label"], "OURS=THEIRS"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_end_with_status_2_and_say_what_helps(
    name: str, tiny_bundle: Path, capsys: pytest.CaptureFixture
) -> None:
    arguments, text = MISTAKES[name]
    assert main([a.replace("MODEL", str(tiny_bundle)) for a in arguments]) == 2
    printed = capsys.readouterr()
    assert text in printed.err and printed.out == "" and "Traceback" not in printed.err


def test_our_own_failures_end_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(report, "read_any", lambda *a, **k: 1 // 0)
    assert (
        main(["report", "t"]) == 1
        and "ZeroDivisionError" in (stderr := capsys.readouterr().err)
        and "Traceback" not in stderr
    )
    assert main(["report", "t", "--debug"]) == 1 and "Traceback" in capsys.readouterr().err


def test_help_lists_every_subcommand(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    out = capsys.readouterr().out
    listed = {
        line.split()[0] for line in out.splitlines() if line.startswith("    ") and line.strip()
    }
    assert end.value.code == 0 and {"predict", "report", "bench"} <= listed and "conform" not in out


def test_a_table_is_of_its_operating_point_and_marks_what_is_not_given(
    data_dir: Path, shipped_model: Path, tmp_path: Path
) -> None:
    tables = {}
    model = with_card(shipped_model, tmp_path, {"gender_from_age": 40.0})
    for point in ("accuracy", "balanced"):
        tables[point] = tmp_path / f"{point}.parquet"
        argv = ["predict", "--model", str(model), "--dataset", "utkface", "--limit", "60"]
        argv += ["--data", str(data_dir), "--out", str(tables[point])]
        assert main([*argv, *(["--operating-point", point] if point != "accuracy" else [])]) == 0
        rows = table.read(tables[point])
        meta, card = Meta.of(rows), Predictor(model, operating_point=point).card
        assert (meta.operating_point, meta.thresholds) == (point, card.thresholds)
        age, abstained = (rows[n].to_numpy() for n in ("age_pred", "gender_abstained"))
        assert (abstained == (age < card.gender_from_age)).all() and 0 < abstained.sum() < 60
        assert rows["gender_p_female"].null_count == 0
    plain, balanced = (table.read(path) for path in tables.values())
    assert plain["age_low"] == balanced["age_low"]
    neutral = [t["emotion_p_neutral"].to_numpy().mean() for t in (plain, balanced)]
    assert neutral[1] < neutral[0], "the most frequent class of the training data"
