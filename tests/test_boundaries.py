"""Boundaries: which room may import which, where torch is imported, where class names stand, and
that nothing is unpickled.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import PurePath

import pytest

from core.labels import FERPLUS8, GENDER2
from tests.conftest import ROOT

MAY_IMPORT = {
    "core": {"core"},
    "evaluation": {"core", "evaluation"},
    "train": {"core", "evaluation", "train"},
}
MAY_IMPORT["apps"] = {"core", "evaluation", "apps"}
CLASS_NAMES = {*FERPLUS8.labels, *GENDER2.labels}
UNSAFE = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}


def imports(tree: ast.AST, package: str = "") -> Iterator[str]:
    """Names of all modules that are imported anywhere in `tree`; `package` resolves relative
    imports.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = (
                package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            )
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def upward(text: str, package: str) -> list[str]:
    """First-party imports of a file in `package` that its room may not make."""
    allowed = MAY_IMPORT[package.split(".")[0]]
    return sorted(
        {
            name
            for name in imports(ast.parse(text), package)
            if name.split(".")[0] in {*MAY_IMPORT, "tests", "scripts"} - allowed
        }
    )


def unsafe(text: str) -> list[str]:
    """Ways to unpickle in a file: modules, `allow_pickle=True`, `read_pickle`, and `torch.load`
    without `weights_only=True`.

    `pickle.UnpicklingError` alone is allowed: it is what `torch.load` raises, and no way to
    unpickle.
    """
    tree = ast.parse(text)
    pickle_names = {
        f"pickle.{n.attr}"
        for n in ast.walk(tree)
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "pickle"
    }
    names = set(imports(tree)) | pickle_names
    if "pickle.UnpicklingError" in names:
        names -= {"pickle", "pickle.UnpicklingError"}
    problems = sorted(name for name in names if name.split(".")[0] in UNSAFE)
    for node in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        called = ast.unparse(node.func)
        given = {k.arg: ast.unparse(k.value) for k in node.keywords}
        if (called == "torch.load" and given.get("weights_only") != "True") or called.endswith(
            "read_pickle"
        ):
            problems.append(f"{called} in line {node.lineno}")
        if given.get("allow_pickle", "False") != "False":
            problems.append(f"allow_pickle in line {node.lineno}")
    return problems


def class_names(text: str) -> list[str]:
    """String literals that are exactly a class name, docstrings left out."""
    tree = ast.parse(text)
    prose = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    literals = (
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in prose
    )
    return [
        f"{n.value!r} in line {n.lineno}"
        for n in literals
        if n.value.strip().lower() in CLASS_NAMES
    ]


@pytest.fixture(scope="module")
def sources() -> dict[PurePath, str]:
    """The text of every source file, by its path below the project's folder."""
    paths = (p for room in (*MAY_IMPORT, "scripts") for p in (ROOT / room).rglob("*.py"))
    return {p.relative_to(ROOT): p.read_text(encoding="utf-8") for p in sorted(paths)}


def test_rooms_import_downwards(sources: dict[PurePath, str]) -> None:
    rooms = {path: text for path, text in sources.items() if path.parts[0] in MAY_IMPORT}
    assert {path.parts[0] for path in rooms} == set(MAY_IMPORT)
    problems = {path: upward(text, ".".join(path.parent.parts)) for path, text in rooms.items()}
    assert {path: names for path, names in problems.items() if names} == {}


def test_nothing_is_unpickled(sources: dict[PurePath, str]) -> None:
    problems = {path: unsafe(text) for path, text in sources.items()}
    assert {path: ways for path, ways in problems.items() if ways} == {}


def test_class_names_stand_in_one_file(sources: dict[PurePath, str]) -> None:
    problems = {path: class_names(text) for path, text in sources.items()}
    assert [path for path, names in problems.items() if names] == [PurePath("core/labels.py")]


def test_the_checks_can_fail() -> None:
    assert upward("def f():\n    from train.loop.trainer import x", "apps.webcam") == [
        "train.loop.trainer",
        "train.loop.trainer.x",
    ]
    assert upward("from ...evaluation import table", "core.data") == [
        "evaluation",
        "evaluation.table",
    ]
    assert upward("from .sibling import f\nimport core.types, numpy", "core.data") == []
    assert unsafe("import pickle") == ["pickle"] and unsafe("from joblib import load") == [
        "joblib",
        "joblib.load",
    ]
    assert unsafe("import pickle\ntry: f()\nexcept pickle.UnpicklingError: pickle.load(g)") == [
        "pickle.load"
    ]
    assert unsafe("import pickle\ntry: f()\nexcept pickle.UnpicklingError: pass") == []
    assert unsafe("torch.load(p)\ntorch.load(p, weights_only=True)") == ["torch.load in line 1"]
    assert unsafe("np.load(p, allow_pickle=True)\nnp.load(p, allow_pickle=False)") == [
        "allow_pickle in line 1"
    ]
    first = FERPLUS8.labels[1]
    assert class_names(f'"""{first}"""\nx = ["{first.upper()}", "{first} rises"]') == [
        f"{first.upper()!r} in line 2"
    ]


def modules(package: str) -> list[str]:
    """`package` and all modules below it, found by their files; nothing is imported."""
    files = (
        p.relative_to(ROOT).with_suffix("").parts
        for p in ROOT.joinpath(*package.split(".")).rglob("*.py")
    )
    return sorted(
        ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for parts in files
        if parts[-1] != "__main__"
    )


PROBE = """
import importlib, sys
banned = set(sys.argv[1].split(","))
for name in sys.argv[2:]:
    importlib.import_module(name)
    if found := sorted(banned & set(sys.modules)):
        sys.exit(f"{name} imports {found}")
"""


def loads(banned: set[str], names: list[str]) -> str:
    """The complaint of a fresh interpreter that imports `names` one after the other; empty where
    none loads a banned module.
    """
    command = [sys.executable, "-c", PROBE, ",".join(banned), *names]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return "" if result.returncode == 0 else result.stderr[-2000:]


def test_core_needs_no_torch_and_no_page() -> None:
    names = [m for m in modules("core") if m != "core.models" and not m.startswith("core.models.")]
    assert {"core.predictor", "core.data.utkface"} <= set(names)
    assert loads({"torch", "streamlit", "gradio"}, names) == ""


def test_demo_needs_no_torch() -> None:
    assert loads({"torch", "streamlit"}, ["apps", *modules("apps.webcam")]) == ""


def test_evaluation_needs_no_torch() -> None:
    names = modules("evaluation")
    assert "evaluation.commands.predict" in names
    assert loads({"torch", "timm", "streamlit", "gradio"}, names) == ""


def test_the_probe_can_fail() -> None:
    assert "decimal imports" in loads({"decimal"}, ["decimal"])
