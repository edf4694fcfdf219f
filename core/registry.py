"""The registry is the folder: every module of a package is a member, its file's name its key."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from types import ModuleType

from core.errors import UserError


def names(package: str) -> list[str]:
    """Return the names of the public modules directly inside `package`, sorted.

    Nothing is imported but the package itself.
    """
    path = importlib.import_module(package).__path__
    return sorted(
        m.name for m in pkgutil.iter_modules(path) if not m.ispkg and not m.name.startswith("_")
    )


def load(package: str, name: str) -> ModuleType:
    """Return the module `package.name`.

    Raises:
        UserError: there is no such file; the message names the nearest one.
    """
    members = names(package)
    if name not in members:
        near = difflib.get_close_matches(name, members, n=1)
        raise UserError(
            f"Expected one of {', '.join(members)}, got {name!r}"
            + (f"; did you mean {near[0]!r}?" if near else f"; see {package}/.")
        )
    return importlib.import_module(f"{package}.{name}")
