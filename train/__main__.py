"""`python -m train`: the command line. Exit status 2 for the user's mistake, 1 for ours; a
traceback only with --debug.
"""

from __future__ import annotations

import sys
import traceback

from core import progress
from core.errors import UserError
from train import fit
from train.commands import _commands

EPILOG = """examples:
  python -m train --data DIR                      regenerate what assets/models ships
  python -m train --data DIR --budget 90m         the same within ninety minutes; Ctrl-C is safe, --resume goes on
  python -m train --list                          all recipes
  python -m train study fer_colour --data DIR     a family of recipes and its table; study --list shows all
  python -m train prepare ferplus --data DIR      detect and align once, into the cache
  python -m train export runs/mien --data DIR --int8 --out mymodel      calibrated, with its figures, in INT8
"""


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    argv = sys.argv[1:] if argv is None else argv
    debug = "--debug" in argv
    argv = [a for a in argv if a != "--debug"]
    try:
        command = _commands.COMMANDS.get(argv[0]) if argv else None
        if command:
            return command(argv[1:], f"python -m train {argv[0]}")
        return fit.run(argv, "python -m train", EPILOG)
    except UserError as error:
        if debug:
            traceback.print_exc()
        progress.say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        progress.say("stopped; nothing finished is lost, the same command with --resume goes on")
        return 130
    except Exception as error:
        if debug:
            traceback.print_exc()
        progress.say(f"internal error: {type(error).__name__}: {error} (--debug shows where)")
        return 1


if __name__ == "__main__":
    sys.exit(main())
