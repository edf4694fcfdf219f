"""Write the evaluation studio as a Hugging Face Docker Space: its code, the samples, its pins.

    python -m scripts.space_studio DIR

The pins hold neither torch nor gradio. A visitor's uploads are theirs for an hour, in memory.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from core.cli import run_program
from core.system import ROOT
from scripts.space_folder import SpaceError, copy_files, files_in, say_written, section

APP = "apps/studio"
ROOMS = ("core", "evaluation", APP)
LEFT_OUT = ("core/models", "evaluation/benchmark", "evaluation/commands")
"""Folders for training, measuring and the command line."""
ASSETS = ("assets/sample", "assets/splits")
NOT_NEEDED = ("gradio",)
"""Pins of the demo alone."""
PORT = 7860
"""Where Spaces look for an app."""
FRONT_MATTER = f"""---
title: Mien studio
emoji: 🔎
colorFrom: indigo
colorTo: blue
sdk: docker
app_port: {PORT}
license: mit
short_description: Where does a face model fail, and for whom?
pinned: false
---

# Mien studio

Open the predictions of any model that reads faces, or those that come with it, and see where the
model fails, for whom, and how sure one can be: a page for each question, each figure with its
interval.

An uploaded table is processed on this Space's machine, kept in memory under an address that nobody
can guess, and deleted after an hour. Upload nothing that may not leave your own machine: the studio
also runs there (`make studio`).
"""
DOCKERFILE = f"""FROM python:3.11-slim
RUN useradd --create-home --uid 1000 user
USER user
WORKDIR /home/user/app
ENV PYTHONUNBUFFERED=1
COPY --chown=user requirements.txt constraints.txt ./
RUN pip install --no-cache-dir --user -r requirements.txt -c constraints.txt
COPY --chown=user . .
EXPOSE {PORT}
CMD ["python", "-m", "apps.studio", "--host", "0.0.0.0", "--port", "{PORT}"]
"""


def write(target: Path, root: Path = ROOT) -> list[Path]:
    """Write the Space into `target` and return its files.

    Raises:
        SpaceError: `target` is in the project's code or holds something else.
    """
    rooms = [p for room in ROOMS for p in (root / room).rglob("*") if p.is_file()]
    left_out = tuple(root / folder for folder in LEFT_OUT)
    code = [
        p
        for p in rooms
        if "__pycache__" not in p.parts and not any(p.is_relative_to(f) for f in left_out)
    ]
    assets = [p for folder in ASSETS for p in (root / folder).rglob("*") if p.is_file()]
    copy_files(target, APP, [*code, *assets, root / "apps" / "__init__.py", root / "LICENSE"], root)
    text = (root / "requirements.txt").read_text(encoding="utf-8")
    pins = [*section(text, "serving"), *section(text, "evaluation")]
    needed = [pin for pin in pins if pin.partition("==")[0] not in NOT_NEEDED]
    constraints = (root / "constraints.txt").read_text(encoding="utf-8")
    for name, content in {
        "requirements.txt": "\n".join(needed) + "\n",
        "constraints.txt": constraints,
        "Dockerfile": DOCKERFILE,
        "README.md": FRONT_MATTER,
    }.items():
        (target / name).write_text(content, encoding="utf-8")
    return files_in(target)


def run(args: argparse.Namespace) -> None:
    """Write the Space and say what it holds."""
    if args.folder is None:
        raise SpaceError("Expected one folder, got none; try /tmp/studio-space.")
    say_written(args.folder, write(args.folder))


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.space_studio", description="Write the studio's Space."
    )
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="folder to write into")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
