"""No text from a file steers the terminal that it is printed on."""

from __future__ import annotations

import io
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cli import USER_ERROR, exit_status
from core.errors import UserError
from core.terminal import console_class, printable
from evaluation.__main__ import main
from evaluation.report.formatting import print_table

HOSTILE = "\x1b]0;title\x07\u202ename\x9b31m\r"


def steers(text: str) -> bool:
    return any(unicodedata.category(c) in ("Cc", "Cf") and c not in "\n\t" for c in text)


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_that_steers_is_left(text: str) -> None:
    assert not steers(printable(text))
    printable(text).encode()


@given(st.text(st.characters(categories=("L", "M", "N", "P", "S", "Zs")) | st.sampled_from("\n\t")))
def test_all_else_stays(text: str) -> None:
    assert printable(text) == text


def test_lines_tables_and_titles() -> None:
    text = io.StringIO()
    out = console_class()(file=text, markup=False, highlight=False)
    out.print(HOSTILE, style="bold")
    print_table(out, HOSTILE, [HOSTILE, "n"], [[HOSTILE, HOSTILE]])
    assert text.getvalue().count("name") == 5
    assert not steers(text.getvalue())


def test_errors(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise UserError(HOSTILE)

    assert exit_status(fails) == USER_ERROR
    assert not steers(capsys.readouterr().err)


@pytest.mark.parametrize("command", ["report", "slices"])
def test_a_table_full_of_them(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"{HOSTILE}.csv".replace("\r", "")
    name = HOSTILE.replace("\r", "")
    rows = "".join(f"{name}{i},{name},{(name, 'b')[i % 2]},{name}\n" for i in range(60))
    path.write_text(f"sample_id,group_{name},mood_true,mood_pred\n{rows}", "utf-8")
    assert main([command, str(path)]) == 0
    out, err = capsys.readouterr()
    assert "name" in out + err
    assert not steers(out)
    assert not steers(err)
