"""Command lines: which command is imported, its help, and the exit status of each error."""

from __future__ import annotations

import argparse
import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from core import cli, registry
from core.errors import DataError

FIRST = '''"""Greet somebody, 100 % politely.

More about it.
"""
import sys
assert "planted_commands.second" not in sys.modules

def add_arguments(parser):
    parser.add_argument("name")

def run(args):
    print(f"hello {args.name}")
    return 0
'''
SECOND = '''"""Fail."""
raise RuntimeError("imported, though not chosen")
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "planted_commands"
    folder.mkdir()
    for name, text in {"__init__": "", "first": FIRST, "second": SECOND, "_helper": "1/0"}.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder.name
    for name in [n for n in sys.modules if n.startswith(folder.name)]:
        del sys.modules[name]


def run(package: str, *words: str, **options: object) -> int:
    return cli.run_commands(package, "python -m planted", "Planted.", words, **options)


def test_only_the_chosen_command_is_imported(
    package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(package, "first", "you") == 0
    assert capsys.readouterr().out == "hello you\n"


def test_help_is_the_first_line_of_each_docstring(
    package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(package, "--help")
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert "Greet somebody, 100 % politely." in text and "Fail." in text
    assert "More about it" not in text and "_helper" not in text
    with pytest.raises(SystemExit):
        run(package, "first", "--help")
    text = capsys.readouterr().out
    assert "More about it." in text and "100 % politely" in text


@pytest.mark.parametrize("command", ["evaluation", "train"])
def test_every_option_has_a_help(command: str) -> None:
    for name in registry.names(f"{command}.commands"):
        parser = argparse.ArgumentParser()
        registry.load(f"{command}.commands", name).add_arguments(parser)
        assert [action.dest for action in parser._actions if not action.help] == [], name


def test_an_unknown_command_is_the_users_mistake(
    package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(package, "third")
    assert ended.value.code == 2 and "first" in capsys.readouterr().err


def test_a_default_command(package: str, capsys: pytest.CaptureFixture[str]) -> None:
    default = ModuleType("default")
    default.add_arguments = lambda parser: parser.add_argument("recipe", nargs="?")
    default.run = lambda args: print(args.recipe) or 0
    assert run(package, "mien", default=default) == 0 == run(package, default=default)
    assert capsys.readouterr().out == "mien\nNone\n"
    assert run(package, "first", "you", default=default) == 0
    assert capsys.readouterr().out == "hello you\n"
    with pytest.raises(SystemExit):
        run(package, "--help", default=default, epilog="examples: none")
    text = capsys.readouterr().out
    assert "first      Greet somebody" in text and "examples: none" in text


def raising(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (DataError("Expected x"), 2, "error: Expected x\n"),
        (OSError("full"), 1, "internal error: OSError: full (--debug shows where)\n"),
        (KeyError("x"), 1, "internal error: KeyError: 'x' (--debug shows where)\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
    ],
)
def test_errors_end_with_a_status_and_a_text(
    capsys: pytest.CaptureFixture[str], error: BaseException, status: int, text: str
) -> None:
    assert cli.exit_status(raising(error)) == status
    assert capsys.readouterr().err == text


def test_a_command_says_what_ctrl_c_leaves(
    package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = ModuleType("stopped")
    stopped.add_arguments = lambda parser: None
    stopped.run = lambda args: raising(KeyboardInterrupt())()
    for text in ("stopped", "stopped; the same command goes on"):
        assert run(package, default=stopped) == 130
        assert capsys.readouterr().err == f"{text}\n"
        stopped.ON_INTERRUPT = "stopped; the same command goes on"


@pytest.mark.parametrize("name", ["", "inner"])
@pytest.mark.parametrize("kind", ["file", "missing", "read-only"])
def test_places_that_cannot_be_written_are_the_users_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, kind: str
) -> None:
    place = tmp_path / "out"
    if kind == "file":
        place.write_text("")

    def work() -> None:
        if kind == "read-only":
            raise OSError(errno.EROFS, "Read-only file system", str(place / name))
        (place / name).mkdir() if kind == "file" else (place / name / "x").write_text("")

    for words in (["--out", str(place)], [f"--out={place}"], [str(place / name / "x" / "below")]):
        assert cli.exit_status(work, words=words) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: Expected to read or write") and str(place) in error


@pytest.mark.parametrize("words", [[], ["run", "--debug", "--size=3"], ["--out", "elsewhere"]])
def test_a_missing_file_that_no_word_names_is_an_internal_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert cli.exit_status((tmp_path / "ours").read_bytes, words=words) == 1
    assert capsys.readouterr().err.startswith("internal error: FileNotFoundError")


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOSPC, errno.EROFS])
def test_a_place_that_may_not_be_written_needs_no_word(
    capsys: pytest.CaptureFixture[str], code: int
) -> None:
    assert cli.exit_status(raising(OSError(code, "no", "runs")), words=[]) == 2
    assert capsys.readouterr().err.startswith("error: Expected to read or write runs, got: no")


def test_debug_shows_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_status(raising(DataError("Expected x")), debug=True) == 2
    text = capsys.readouterr().err
    assert "Traceback" in text and text.endswith("error: Expected x\n")


def test_work_without_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_status(lambda: None) == 0 and cli.exit_status(lambda: 3) == 3
    assert cli.exit_status(raising(KeyboardInterrupt()), on_interrupt=None) == 0
    assert capsys.readouterr().err == ""


def test_a_closed_pipe_is_quiet() -> None:
    code = (
        "import sys; from core import cli\n"
        "def work():\n    for i in range(100_000):\n        print(i)\n"
        "sys.exit(cli.exit_status(work))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 0
    process.stderr.close()


def test_work_goes_on_where_nobody_reads_its_progress() -> None:
    code = (
        "import sys; from core import cli, progress\n"
        "def work():\n    for i in range(50_000):\n        progress.say('line ' * 20)\n"
        "    print('finished')\n"
        "sys.exit(cli.exit_status(work))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stderr.readline()
    process.stderr.close()
    assert process.stdout.read() == b"finished\n" and process.wait() == 0
    process.stdout.close()


def test_a_seed_is_a_whole_number_of_at_least_0() -> None:
    assert cli.seed_number("0") == 0 and cli.seed_number("12") == 12
    for text in ("-1", "1.5", "nan", "", "x"):
        with pytest.raises(argparse.ArgumentTypeError, match="at least 0, got"):
            cli.seed_number(text)
