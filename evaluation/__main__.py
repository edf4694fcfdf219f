"""`python -m evaluation`: one subcommand per file of this folder that has `add_arguments(parser)`
and `run(args) -> int`.

Exit status 2 for the user's mistake, 1 for ours; a traceback only with --debug.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Iterable

from core import registry
from core.errors import UserError

ROOM = "evaluation.commands"


def commands(names: Iterable[str]) -> dict[str, object]:
    """Name -> module of those of `names` that are subcommands."""
    found = {name: registry.load(ROOM, name) for name in names}
    return {
        name: module
        for name, module in found.items()
        if hasattr(module, "run") and hasattr(module, "add_arguments")
    }


def parser(argv: list[str]) -> argparse.ArgumentParser:
    """Knows all subcommands, or only the one that `argv` names: then the others' imports cost
    nothing.
    """
    top = argparse.ArgumentParser(
        prog="python -m evaluation",
        description="Where a model fails: predictions, figures, benchmarks.",
    )
    known = registry.names(ROOM)
    chosen = commands([a for a in argv[:1] if a in known]) or commands(known)
    subs = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in chosen.items():
        text = (module.__doc__ or "").strip()
        first = text.split("\n")[0].split(": ", 1)[-1].replace("%", "%%")
        sub = subs.add_parser(
            name, help=first, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        sub.add_argument(
            "--debug", action="store_true", help="show a traceback where something fails"
        )
        module.add_arguments(sub)  # type: ignore[attr-defined]
        sub.set_defaults(run=module.run)  # type: ignore[attr-defined]
    return top


def main(argv: list[str] | None = None) -> int:
    """Runs one subcommand and returns its exit status."""
    argv = sys.argv[1:] if argv is None else argv
    debug = "--debug" in argv
    try:
        args = parser(argv).parse_args(argv)
        status = int(args.run(args))
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return 130
    except Exception as error:
        if debug:
            traceback.print_exc()
        mistake = isinstance(error, UserError)
        text = (
            f"error: {error}"
            if mistake
            else f"internal error: {type(error).__name__}: {error} (--debug shows where)"
        )
        print(text, file=sys.stderr)
        return 2 if mistake else 1


if __name__ == "__main__":
    sys.exit(main())
