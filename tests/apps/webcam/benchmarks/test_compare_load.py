"""Two checkouts of the demo compared: the target, and what cannot be compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.webcam.benchmarks import compare_load
from apps.webcam.benchmarks.compare_load import LoadComparison
from evaluation.statistics.estimate import Estimate
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("difference", "is_met"),
    [
        (Estimate(-1.0, -1.5, -0.5, 10), True),
        (Estimate(0.1, -0.1, 0.3, 10), True),
        (Estimate(0.1, -0.3, 0.5, 10), False),  # may be 4 % more
        (Estimate(0.1, None, None, 1), None),
    ],
)
def test_the_upper_end_of_the_interval_counts(difference: Estimate, is_met: bool | None) -> None:
    report = LoadComparison(2, ("ours", "theirs"), (12.1, 12.0), difference, ())
    assert next(iter(report.met.values())) is is_met
    assert report.to_dict()["difference_ms"] == difference.to_dict()


@pytest.mark.parametrize(
    "arguments",
    [["--visitors", "0"], ["--rounds", "1"], ["--seconds", "0.1"], []],
)
def test_what_cannot_be_compared_is_the_users_mistake(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture
) -> None:
    other = ROOT if arguments else tmp_path
    assert compare_load.main([str(other), *arguments]) == 2
    assert "error: Expected" in capsys.readouterr().err
