"""Write the Hugging Face Space: the demo, what it imports, the shipped model, and its pins.

The pins hold neither torch nor streamlit.

    python scripts/space.py DIR              writes the Space into DIR
    python scripts/space.py --requirements   prints the pins of the section [serving]

The script runs on the standard library alone, because `make demo` asks it for the pins before
anything is installed.
"""

from __future__ import annotations

import ast
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APP = "apps/webcam"
MODEL = "assets/models/mien"
MODEL_FILES = (f"{MODEL}/model.onnx", f"{MODEL}/card.md", "assets/models/face_check.onnx")
"""What predicts; the weights to train from stay out."""
NEW_SPACE = {".git", ".gitattributes", "README.md"}
"""What a Space that was just created on the Hub holds."""
ON_A_LAPTOP = """It runs on a laptop's processor; no face leaves the machine or stays on it."""
ON_A_SPACE = """On this Space, pictures are processed on Hugging Face's machine and not kept."""
LICENCES = """## Licences

The code is MIT. The weights are for **non-commercial research**, as the data sets behind them are
(FER2013/FER+, UTKFace)."""
ROOMS = ("core", "evaluation", "train", "apps")


class SpaceError(ValueError):
    """A mistake that the user can mend; printed without a traceback."""


def section(text: str, name: str) -> list[str]:
    """Return the pins between `# [name]` and the next such heading of a requirements file.

    Raises:
        SpaceError: there is no such section, or a line in it is not an exact pin.
    """
    heads = re.split(r"^# \[(\w+)\].*$", text, flags=re.MULTILINE)[
        1:
    ]  # name, body, name, body, ...
    sections = dict(zip(heads[::2], heads[1::2], strict=True))
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
    if target.resolve().is_relative_to(root / "core") or target.resolve() == root:
        raise SpaceError(f"Expected a folder outside the code, got {target}; try /tmp/space.")
    foreign = {p.name for p in target.iterdir()} - NEW_SPACE if target.exists() else set()
    if foreign and not (target / APP).is_dir():
        raise SpaceError(
            f"Expected an empty folder or an earlier Space, got {target} with other files "
            f"({min(foreign)}); try another DIR."
        )
    for old in ("apps", "core", "evaluation", "assets"):
        shutil.rmtree(target / old, ignore_errors=True)

    demo = [p for p in (root / APP).rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")]
    code = closure(
        root,
        [root / APP / "app.py", root / APP / "__main__.py", *files_of(root, APP.replace("/", "."))],
    )  # no measuring
    model = [root / name for name in MODEL_FILES]
    for path in sorted({*demo, *code, *model, root / "LICENSE"}):
        copy = target / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    pins = section((root / "requirements.txt").read_text(encoding="utf-8"), "serving")
    (target / "requirements.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")
    (target / "README.md").write_text(
        front_matter((root / "README.md").read_text(encoding="utf-8")), encoding="utf-8"
    )
    return sorted(p for p in target.rglob("*") if p.is_file() and ".git" not in p.parts)


def main(arguments: list[str]) -> int:
    """Return the exit status: 0, or 2 for the user's mistake."""
    try:
        if arguments == ["--requirements"]:
            print(
                "\n".join(
                    section((ROOT / "requirements.txt").read_text(encoding="utf-8"), "serving")
                )
            )
        elif len(arguments) == 1 and not arguments[0].startswith("-"):
            files = write(Path(arguments[0]))
            megabytes = sum(p.stat().st_size for p in files) / 1e6
            print(f"{len(files)} files, {megabytes:.1f} MB, in {arguments[0]}", file=sys.stderr)
        else:
            raise SpaceError(
                f"Expected one folder, got {arguments}; try: python scripts/space.py /tmp/space"
            )
    except SpaceError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
