"""The one error that is the user's to mend: it says what was expected, what came, and what to try."""

from __future__ import annotations

import sys
from collections.abc import Callable


class UserError(ValueError):
    """A mistake in what the user gave. Command lines print its text and exit with status 2."""


class ImageError(UserError):
    """A file or array that cannot be read as a picture."""


class ModelError(UserError):
    """A model file that is missing, damaged or not one of ours."""


class DataError(UserError):
    """A data folder, table or split that is missing or malformed."""


def status(work: Callable[[], object], debug: bool) -> int:
    """The exit status of an app that does `work` until it is interrupted: 0; 2 after the user's
    mistake and 1 after the system's, which are printed, or raised with `debug`.
    """
    try:
        work()
    except KeyboardInterrupt:
        return 0
    except (UserError, OSError) as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    return 0
