"""Gates: what passes, what is missed, what nobody measured, and that a wrong file is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from evaluation.__main__ import main
from evaluation.predictions import table
from evaluation.predictions.schema import to_schema
from evaluation.report import gate_limits, gates

A, B = FERPLUS8.labels[:2]


def predictions(
    path: Path,
    right: int,
    split: str = "val",
    *,
    n: int = 100,
    all_tasks: bool = True,
    dataset: str = "d",
) -> str:
    """A table with `right` of n emotions right; all_tasks: also gender (all right) and age (off by
    3 years).
    """
    columns: dict[str, object] = {
        "sample_id": [str(i) for i in range(n)],
        "dataset": [dataset] * n,
        "split": [split] * n,
        "emotion_true": [A] * n,
        "emotion_pred": [A] * right + [B] * (n - right),
    }
    if all_tasks:
        columns |= {"gender_true": [GENDER2.labels[0]] * n, "gender_pred": [GENDER2.labels[0]] * n}
        columns |= {"age_true": [30.0] * n, "age_pred": [33.0] * n}
    table.write(to_schema(pa.table(columns), model="m"), path)
    return str(path)


def outcomes(arguments: list[str], capsys: pytest.CaptureFixture) -> tuple[int, dict[str, dict]]:
    status = main(["report", *arguments, "--json"])
    return status, {o["gate"]: o for o in json.loads(capsys.readouterr().out)["gates"]}


ALL = ["--gate", "production", "--measured", "latency_ms=31.5", "--measured", "onnx_parity=2e-6"]


def test_production_passes_only_with_everything_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    val, train = (
        predictions(tmp_path / "v.parquet", 78),
        predictions(tmp_path / "t.parquet", 87, "train"),
    )
    status, by_gate = outcomes([val, *ALL, "--train", train], capsys)
    assert (
        status == 0 and {o["state"] for o in by_gate.values()} == {"passed"} and len(by_gate) == 7
    )
    assert by_gate["emotion_gap"]["value"] == pytest.approx(0.09) and by_gate["age"]["value"] == 3
    status, by_gate = outcomes([val, "--gate", "production"], capsys)
    unmeasured = {
        name for name, o in by_gate.items() if o["state"] == "not measured" and o["fails"]
    }
    assert status == 3 and unmeasured == {"emotion_gap", "gender_gap", "onnx_parity", "speed"}


@pytest.mark.parametrize(
    ("right", "train_right", "extra", "gate"),
    [
        (77, 80, [], "emotion"),
        (80, 90, [], "emotion_gap"),
        (80, 89, [], None),
        (80, 81, ["--measured", "latency_ms=50"], "speed"),
        (80, 81, ["--measured", "onnx_parity=0.01"], "onnx_parity"),
    ],
)
def test_each_limit_can_be_missed(
    right: int,
    train_right: int,
    extra: list[str],
    gate: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    val, train = (
        predictions(tmp_path / "v.parquet", right),
        predictions(tmp_path / "t.parquet", train_right, "train"),
    )
    status, by_gate = outcomes([val, *ALL, *extra, "--train", train], capsys)
    missed = {name for name, o in by_gate.items() if o["state"] == "missed"}
    assert missed == {gate} - {None} and status == (3 if gate else 0)


def test_other_tables_bring_their_tasks_and_each_must_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "g.toml").write_text(
        '[emotion]\nfigure = "emotion.accuracy"\nmin = 0.8\n[age]\nfigure = "age.mae"\nmax = 3\n'
    )
    fer = predictions(tmp_path / "f.parquet", 90, all_tasks=False)
    gate = ["--gate", str(tmp_path / "g.toml")]
    assert outcomes([fer, *gate], capsys)[0] == 3, "nobody measured the age"
    utk = predictions(tmp_path / "u.parquet", 85, dataset="u")
    assert outcomes([fer, *gate, "--also", utk], capsys)[0] == 0
    worse = predictions(tmp_path / "w.parquet", 70, dataset="w")
    assert main(["report", fer, *gate, "--also", utk, "--also", worse]) == 3
    out = capsys.readouterr().out
    assert "w (val)" in out and "missed" in out and "1 of 5 gates failed" in out


def test_training_rows_prove_nothing(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "g.toml").write_text('[emotion]\nfigure = "emotion.accuracy"\nmin = 0.5\n')
    train = predictions(tmp_path / "t.parquet", 99, "train")
    status, by_gate = outcomes([train, "--gate", str(tmp_path / "g.toml")], capsys)
    assert status == 3 and by_gate["emotion"]["state"] == "not measured"


def test_an_optional_gate_may_stay_unmeasured_but_not_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "g.toml").write_text(
        '[speed]\nfigure = "latency_ms"\nbelow = 50\noptional = true\n'
    )
    arguments = [predictions(tmp_path / "v.parquet", 80), "--gate", str(tmp_path / "g.toml")]
    assert outcomes(arguments, capsys)[0] == 0
    assert outcomes([*arguments, "--measured", "latency_ms=60"], capsys)[0] == 3


@pytest.mark.parametrize(
    ("number", "in_json"),
    [("inf", "Infinity"), ("-1e999", "-1e999"), ("nan", "NaN"), ("1e999", "1" + "0" * 400)],
)
def test_a_number_that_is_not_finite_is_no_measurement(
    number: str, in_json: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "g.toml").write_text('[speed]\nfigure = "latency_ms"\nbelow = 50\n')
    arguments = [predictions(tmp_path / "v.parquet", 80), "--gate", str(tmp_path / "g.toml")]
    assert main(["report", *arguments, "--measured", f"latency_ms={number}"]) == 2
    assert f"got 'latency_ms={number}'" in capsys.readouterr().err
    (tmp_path / "m.json").write_text(f'{{"onnx_parity": 1e-6, "latency_ms": {in_json}}}')
    assert main(["report", *arguments, "--measured-in", str(tmp_path / "m.json")]) == 2
    assert "got 'latency_ms' of" in capsys.readouterr().err


def test_a_figure_without_a_value_is_missed() -> None:
    gate = gate_limits.Gate("speed", "latency_ms", below=50)
    [outcome] = gates.check([gate], [], [], {"latency_ms": float("inf")})
    assert outcome.state == "missed" and outcome.fails


BAD = {
    "nothing": ("", "at least one gate"),
    "toml": ("[a", "Expected TOML"),
    "two limits": ('[a]\nfigure = "age.mae"\nmin = 1\nmax = 2', "one number"),
    "not finite": ('[a]\nfigure = "age.mae"\nmax = inf', "one number"),
    "text": ('[a]\nfigure = "age.mae"\nmin = "1"', "one number"),
    "typo": ('[a]\nfigure = "age.mae"\nmaximum = 2', "maximum"),
    "no figure": ("[a]\nmin = 2", "figure"),
    "loose": ("min = 2", "[min]"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_files_are_refused(name: str, tmp_path: Path) -> None:
    text, part = BAD[name]
    (tmp_path / "g.toml").write_text(text)
    with pytest.raises(DataError) as refusal:
        gate_limits.load(str(tmp_path / "g.toml"))
    assert part in str(refusal.value)


@pytest.mark.parametrize(
    ("metric", "train", "held_out", "worse"),
    [
        ("accuracy", 0.75, 0.5, 0.25),
        ("mae", 3.0, 5.0, 2.0),
        ("bias", 1.0, -3.0, 2.0),
        ("bias", -3.0, 1.0, -2.0),
    ],
)
def test_a_gap_is_how_much_worse_the_held_out_data_are(
    metric: str, train: float, held_out: float, worse: float
) -> None:
    assert gates.gap(train, held_out, metric) == worse


def test_wrong_arguments_end_with_status_2(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    val = predictions(tmp_path / "v.parquet", 80)
    (tmp_path / "g.toml").write_text('[a]\nfigure = "emotion.acuracy"\nmin = 0.5\n')
    (tmp_path / "h.toml").write_text('[a]\nfigure = "mood.accuracy"\nmin = 0.5\n')
    (tmp_path / "i.toml").write_text('[a]\nfigure = "emotion.confusion"\nmin = 0.5\n')
    for arguments, text in (
        (["--gate", "nowhere.toml"], "no such file"),
        (["--gate", str(tmp_path / "g.toml")], "accuracy"),
        (["--gate", str(tmp_path / "h.toml")], "emotion, gender, age"),
        (["--gate", str(tmp_path / "i.toml")], "one number"),
        (["--gate", "production", "--measured", "latency_ms"], "NAME=NUMBER"),
        (["--measured", "latency_ms=1"], "--gate"),
    ):
        assert main(["report", val, *arguments]) == 2
        printed = capsys.readouterr()
        assert text in printed.err and printed.out == ""
