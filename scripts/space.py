"""Write the Hugging Face Space: the demo, what it imports, the shipped model, and its pins.

The pins hold neither torch nor streamlit.

    python -m scripts.space DIR              writes the Space into DIR
    python -m scripts.space --requirements   prints the pins of the section [serving]

The script runs on the standard library alone, because `make demo` asks it for the pins before
anything is installed.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from core.cli import run_program
from core.system import ROOT
from scripts.space_folder import SpaceError, copy_files, files_in, say_written, section

APP = "apps/webcam"
MODEL = "assets/models/mien"
MODEL_FILES = (f"{MODEL}/model.onnx", f"{MODEL}/card.md", "assets/models/face_check.onnx")
"""What predicts; the weights to train from stay out."""
ON_A_LAPTOP = """It runs on a laptop's processor, sends no picture anywhere
and keeps none."""
ON_A_SPACE = """On this Space, pictures are processed on Hugging Face's machine and not kept."""
LICENCES = """## Licences

The code is MIT. The weights are for **non-commercial research**, as the data sets behind them are
(FER2013/FER+, UTKFace, FairFace, APPA-REAL)."""
ROOMS = ("core", "evaluation", "train", "apps")


def files_of(root: Path, module: str) -> list[Path]:
    """Return the file of `module` and the `__init__.py` of every package above it, if present."""
    parts = module.split(".")
    packages = [root.joinpath(*parts[:i], "__init__.py") for i in range(1, len(parts) + 1)]
    return [p for p in [*packages, root.joinpath(*parts).with_suffix(".py")] if p.is_file()]


def imported(path: Path) -> set[str]:
    """Return the first-party modules that a file imports; of `from a import b` `a` and `a.b`."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in modules if name.split(".")[0] in ROOMS}


def closure(root: Path, start: list[Path]) -> set[Path]:
    """Return `start` and every first-party file that it imports, directly or through others."""
    done: set[Path] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path not in done:
            done.add(path)
            waiting += [file for module in imported(path) for file in files_of(root, module)]
    return done


def front_matter(readme: str) -> str:
    """Return the README's YAML block and first section, without pictures, and the licences.

    What the first section says of the visitor's own machine is replaced: on a Space, pictures are
    processed on Hugging Face's.
    """
    first = re.split(r"^## ", readme, maxsplit=1, flags=re.MULTILINE)[0]
    first = re.sub(r"^!\[.*\n?", "", first, flags=re.MULTILINE).replace(ON_A_LAPTOP, ON_A_SPACE)
    return f"{first.rstrip()}\n\n{LICENCES}\n"


def pins(root: Path = ROOT) -> str:
    """Return the pins of the section [serving], one a line."""
    return "\n".join(section((root / "requirements.txt").read_text(encoding="utf-8"), "serving"))


def write(target: Path, root: Path = ROOT) -> list[Path]:
    """Write the Space into `target` and return its files.

    Of an earlier Space only what this script writes is replaced.

    Raises:
        SpaceError: the model is missing, or `target` holds something else.
    """
    if not (root / MODEL / "model.onnx").is_file():
        raise SpaceError(
            f"Expected the shipped model in {root / MODEL}, got none; "
            "try `python -m train --data DIR`."
        )
    demo = [p for p in (root / APP).rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")]
    code = closure(
        root,
        [root / APP / "app.py", root / APP / "__main__.py", *files_of(root, APP.replace("/", "."))],
    )
    model = [root / name for name in MODEL_FILES]
    copy_files(target, APP, [*demo, *code, *model, root / "LICENSE"], root)
    (target / "requirements.txt").write_text(pins(root) + "\n", encoding="utf-8")
    (target / "README.md").write_text(
        front_matter((root / "README.md").read_text(encoding="utf-8")), encoding="utf-8"
    )
    return files_in(target)


def run(args: argparse.Namespace) -> None:
    """Print the pins, or write the Space and say what it holds."""
    if args.requirements:
        print(pins())
        return
    if args.folder is None:
        raise SpaceError("Expected one folder, got none; try: python -m scripts.space /tmp/space")
    say_written(args.folder, write(args.folder))


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.space", description="Write the demo's Space."
    )
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="folder to write into")
    parser.add_argument(
        "--requirements", action="store_true", help="only print the pins of the section [serving]"
    )
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
