"""Files of counts from anybody: read in order, or refused by the line's number."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from core.monitoring.counts_file import CountsFile
from evaluation.production import reading
from tests.evaluation.production.conftest import line

LINE = line().to_json().encode() + b"\n"


def test_all_files_are_read_the_earliest_line_first(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    lines = [line(minute) for minute in range(20)]
    file = CountsFile(path, max_bytes=4 * len(LINE))
    for one in lines:
        file.append(one.to_json())
    assert len(list(tmp_path.iterdir())) > 3
    assert reading.read(path) == lines


@given(st.binary(max_size=60).filter(lambda b: b"\n" not in b), st.integers(0, 3))
def test_a_hostile_line_is_refused_by_its_number(content: bytes, place: int) -> None:
    texts = [LINE] * 3
    texts.insert(place, content + b"\n")
    with pytest.raises(DataError, match=rf"c\.jsonl, line {place + 1}: Expected"):
        reading.parse_all(b"".join(texts), "c.jsonl")


@pytest.mark.parametrize("cut", [1, 2, 500, len(LINE)])
def test_a_last_line_without_an_end_is_left_out(cut: int) -> None:
    assert reading.parse_all(LINE + LINE[:-cut], "c") == [line()]


def test_what_is_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(reading.parse_all(LINE * 3, "c", 3)) == 3
    with pytest.raises(DataError, match="at most 3 lines"):
        reading.parse_all(LINE * 4, "c", 3)
    path = tmp_path / "c.jsonl"
    path.write_bytes(LINE * 2)
    (tmp_path / "c.jsonl.1").write_bytes(LINE)
    assert len(reading.read(path)) == 3
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 3 * len(LINE) - 1)
    with pytest.raises(DataError, match="at most"):
        reading.read(path)


def test_many_names_are_refused_though_each_line_has_few() -> None:
    lines = [line(i, {f"class {i}-{k}": 10 for k in range(50)}) for i in range(3)]
    text = b"".join(one.to_json().encode() + b"\n" for one in lines)
    assert len(reading.parse_all(text[: text.rindex(b"class 2")], "c")) == 2
    with pytest.raises(DataError, match="100 classes"):
        reading.parse_all(text, "c")


def test_no_file_is_said_with_the_command(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.jsonl"):
        with pytest.raises(DataError, match="--monitor"):
            reading.read(path)
