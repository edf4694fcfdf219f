"""Growth of a server's memory: the slope of its readings with a confidence interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from core.types import Floats

MAX_GROWTH_MB_PER_MIN = 1.0
GROWTH_TARGET = f"memory grows by at most {MAX_GROWTH_MB_PER_MIN:g} MB a minute"
WARM_UP_SECONDS = 60.0
"""In the first minute threads start and caches fill; the slope is that of the time after it, and
needs at least another minute.
"""
END_TOLERANCE_SECONDS = 2.0
"""How long before the end the last reading may be."""
SEGMENTS = 8
"""The line is fitted to the medians of so many equal segments. Readings a second apart are alike:
where they keep a deviation for 5 s, an interval from all of them would hold the true slope in 47 of
100 runs of ten minutes instead of 95, and this one does in 95 (30 s: 92).
"""


@dataclass(frozen=True, slots=True)
class MemoryGrowth:
    """Memory of a server over time; None where it was not measured for long enough.

    Attributes:
        first_mb: Median of the first quarter of the readings, in MB.
        last_mb: Median of the last quarter, in MB.
        peak_mb: Largest reading, in MB.
        mb_per_min: Slope after the warm-up, in MB a minute.
        ci95: Its 95 % confidence interval.
    """

    first_mb: float | None = None
    last_mb: float | None = None
    peak_mb: float | None = None
    mb_per_min: float | None = None
    ci95: tuple[float, float] | None = None

    @property
    def is_flat(self) -> bool | None:
        """Whether the upper end of the slope's interval meets the target; None without one."""
        return None if self.ci95 is None else self.ci95[1] <= MAX_GROWTH_MB_PER_MIN

    def in_words(self) -> str:
        """Return how much memory the server held, and how fast it grew."""
        if self.first_mb is None:
            return "not measured"
        growth = f"too short for a slope, which needs {2 * WARM_UP_SECONDS:.0f} s"
        if self.ci95 is not None:
            low, high = self.ci95
            growth = f"{self.mb_per_min:+.2f} MB a minute (95 %: {low:+.2f} to {high:+.2f})"
        return (
            f"first {self.first_mb:.0f}, last {self.last_mb:.0f}, peak {self.peak_mb:.0f} MB;"
            f" {growth}"
        )


def memory_growth(readings: Floats) -> MemoryGrowth:
    """Return the growth of memory over time.

    Args:
        readings: Shape (N, 2): seconds since the start, MB. N may be 0.
    """
    if len(readings) == 0:
        return MemoryGrowth()
    seconds, mb = readings.T
    quarter = max(1, len(mb) // 4)
    first, last = float(np.median(mb[:quarter])), float(np.median(mb[-quarter:]))
    mb_per_min, ci95 = None, None
    after_warm_up = readings[seconds >= WARM_UP_SECONDS]
    is_long_enough = seconds[-1] >= 2 * WARM_UP_SECONDS - END_TOLERANCE_SECONDS
    if is_long_enough and len(after_warm_up) >= SEGMENTS:
        value, half_width = slope(after_warm_up)
        mb_per_min = round(value, 2)
        ci95 = (round(value - half_width, 2), round(value + half_width, 2))
    return MemoryGrowth(
        round(first, 1), round(last, 1), round(float(mb.max()), 1), mb_per_min, ci95
    )


def slope(readings: Floats) -> tuple[float, float]:
    """Return the slope in MB a minute and the half width of its 95 % confidence interval.

    Least squares through the medians of `SEGMENTS`, with Student's interval.

    Args:
        readings: Shape (N, 2): seconds, MB; N at least `SEGMENTS`.
    """
    segments = np.array_split(readings, SEGMENTS)
    seconds, mb = np.array([np.median(segment, axis=0) for segment in segments]).T  # (SEGMENTS,)
    minutes, mb = (seconds - seconds.mean()) / 60, mb - mb.mean()
    value = float(minutes @ mb / (minutes @ minutes))
    degrees = SEGMENTS - 2
    variance = np.sum((mb - value * minutes) ** 2) / degrees / (minutes @ minutes)
    return value, float(stdtrit(degrees, 0.975) * np.sqrt(variance))
