"""agreement: shares by class of the other labels, the paired gain, and tables of other pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from core.labels import FERPLUS8
from evaluation.__main__ import main
from evaluation.commands.agreement import ALL, DIFFERENCE, MEAN, OWN
from evaluation.predictions import table
from evaluation.predictions.schema import to_schema

NEUTRAL, ANGER = "neutral", "anger"


def predictions(path: Path, ids: Sequence[str], predicted: Sequence[str]) -> Path:
    """A table whose own labels are all neutral."""
    n = len(ids)
    columns = {
        "sample_id": list(ids),
        "dataset": ["d"] * n,
        "split": ["val"] * n,
        "emotion_true": [NEUTRAL] * n,
        "emotion_pred": list(predicted),
    }
    table.write(to_schema(pa.table(columns), model=path.stem), path)
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Other labels of four pictures: two of anger, one neutral, one without."""
    path = tmp_path / "labels.csv"
    path.write_text("part,name,label\nx,1,anger\nx,2,anger\nx,3,neutral\nx,4,\n")
    return path


IDS = ["x/1", "x/2", "x/3", "x/4"]


def test_shares_by_class_and_the_paired_gain(
    tmp_path: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = predictions(tmp_path / "a.parquet", IDS, [NEUTRAL] * 4)
    last = predictions(tmp_path / "b.parquet", IDS, [ANGER, NEUTRAL, NEUTRAL, ANGER])
    assert main(["agreement", str(first), str(last), "--labels", str(labels), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == [OWN, "a", "b", DIFFERENCE]
    values = {
        name: {row: e["value"] for row, e in column.items()} for name, column in printed.items()
    }
    assert (
        values[OWN] == values["a"] == {NEUTRAL: 1, ANGER: 0, MEAN: 0.5, ALL: pytest.approx(1 / 3)}
    )
    assert values["b"] == {NEUTRAL: 1, ANGER: 0.5, MEAN: 0.75, ALL: pytest.approx(2 / 3)}
    assert values[DIFFERENCE] == {NEUTRAL: 0, ANGER: 0.5, ALL: pytest.approx(1 / 3)}
    assert printed["b"][ALL]["n"] == 3, "a picture without another label is left out"
    assert set(values["b"]) - {MEAN, ALL} <= set(FERPLUS8.labels)


@pytest.mark.parametrize("ids", [IDS[:2], ["x/2", "x/1", "x/3", "x/4"], ["x/1", "y/2", "x/3"]])
def test_tables_that_cannot_be_paired_are_refused(
    tmp_path: Path, labels: Path, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    first = predictions(tmp_path / "a.parquet", IDS, [ANGER] * 4)
    last = predictions(tmp_path / "b.parquet", ids, [ANGER] * len(ids))
    assert main(["agreement", str(first), str(last), "--labels", str(labels)]) == 2
    assert "same pictures in the same order" in capsys.readouterr().err


def test_labels_of_other_pictures_are_refused(
    tmp_path: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = predictions(tmp_path / "a.parquet", ["z/1"], [ANGER])
    assert main(["agreement", str(one), "--labels", str(labels)]) == 2
    assert "z/1" in capsys.readouterr().err
