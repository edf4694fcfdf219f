"""Lines of counts as a demo writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from core.labels import FERPLUS8
from core.monitoring.counts_line import LATENCY_MS, CountsLine, TaskCounts

START = datetime(2026, 11, 2, tzinfo=UTC)
"""A Monday."""


def line(
    minute: int = 0,
    classes: dict[str, int] | None = None,
    *,
    uncertain: int = 0,
    abstained: dict[str, int] | None = None,
    sad_neutral: int | None = 0,
    pictures: int = 1,
    task: str = "emotion",
) -> CountsLine:
    """Return a line of one task; faces are those with and those without a prediction."""
    classes = classes if classes is not None else {FERPLUS8.labels[0]: 100}
    predicted = sum(classes.values())
    confidence = (0,) * 9 + (predicted,)
    return CountsLine(
        format="mien.counts",
        version=1,
        start=(START + timedelta(minutes=minute)).isoformat(),
        seconds=300,
        model="mien 1",
        generated=False,
        faces=predicted + sum((abstained or {}).values()),
        abstained=abstained or {},
        tasks={task: TaskCounts(predicted, uncertain, classes, confidence)},
        sad_neutral=sad_neutral,
        latency_ms={"live": (0,) * 10 + (pictures,) + (0,) * (len(LATENCY_MS) - 10)},
    )


tens = st.integers(0, 30).map(lambda n: 10 * n)
lines = st.builds(
    line,
    st.integers(0, 60 * 24 * 30),
    st.dictionaries(st.sampled_from(FERPLUS8.labels), tens),
    uncertain=tens,
    abstained=st.dictionaries(st.sampled_from(["too small", "blurred"]), tens),
    sad_neutral=tens,
    pictures=st.integers(0, 1000),
)
