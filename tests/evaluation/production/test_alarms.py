"""Alarms: only where the whole interval is above the line, of enough faces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.labels import FERPLUS8
from core.monitoring.counts_line import CountsLine
from evaluation.production import alarms
from evaluation.production.alarms import ABSTAINED, DRIFT, MIN_FACES, SAD_NEUTRAL, UNCERTAIN
from evaluation.production.periods import by_step
from evaluation.production.validation import ValidationCounts
from evaluation.statistics.estimate import Estimate
from tests.evaluation.production.conftest import line, lines

USUAL = dict(zip(FERPLUS8.labels, (400, 300, 100, 100, 50, 20, 20, 10), strict=True))
VALIDATION = ValidationCounts(
    FERPLUS8.labels,
    np.array(list(USUAL.values())),
    np.zeros(10, np.int64),
    Estimate.of_share(100, 1000),
    Estimate.of_share(300, 1000),
)
HOUR = 60


def newest(*counts_lines: CountsLine) -> dict[str, alarms.AlarmFigure]:
    return alarms.figures(by_step(counts_lines, "hour"), "emotion", VALIDATION)[-1]


def raised(*counts_lines: CountsLine) -> set[str]:
    return {name for name, figure in newest(*counts_lines).items() if figure.is_raised}


def test_what_is_as_in_validation_does_not_alarm() -> None:
    usual = [line(HOUR * i, USUAL, uncertain=100, sad_neutral=300) for i in range(3)]
    figures = newest(*usual)
    assert raised(*usual) == set()
    assert figures[DRIFT].value.value == 0 and figures[DRIFT].limit == 0.1
    assert figures[UNCERTAIN].limit == pytest.approx(0.2)
    assert figures[SAD_NEUTRAL].limit == pytest.approx(0.4)
    assert figures[ABSTAINED].limit == pytest.approx(0.1), "ten points above none"


def test_each_figure_alarms_by_itself() -> None:
    usual = line(0, USUAL, uncertain=100, sad_neutral=300)
    others = {FERPLUS8.labels[0]: 1000}
    assert raised(usual, line(HOUR, others, uncertain=100, sad_neutral=300)) == {DRIFT}
    assert raised(usual, line(HOUR, USUAL, uncertain=300, sad_neutral=300)) == {UNCERTAIN}
    assert raised(usual, line(HOUR, USUAL, uncertain=100, sad_neutral=500)) == {SAD_NEUTRAL}
    dark = line(HOUR, USUAL, uncertain=100, sad_neutral=300, abstained={"too dark": 300})
    assert raised(usual, dark) == {ABSTAINED}
    assert raised(dark) == set(), "nothing before to compare it with"


def test_few_faces_do_not_alarm() -> None:
    few = {FERPLUS8.labels[4]: MIN_FACES - 10}
    enough = {FERPLUS8.labels[4]: MIN_FACES}
    assert raised(line(0, few, uncertain=MIN_FACES - 10)) == set()
    assert {DRIFT, UNCERTAIN} <= raised(line(0, enough, uncertain=MIN_FACES))


def test_a_class_that_validation_lacks_is_drift() -> None:
    assert newest(line(0, {**USUAL, "boredom": 1000}))[DRIFT].value.value == pytest.approx(0.5)


@settings(deadline=None)
@given(st.lists(lines, min_size=1, max_size=6), st.floats(0.01, 0.5))
def test_an_alarm_means_that_the_interval_is_above(
    counts_lines: list[CountsLine], margin: float
) -> None:
    periods = by_step(counts_lines, "day")
    for validation in (VALIDATION, None):
        of_periods = alarms.figures(periods, "emotion", validation, margin)
        assert len(of_periods) == len(periods)
        for figure in (f for one in of_periods for f in one.values()):
            if figure.is_raised:
                assert figure.value.low > figure.limit and figure.value.n >= MIN_FACES
            if figure.limit is not None:
                assert figure.limit == pytest.approx((figure.reference or 0) + margin)
