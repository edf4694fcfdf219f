"""What is given by group, and agreement with other labels: the figures are those of the rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from core.artifacts import bundle
from evaluation.__main__ import main
from evaluation.analysis.given import given_by_group, true_range
from evaluation.predictions import table
from evaluation.statistics.intervals import wilson

BINS = ("00-02", "03-09", "70+")
ROWS = pa.table(
    {
        "sample_id": list("abcd"),
        "dataset": ["made"] * 4,
        "split": ["val"] * 4,
        "model": ["m"] * 4,
        "gender_true": ["female", "male", "male", "female"],
        "gender_p_female": [0.9, 0.8, 0.1, 0.3],
        "age_true": [1.0, 6.0, 75.0, None],
        "age_pred": [2.5, 12.0, 80.0, 30.0],
        "age_low": [2.0, 11.0, 60.0, 20.0],
        "age_high": [3.0, 13.0, 95.0, 40.0],
        "group_age_bin": [*BINS, None],
        "group_race": ["x", "x", "y", "y"],
    }
)


def test_figures_are_those_of_the_rows() -> None:
    everyone, *groups = given_by_group(ROWS, 4.0, 2.0)
    assert (everyone.gender.value, everyone.coverage.value) == (0.5, 0.75)
    assert everyone.given.value == pytest.approx(1 / 3) and everyone.given.n == 3
    assert (everyone.gender.low, everyone.gender.high) == pytest.approx(wilson(2, 4))
    # 2.5 lies in 0-2, which ends with its last year; 12 is two years over 3-9; 80 lies in 70+
    assert everyone.error.value == pytest.approx(2 / 3)
    assert everyone.inside.value == pytest.approx(2 / 3)
    assert everyone.inside_wider.value == 1.0, "12 - 2 * 1 meets 3-9"
    assert everyone.unclear.value == pytest.approx(1 / 3)
    by = {(g.group, g.value): g for g in groups}
    assert set(by) == {
        *(("gender", v) for v in ("female", "male")),
        *(("race", v) for v in "xy"),
        *(("age_bin", v) for v in BINS),
    }
    assert by["race", "y"].gender.value == 0.5 and by["race", "y"].error.n == 1
    assert by["age_bin", "00-02"].given is None, "nobody there is given it"


def test_rows_without_an_interval_or_an_age_say_nothing_of_either() -> None:
    def without(rows: pa.Table, name: str, row: int) -> pa.Table:
        values = [None if i == row else v for i, v in enumerate(rows[name].to_pylist())]
        return rows.set_column(rows.column_names.index(name), name, pa.array(values))

    for end in ("age_low", "age_high"):
        everyone = given_by_group(without(ROWS, end, 1), 4.0, 2.0)[0]
        for figure in (everyone.inside, everyone.inside_wider):
            assert (figure.value, figure.n) == (1.0, 2), "the row of 3-9 is no miss"
        for figure in (everyone.unclear, everyone.unclear_wider):
            assert (figure.value, figure.n) == (0.5, 2)
        assert everyone.error.n == 3
    ageless = given_by_group(without(ROWS, "age_pred", 0), 4.0, 2.0)[0]
    assert ageless.coverage.value == 1.0, "without an age nothing withholds perceived gender"


def test_exact_ages_are_ranges_of_no_width() -> None:
    exact = ROWS.drop_columns(["group_age_bin"])
    low, high = true_range(exact)
    np.testing.assert_array_equal(low, high)
    assert given_by_group(exact, 0.0, 1.0)[0].error.value == pytest.approx((1.5 + 6 + 5) / 3)


def test_the_command_judges_by_the_card(
    shipped_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, card = tmp_path / "made.parquet", bundle.load_card(shipped_model)
    table.write(ROWS, path)
    argv = ["by_group", str(path), "--model", str(shipped_model)]
    assert main([*argv, "--json"]) == 0
    everyone = json.loads(capsys.readouterr().out)["made"][0]
    factor = card.operating_points["elsewhere"].interval_factor
    ours = given_by_group(table.read(path), card.gender_from_age, factor)[0]
    assert everyone["coverage"]["value"] == ours.coverage.value
    assert everyone["inside_wider"]["value"] == ours.inside_wider.value
    assert main(argv) == 0
    text = capsys.readouterr().out
    assert "| race: x | 2 |" in text and f"from a predicted age of {card.gender_from_age:g}" in text


def test_agreement_is_counted_by_class_of_the_other_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {
        "sample_id": [f"val/{i}.png" for i in range(5)],
        "dataset": ["made"] * 5,
        "split": ["val"] * 5,
        "model": ["m"] * 5,
        "emotion_true": ["anger", "neutral", "fear", "fear", None],
        "emotion_pred": ["anger", "anger", "surprise", "fear", "fear"],
    }
    table.write(pa.table(rows), tmp_path / "m.parquet")
    labels = tmp_path / "other.csv"
    texts = ("angry", "anger", "fear", "", "fear")
    cells = [f"val,{i}.png,{label}" for i, label in enumerate(texts)]
    labels.write_text("\n".join(["folder,file,label", *cells]))
    argv = ["agreement", str(tmp_path / "m.parquet"), "--labels", str(labels)]
    assert main([*argv, "--json"]) == 0
    columns = json.loads(capsys.readouterr().out)
    own, predicted = columns["the table's label"], columns["m"]
    assert (own["anger"]["value"], predicted["anger"]["value"]) == (0.5, 1.0)
    assert own["fear"] | {"low": 0, "high": 0} == {"value": 1.0, "low": 0, "high": 0, "n": 1}
    assert predicted["all"]["value"] == pytest.approx(2 / 3) and predicted["all"]["n"] == 3
    assert predicted["mean over classes"]["value"] == 0.5
    assert main(argv) == 0 and "| anger | 2 | 50.0 %" in capsys.readouterr().out
    worse = rows | {"emotion_pred": ["anger", "neutral", "surprise", "surprise", "fear"]}
    table.write(pa.table(worse), tmp_path / "worse.parquet")
    assert main([*argv[:2], str(tmp_path / "worse.parquet"), *argv[2:], "--json"]) == 0
    gain = json.loads(capsys.readouterr().out)["last less first"]
    assert (gain["anger"]["value"], gain["fear"]["value"]) == (-0.5, 0.0)
    assert gain["all"]["value"] == pytest.approx(-1 / 3)
    semicolons = "\r\n".join(["folder;file;label", *cells]).replace(",", ";")
    labels.write_text(semicolons, "utf-16")  # as a spreadsheet saves it
    assert main([*argv, "--json"]) == 0 and json.loads(capsys.readouterr().out) == columns
    labels.write_text("id,label\nnobody,fear\n")
    assert main(argv) == 2 and "Expected labels of the table's pictures" in capsys.readouterr().err
