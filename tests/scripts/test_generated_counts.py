"""The studio's sample of counts: the script writes it again, and it says that it is generated."""

from __future__ import annotations

from evaluation.production import alarms, periods, reading
from evaluation.production.alarms import ABSTAINED
from scripts.generated_counts import BROKEN_FROM_DAY, DAYS, SAMPLES, generated

SAMPLE = SAMPLES / "generated-counts.jsonl"


def test_the_script_writes_the_shipped_file() -> None:
    assert generated() == SAMPLE.read_text("ascii")


def test_every_line_says_so_and_the_broken_lamp_alarms() -> None:
    lines = reading.read(SAMPLE)
    assert all(line.generated for line in lines)
    days = alarms.figures(periods.by_step(lines, "day"), "emotion", None)
    assert len(days) == DAYS
    assert [day[ABSTAINED].is_raised for day in days] == [i >= BROKEN_FROM_DAY for i in range(DAYS)]
