"""Read files of counts. They may hold anything: what is no line of counts is refused by its number.

A last line without an end is left out: the demo may be writing it, or was killed meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.errors import DataError
from core.monitoring.counts_file import all_files
from core.monitoring.counts_line import MAX_CLASSES, MAX_TASKS, CountsLine, parse

MAX_FILE_BYTES = 67_108_864
"""Bytes of a file of counts and of the full ones beside it together."""
MAX_LINES = 50_000
"""Half a year of lines, one every five minutes."""


def read(path: Path) -> list[CountsLine]:
    """Return the lines of a file and of the full ones beside it, the earliest first.

    Raises:
        DataError: there is no such file, it is too large, or a line is malformed.
    """
    lines: list[CountsLine] = []
    room = MAX_FILE_BYTES
    files = all_files(path)
    if not files:
        raise DataError(
            f"Expected a file of counts, got nothing at {path}; try `python -m apps.webcam "
            "--monitor FILE.jsonl`, which writes one."
        )
    for file in files:
        try:
            with file.open("rb") as opened:
                content = opened.read(room + 1)
        except OSError as error:
            raise DataError(f"Expected to read {file}, got: {error.strerror}.") from error
        if len(content) > room:
            raise DataError(f"Expected counts of at most {MAX_FILE_BYTES:,} bytes, got {path}.")
        room -= len(content)
        lines += parse_all(content, file.name, MAX_LINES - len(lines))
    _check_names(lines, path.name)
    return sorted(lines, key=lambda line: line.start)


def parse_all(content: bytes, name: str, max_lines: int = MAX_LINES) -> list[CountsLine]:
    """Return the lines of a file, in its order.

    Args:
        content: of the file.
        name: what messages call it.
        max_lines: the most that are read.

    Raises:
        DataError: there are more, or one is malformed.
    """
    raw = content.split(b"\n", max_lines + 1)
    if len(raw) > max_lines + 1:
        raise DataError(f"Expected at most {max_lines:,} lines of counts in {name}, got more.")
    lines = []
    for number, text in enumerate(raw[:-1], 1):
        try:
            lines.append(parse(text))
        except DataError as error:
            raise DataError(f"{name}, line {number:,}: {error}") from None
    _check_names(lines, name)
    return lines


def _check_names(lines: Sequence[CountsLine], name: str) -> None:
    """Refuse more names in all lines together than one line may have: each becomes a colour.

    Raises:
        DataError: there are more.
    """
    classes: dict[str, set[str]] = {}
    for line in lines:
        classes.setdefault("", set()).update(line.abstained)
        for task, counts in line.tasks.items():
            classes.setdefault(task, set()).update(counts.classes)
        if len(classes) > MAX_TASKS + 1 or max(map(len, classes.values())) > MAX_CLASSES:
            raise DataError(
                f"Expected at most {MAX_TASKS} tasks of {MAX_CLASSES} classes in {name}, got more."
            )
