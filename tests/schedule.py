"""Which tests run first, and beside which others.

xdist gives a worker whole files, those with the most tests first. The longest files, of browsers
and of trainings, have few tests and would all come last, two browsers and two servers at a time on
two cores. So browser files are one unit that one worker begins with, and long files come first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

TESTS = Path(__file__).resolve().parent
BROWSER = "browser"
LONG_FOLDERS = ("apps", "train")


def rank(item: pytest.Item) -> int:
    """Return 0 for a test in a browser, 1 for one in a folder with long files, else 2."""
    if item.get_closest_marker(BROWSER) is not None:
        return 0
    return 1 if item.path.relative_to(TESTS).parts[0] in LONG_FOLDERS else 2


@cache
def is_browser_file(file: str) -> bool:
    """Return whether the tests of `file`, a path below the project's folder, drive a browser."""
    return f"pytest.mark.{BROWSER}\n" in (TESTS.parent / file).read_text("utf-8")


class Scheduling(LoadFileScheduling):
    """Whole files in the order of their collection; all browser files are one unit."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return BROWSER if is_browser_file(file) else file


def seconds_by_file(reports: Iterable[object]) -> Counter[str]:
    """Return the seconds of each file's tests with their fixtures: a worker takes whole files."""
    seconds: Counter[str] = Counter()
    for report in reports:
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    return seconds
