"""Exit status and output of the measuring commands."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from apps.webcam.benchmarks import targets
from core.errors import DataError


@dataclass(frozen=True)
class SomeReport:
    met: dict[str, bool | None]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def run(measured: dict[str, bool | None] | BaseException, *options: str) -> int:
    def measure(_: object) -> SomeReport:
        if isinstance(measured, BaseException):
            raise measured
        return SomeReport(measured)

    args = targets.build_parser("x", "y").parse_args(options)
    return targets.run(args, measure, lambda report, console: None)


@pytest.mark.parametrize(
    ("measured", "status", "gated"),
    [
        ({"fast": True, "flat": True}, 0, 0),
        ({"fast": True, "flat": False}, 0, 3),
        (KeyboardInterrupt(), 0, 3),  # interrupted: no target was shown to be met
        (DataError("Expected a visitor, got none."), 2, 2),
        (OSError("the port is taken"), 1, 1),
    ],
)
def test_the_exit_status(measured: dict[str, bool | None] | BaseException, status: int, gated: int):
    assert run(measured) == status
    assert run(measured, "--gate") == gated


def test_the_verdicts_are_words_or_json(capsys: pytest.CaptureFixture):
    run({"fast": True, "flat": False})
    assert capsys.readouterr().out.splitlines() == ["met     fast", "MISSED  flat"]
    run({"fast": True}, "--json")
    assert json.loads(capsys.readouterr().out) == {"met": {"fast": True}}
