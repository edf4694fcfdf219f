"""docs/architecture.md: its files exist, and each walk is a connected part of the import graph."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from tests.test_structure import module_name, project_graph

TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
WALKS = dict(re.findall(r"^### (.+?)\n(.*?)(?=^###|\Z)", TEXT, re.MULTILINE | re.DOTALL))
FILE = re.compile(r"`((?:core|evaluation|train|apps|tests)/[\w/]+\.py)`")


def test_all_files_exist() -> None:
    files = FILE.findall(TEXT)
    assert len(files) > 25 and [f for f in files if not (ROOT / f).is_file()] == []


@pytest.mark.parametrize("walk", WALKS)
def test_the_files_of_a_walk_lead_to_each_other(walk: str) -> None:
    """Imports among the named files alone connect them: no step is left out."""
    names = {module_name(ROOT / file) for file in FILE.findall(WALKS[walk])}
    graph = project_graph()
    reached, waiting = set[str](), [min(names)]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        neighbours = graph[name] | {other for other in names if name in graph[other]}
        waiting += (neighbours & names) - reached
    assert names - reached == set()


def test_there_is_a_walk_for_each_door() -> None:
    assert len(WALKS) == 4
