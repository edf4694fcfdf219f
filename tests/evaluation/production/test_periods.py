"""Lines merged into hours, days and weeks: nothing is lost, and intervals hold what they say."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.labels import FERPLUS8
from core.monitoring.counts_line import GROUP, CountsLine
from evaluation.production.periods import (
    MAX_AUTOMATIC,
    STEPS,
    by_step,
    merged,
    rounded_share,
    usual_step,
)
from tests.evaluation.production.conftest import START, line, lines


@settings(deadline=None)
@given(st.lists(lines, min_size=1, max_size=20), st.sampled_from(sorted(STEPS)))
def test_periods_have_what_the_lines_have(counts_lines: list[CountsLine], step: str) -> None:
    periods, total = by_step(counts_lines, step), merged(counts_lines)
    starts = [period.start for period in periods]
    assert starts == sorted(set(starts)) and all(STEPS[step](start) == start for start in starts)
    assert total.faces == sum(p.faces for p in periods) == sum(one.faces for one in counts_lines)
    assert total.seconds == sum(p.seconds for p in periods)
    assert total.sad_neutral == sum(p.sad_neutral or 0 for p in periods)
    for reason in ("too small", "blurred"):
        expected = sum(one.abstained.get(reason, 0) for one in counts_lines)
        assert sum(p.abstained.get(reason, 0) for p in periods) == expected
    classes = sum(p.classes("emotion", FERPLUS8.labels) for p in periods)
    for k, label in enumerate(FERPLUS8.labels):
        assert classes[k] == sum(one.tasks["emotion"].classes.get(label, 0) for one in counts_lines)
    assert sum(p.confidence("emotion").sum() for p in periods) == classes.sum()
    assert sum(p.latency["live"] for p in periods).tolist() == total.latency["live"].tolist()
    for period in periods:
        for share in (period.abstained_share, period.uncertain_share("emotion")):
            assert share.value is None or share.low <= share.value <= share.high


@pytest.mark.parametrize(
    ("step", "start"),
    [("hour", (2026, 11, 29, 23)), ("day", (2026, 11, 29)), ("week", (2026, 11, 23))],
)
def test_where_periods_begin(step: str, start: tuple[int, ...]) -> None:
    time = datetime(2026, 11, 29, 23, 59, 59, tzinfo=START.tzinfo)
    assert STEPS[step](time) == datetime(*start, tzinfo=START.tzinfo)


def test_what_is_unknown_has_no_value() -> None:
    period = merged([line(classes={}, abstained={"blurred": 10}, task="age")])
    assert period.uncertain_share("emotion").value is None
    assert period.sad_neutral_share.value is None
    assert period.percentile_ms("still", 0.5) is None
    assert period.abstained_share.value == 1
    assert merged([line(sad_neutral=None)]).sad_neutral is None


def test_the_usual_step_makes_few_points() -> None:
    def step(days: int) -> str:
        return usual_step([line(60 * hour) for hour in range(0, 24 * days, 3)])

    assert [step(days) for days in (1, 5, 20, 100, 1000)] == ["hour", "hour", "day", "week", "week"]
    assert MAX_AUTOMATIC == 60


@pytest.mark.parametrize(("n", "p"), [(150, 0.05), (150, 0.4), (1000, 0.1)])
def test_intervals_of_rounded_counts_hold_the_true_share(n: int, p: float) -> None:
    """Each period has the rest of the one before and lacks its own, as `Tally` carries it on."""
    rng = np.random.default_rng(0)
    periods = 2000
    true = np.stack([rng.binomial(n, p, periods), np.full(periods, n)])
    below = np.cumsum(true, axis=1) // GROUP * GROUP
    published = np.diff(below, axis=1, prepend=0)
    shares = [rounded_share(int(hits), int(total)) for hits, total in published.T]
    inside = np.mean([share.low <= p <= share.high for share in shares])
    assert 0.92 <= inside <= 0.99
