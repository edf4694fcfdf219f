"""The structure of the code: no circle of imports, one class per name, folders of few files, names
of the field.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("core", "evaluation", "train", "apps", "scripts")
REGISTRIES = {"core/data", "evaluation/quality/checks", "train/recipes"}
"""Folders with one member per file, which grow with every member."""
MAX_FILES_PER_FOLDER = 20
VAGUE_NAMES = {"found", "made", "seen", "said", "told", "there", "known", "whole", "honest"}
VAGUE_NAMES |= {"MOST", "LEAST", "SHOWN", "REACH"}
"""Names that do not say what they hold."""

Graph = dict[str, set[str]]


def module_name(path: Path, root: Path = ROOT) -> str:
    """Return the dotted name of a file; a package has the name of its folder."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def source_files() -> dict[str, Path]:
    """Return the dotted name and path of every source file of the project, tests left out."""
    return {module_name(p): p for folder in PACKAGES for p in (ROOT / folder).rglob("*.py")}


def import_graph(sources: Mapping[str, str]) -> Graph:
    """Return, for each module, the modules of `sources` that it imports anywhere in its text."""
    graph: Graph = {name: set() for name in sources}
    for name, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            targets: list[str] = []
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                full_names = [f"{node.module}.{alias.name}" for alias in node.names]
                targets = [full if full in sources else node.module for full in full_names]
            graph[name] |= {t for t in targets if t in sources and t != name}
    return graph


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return one circle of the graph as a path that ends where it begins; empty without one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def sibling_graphs(graph: Graph) -> dict[str, Graph]:
    """Return, for each folder, which of its files and subfolders import which of the others.

    A subfolder counts as one node, with all that lies in it. The file `__init__` belongs to the
    folder itself and is left out, as is what a file imports from outside its folder.
    """
    graphs: dict[str, Graph] = defaultdict(lambda: defaultdict(set))
    for importer, imported_modules in graph.items():
        for imported in imported_modules:
            a, b = importer.split("."), imported.split(".")
            shared = 0
            while shared < min(len(a), len(b)) and a[shared] == b[shared]:
                shared += 1
            if 0 < shared < min(len(a), len(b)):
                graphs[".".join(a[:shared])][a[shared]].add(b[shared])
    return graphs


def project_graph() -> Graph:
    return import_graph({name: p.read_text("utf-8") for name, p in source_files().items()})


def test_no_circle_between_files() -> None:
    assert cycle(project_graph()) == []


def test_no_circle_between_the_members_of_a_folder() -> None:
    circles = {folder: cycle(graph) for folder, graph in sibling_graphs(project_graph()).items()}
    assert {folder: circle for folder, circle in circles.items() if circle} == {}


def test_circles_are_found() -> None:
    files = import_graph({"core.a": "from core import b", "core.b": "def f():\n    import core.a"})
    assert sorted(set(cycle(files))) == ["core.a", "core.b"]
    folders = import_graph(
        {"t.x.a": "from t.y.a import f", "t.y.a": "", "t.y.b": "import t.x.b", "t.x.b": ""}
    )
    assert cycle(folders) == [] and set(cycle(sibling_graphs(folders)["t"])) == {"x", "y"}


def test_a_public_class_name_stands_for_one_class() -> None:
    names = Counter(
        node.name
        for path in source_files().values()
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_a_folder_has_few_files() -> None:
    counts = Counter(
        p.parent.relative_to(ROOT).as_posix()
        for p in source_files().values()
        if p.name not in ("__init__.py", "__main__.py")
    )
    crowded = {f: n for f, n in counts.items() if n > MAX_FILES_PER_FOLDER and f not in REGISTRIES}
    assert crowded == {}


@pytest.mark.parametrize("folder", [*PACKAGES, "tests"])
def test_the_formatter_has_no_exceptions(folder: str) -> None:
    marks = ("# fmt: " + "skip", "# fmt: " + "off")
    files = (p for p in (ROOT / folder).rglob("*.py"))
    assert [module_name(p) for p in files if any(m in p.read_text("utf-8") for m in marks)] == []


def vague_names(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of each variable, argument, function or import with a vague name."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case (
                ast.Name(id=name)
                | ast.arg(arg=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.alias(asname=str(name))
                | ast.alias(name=name)
            ) if name in VAGUE_NAMES:
                yield node.lineno, name


@pytest.mark.parametrize("folder", [*PACKAGES, "tests"])
def test_names_say_what_they_hold(folder: str) -> None:
    vague = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, name in vague_names(path.read_text("utf-8"))
    ]
    assert not vague, (
        "Expected names that say what they hold, such as `findings`, `table` or `MAX_ROWS`,"
        f" got {', '.join(vague)}; try the term of docs/glossary.md."
    )


def test_vague_names_are_found() -> None:
    text = """
from m import made
from m import a as seen
async def told(honest, *, REACH=1):
    whole = [known for known in ()]
    def said(): (there := f"{found}")
class C:
    MOST: int
"""
    assert {name for _, name in vague_names(text)} == VAGUE_NAMES - {"LEAST", "SHOWN"}
    assert not list(vague_names("x.found = f(made='said')  # whole"))
