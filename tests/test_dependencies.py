"""Every dependency is explained, pinned and, but for torch, has a hash."""

from __future__ import annotations

import re

from scripts.hashes import UNHASHED, pins
from tests.conftest import ROOT


def names(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return dict(re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)", "\n".join(lines), flags=re.MULTILINE))


def test_each_has_a_reason_in_security_md() -> None:
    rows = re.findall(r"^\| ([\w, -]+) \| .+ \|$", (ROOT / "SECURITY.md").read_text("utf-8"), re.M)
    explained = {name for row in rows for name in row.split(", ")}
    assert set(names("requirements.txt")) <= explained


def test_each_pin_has_the_hash_of_its_wheel() -> None:
    text = (ROOT / "hashes.txt").read_text("utf-8")
    hashed = dict(re.findall(r"^(\S+) --hash=sha256:([0-9a-f]{64})$", text, flags=re.MULTILINE))
    assert list(hashed) == pins((ROOT / "constraints.txt").read_text("utf-8"))
    assert set(UNHASHED) <= set(names("constraints.txt"))
