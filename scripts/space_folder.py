"""What both Spaces need: the folder that they are written into, pins, and the README's head."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from core.errors import UserError
from core.system import ROOT

NEW_SPACE = {".git", ".gitattributes", "README.md"}
"""What a Space that was just created on the Hub holds."""
CODE = ("apps", "core", "evaluation", "scripts", "tests", "train")
"""Folders of the project that no Space is written into."""


class SpaceError(UserError):
    """What is in the way of a Space."""


def section(text: str, name: str) -> list[str]:
    """Return the pins between `# [name]` and the next such heading of a requirements file.

    Raises:
        SpaceError: there is no such section, or a line in it is not an exact pin.
    """
    _, *parts = re.split(r"^# \[(\w+)\].*$", text, flags=re.MULTILINE)  # name, body, name, ...
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    if name not in sections:
        raise SpaceError(f"Expected a section of {sorted(sections)}, got {name!r}.")
    pins = [
        line.strip()
        for line in sections[name].splitlines()
        if line.strip() and not line.startswith("#")
    ]
    if loose := [pin for pin in pins if "==" not in pin]:
        raise SpaceError(f"Expected exact pins (==) in section [{name}], got {loose}.")
    return pins


def copy_files(target: Path, app: str, paths: Iterable[Path], root: Path = ROOT) -> None:
    """Copy files of the project into a Space; of an earlier Space only these folders are replaced.

    Args:
        target: the Space's folder.
        app: its app's folder below `root`, by which an earlier Space is known.
        paths: files below `root`.
        root: of the project.

    Raises:
        SpaceError: `target` is in the project's code, a file, or holds something else.
    """
    resolved = target.resolve()
    if resolved == root or any(resolved.is_relative_to(root / room) for room in CODE):
        raise SpaceError(f"Expected a folder outside the code, got {target}; try /tmp/space.")
    if target.exists() and not target.is_dir():
        raise SpaceError(f"Expected a folder, got {target}, which is a file; try another DIR.")
    foreign = {p.name for p in target.iterdir()} - NEW_SPACE if target.exists() else set()
    if foreign and not (target / app).is_dir():
        raise SpaceError(
            f"Expected an empty folder or an earlier Space, got {target} with other files "
            f"({min(foreign)}); try another DIR."
        )
    for old in ("apps", "core", "evaluation", "assets"):
        shutil.rmtree(target / old, ignore_errors=True)
    for path in sorted(set(paths)):
        copy = target / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def say_written(target: Path, files: list[Path]) -> None:
    """Say what a Space holds."""
    megabytes = sum(p.stat().st_size for p in files) / 1e6
    print(f"{len(files)} files, {megabytes:.1f} MB, in {target}", file=sys.stderr)


def files_in(target: Path) -> list[Path]:
    """Return the files of a Space, without its repository's own."""
    return sorted(p for p in target.rglob("*") if p.is_file() and ".git" not in p.parts)
