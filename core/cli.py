"""Command lines: exit statuses, errors as text, and a folder of commands as subcommands.

A command is a module with `add_arguments(parser)` and `run(args) -> int`. The first line of its
docstring is its help. `ON_INTERRUPT`, where it has one, is what Ctrl-C prints. Only the chosen
command is imported; the help of the others is read from their source.
"""

from __future__ import annotations

import argparse
import ast
import errno
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from core import registry
from core.errors import UserError
from core.terminal import printable

USER_ERROR, INTERNAL_ERROR, INTERRUPTED = 2, 1, 130
"""Exit statuses."""
STOPPED = "stopped"
"""What Ctrl-C prints. Some commands have written files by then, so it does not speak of them."""
MACHINE_ERRORS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC}
"""Errors of files that this computer does not let anybody, or this user, read or write."""
NAME_ERRORS = {
    errno.ENOENT,
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
}
"""Errors of files that were named wrongly: the user's mistake where a word of the command line
names the file, ours where none does.
"""


def exit_status(
    work: Callable[[], int | None],
    *,
    words: Sequence[str] | None = None,
    debug: bool = False,
    on_interrupt: str | None = STOPPED,
) -> int:
    """Run `work` and return the exit status of the process, errors printed on stderr.

    Args:
        work: returns a status; None counts as 0.
        words: of the command line (default: those of this process).
        debug: print the traceback of an error before its text.
        on_interrupt: what Ctrl-C prints before status 130 (a `KeyboardInterrupt` that has a text
            of its own prints that); None where Ctrl-C is the usual end, as of a server: nothing is
            printed, and the status is 0.

    Returns:
        What `work` returned; 2 after a `UserError`, a place that may not be read or written, or
        one that does not exist and is named by one of `words`; 1 after any other exception. A pipe
        that its reader closed, such as `| head`, is no error.
    """
    try:
        status = work() or 0
        sys.stdout.flush()
        return int(status)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as stop:
        if on_interrupt is None:
            return 0
        print(str(stop) or on_interrupt, file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if debug:
            traceback.print_exc()
        if isinstance(error, UserError):
            print(printable(f"error: {error}"), file=sys.stderr)
            return USER_ERROR
        if isinstance(error, OSError) and _is_users_mistake(
            error, sys.argv[1:] if words is None else words
        ):
            print(
                printable(
                    f"error: Expected to read or write {error.filename}, got: {error.strerror}; "
                    "try another place, or change its permissions."
                ),
                file=sys.stderr,
            )
            return USER_ERROR
        print(
            printable(f"internal error: {type(error).__name__}: {error} (--debug shows where)"),
            file=sys.stderr,
        )
        return INTERNAL_ERROR


def _is_users_mistake(error: OSError, words: Sequence[str]) -> bool:
    """Return whether a place that cannot be read or written is the user's to mend."""
    if not isinstance(error.filename, str | bytes | os.PathLike):
        return False
    if error.errno in MACHINE_ERRORS:
        return True
    place = Path(os.path.realpath(os.fsdecode(error.filename)))
    values = {value for word in words for value in (word, word.partition("=")[2]) if value}
    paths = [Path(os.path.realpath(value)) for value in values if "\0" not in value]
    return error.errno in NAME_ERRORS and any(
        place.is_relative_to(path) or path.is_relative_to(place) for path in paths
    )


def run_program(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], int | None],
    argv: Sequence[str] | None = None,
) -> int:
    """Run a program of one command and return the exit status of the process, as `exit_status`.

    Args:
        parser: of its words; it gets `--debug`.
        run: what the command does.
        argv: the words (default: those of this process).
    """
    add_debug(parser)
    args = parser.parse_args(argv)
    return exit_status(lambda: run(args), words=argv, debug=args.debug)


def add_debug(parser: argparse.ArgumentParser) -> None:
    """Add the option that all commands have."""
    parser.add_argument(
        "--debug", action="store_true", help="show a traceback where something fails"
    )


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add `--trust`, for commands that take a model file."""
    parser.add_argument(
        "--trust",
        action="store_true",
        help="open a model with operators or sizes that are not allowed, too: "
        "only where you know who made it",
    )


def count_number(text: str) -> int:
    """Return a whole number from 1, for `add_argument(type=count_number)`.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _whole_number(text, 1)


def seed_number(text: str) -> int:
    """Return the value of `--seed`, for `add_argument(type=seed_number)`.

    Raises:
        argparse.ArgumentTypeError: it is no whole number of at least 0, which numpy asks for.
    """
    return _whole_number(text, 0)


def _whole_number(text: str, least: int) -> int:
    with suppress(ValueError):
        if (number := int(text)) >= least:
            return number
    raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, got {text!r}")


def trust_option(*, is_trusted: bool) -> list[str]:
    """Return the words that hand `--trust` on to another program."""
    return ["--trust"] if is_trusted else []


def run_commands(
    package: str,
    prog: str,
    description: str,
    argv: Sequence[str] | None = None,
    *,
    default: ModuleType | None = None,
    epilog: str | None = None,
    on_interrupt: str = STOPPED,
) -> int:
    """Run one command of the folder `package` and return the exit status of the process.

    Args:
        package: dotted name of the folder; every public module in it is a command.
        prog: how the program is called, e.g. `python -m evaluation`.
        description: one sentence for `--help`.
        argv: the words after `prog` (default: those of this process).
        default: the command that runs where `argv` does not begin with the name of one.
        epilog: text below the help of all commands, e.g. examples; shown as it is.
        on_interrupt: what Ctrl-C prints where the command has no `ON_INTERRUPT`.
    """
    words = list(sys.argv[1:] if argv is None else argv)

    def work() -> int:
        args = _parser(package, prog, description, words, default, epilog).parse_args(words)
        try:
            return int(args.run(args))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(args.on_interrupt) from None

    return exit_status(work, words=words, debug="--debug" in words, on_interrupt=on_interrupt)


def _parser(
    package: str,
    prog: str,
    description: str,
    words: Sequence[str],
    default: ModuleType | None,
    epilog: str | None,
) -> argparse.ArgumentParser:
    names = registry.names(package)
    chosen = words[0] if words and words[0] in names else None
    parser = argparse.ArgumentParser(
        prog=prog,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if default is not None and chosen is None:
        _fill(parser, default)
        listing = "\n".join(f"  {name:10} {_first_line(package, name)}" for name in names)
        parser.epilog = "\n\n".join(filter(None, (f"commands:\n{listing}", epilog)))
        return parser
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in names:
        command = commands.add_parser(
            name,
            help=_first_line(package, name).replace("%", "%%"),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == chosen:
            module = registry.load(package, name)
            command.description = (module.__doc__ or "").strip()
            _fill(command, module)
    return parser


def _fill(parser: argparse.ArgumentParser, command: ModuleType) -> None:
    add_debug(parser)
    command.add_arguments(parser)
    parser.set_defaults(run=command.run, on_interrupt=getattr(command, "ON_INTERRUPT", ""))


def _first_line(package: str, name: str) -> str:
    """Return the first line of a command's docstring, without importing the command."""
    spec = importlib.util.find_spec(f"{package}.{name}")
    if spec is None or spec.origin is None:
        return ""
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return text.split("\n", 1)[0].removeprefix(f"{name}: ")
